"""The study's figures beside one's own. None that is recollected is held against anything here."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from afield.analysis.analyse import analyse
from afield.analysis.study_figures import READ, published_beside_own, study_figures
from afield.tasks.builtin import TASKS


def table(task: str, n: int = 16) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    x = np.linspace(57, 84, n)
    return pd.DataFrame(
        {
            "backbone": [f"net{place:02}" for place in range(n)],
            "imagenet_top1": x,
            "task": task,
            "metric": "accuracy",
            "value": 0.6 + 0.001 * x + 0.01 * generator.normal(size=n),
        }
    )


def test_each_figure_says_where_it_is_from_and_how_sure_it_is() -> None:
    figures = study_figures()
    assert {figure.task for figure in figures} <= set(TASKS)
    assert {figure.figure for figure in figures} == {"r", "slope"}
    for figure in figures:
        assert figure.low <= figure.high
        assert "arXiv 2301.04644" in figure.source
        assert figure.sure == READ or figure.sure.endswith("unverified")
    # the three that PAPER.md 4.1 says were read
    read = {(figure.task, figure.figure): figure.low for figure in figures if figure.sure == READ}
    assert read == {("melanoma2020", "r"): 0.44, ("cassava", "r"): 0.12, ("cassava", "slope"): 0.02}


def test_ones_own_is_that_of_backbones_above_the_cut() -> None:
    mine = table("cassava")
    found = published_beside_own(analyse(mine).fits)
    rows = found.table.set_index("figure")
    above = mine[mine["imagenet_top1"] > 70]
    fit = linregress(above["imagenet_top1"], 100 * above["value"])
    assert rows.loc["slope", "own"] == pytest.approx(fit.slope)
    assert rows.loc["r", "own"] == pytest.approx(fit.rvalue)
    assert rows.loc["r", "n"] == len(above) == 8
    slope = rows.loc["slope"]
    assert slope["within"] == (slope["low"] <= 0.02 <= slope["high"])
    assert found.words.startswith("The study's figures above 70 % on ImageNet that were read in a public source: r on")


def test_what_is_recollected_is_called_unverified() -> None:
    words = analyse(table("eurosat")).over("published").words
    assert words == "Two figures beside one's own here are recollected and unverified: nothing may rest on them."


def test_other_tasks_and_too_few_backbones() -> None:
    nothing = analyse(table("moths")).over("published")
    assert nothing.table.empty
    assert "none of its tasks is here (cct20, aptos2019, hpa2018 and three others)" in nothing.words
    few = analyse(table("cassava", n=4)).over("published")
    assert few.table["own"].isna().all()
    assert not few.table["within"].any()
    assert few.words == "Too few backbones above 70 % for figures of one's own on cassava."
