"""Logits over tasks by hand, and web-scraped against real-world: paired, against scipy and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import linregress, t

from afield.analysis.analyse import Analysis, analyse
from afield.analysis.described import over_tasks_in_full
from afield.analysis.over_tasks.domains import COLUMNS, domain_words
from afield.analysis.tables.table import TableChoice
from afield.base.errors import InputError

REAL, WEB = ("traps", "cells", "fields"), ("pets", "cars", "food", "birds")


def table(real: float = 0.2, web: float = 0.9, n: int = 16, seed: int = 0, domain: bool = True) -> pd.DataFrame:
    """Backbones whose slopes between logits are these; what a backbone does everywhere alike is large."""
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(58, 84, n))
    there, common = logit(x / 100), 0.3 * generator.normal(size=n)
    blocks = []
    for place, task in enumerate((*REAL, *WEB)):
        slope = real if task in REAL else web
        here = 0.3 * place - 0.5 + slope * (there - there.mean()) + common + 0.05 * generator.normal(size=n)
        columns = {"backbone": [f"net{k:02}" for k in range(n)], "imagenet_top1": x, "task": task}
        if domain:
            columns["domain"] = "real-world" if task in REAL else "web-scraped"
        blocks.append(pd.DataFrame({**columns, "value": expit(here), "metric": "macro_f1"}))
    return pd.concat(blocks, ignore_index=True)


def rows(found: Analysis, axis: str) -> pd.DataFrame:
    slopes = found.domain_slopes()
    assert list(slopes.columns) == ["metric", *COLUMNS]
    return slopes[slopes["axis"] == axis].set_index("domain")


@pytest.mark.slow
def test_adjusted_logits_by_hand() -> None:
    # shares 1/2, 3/4, 9/10 have logits 0, ln 3, ln 9 = 0, 1.0986, 2.1972; less the task's mean: -1.0986, 0, 1.0986
    ln3 = math.log(3)
    values = {"easy": (0.5, 0.75, 0.9), "hard": (0.25, 0.5, 0.9)}  # hard: -ln 3, 0, 2 ln 3, mean ln 3 / 3
    frame = pd.DataFrame(
        [
            {"backbone": name, "imagenet_top1": top1, "task": task, "metric": "auroc", "value": value}
            for task, mine in values.items()
            for name, top1, value in zip("abc", (60.0, 72.0, 80.0), mine, strict=True)
        ]
    )
    # the line must not be exact for a fit: 60, 72, 80 % have logits 0.41, 0.94, 1.39
    found = analyse(frame).adjusted_logits().set_index("backbone")
    easy, hard = (-ln3, 0.0, ln3), (-4 / 3 * ln3, -1 / 3 * ln3, 5 / 3 * ln3)
    for name, first, second in zip("abc", easy, hard, strict=True):
        assert found.loc[name, "value"] == pytest.approx((first + second) / 2)
        # Morey: variance times 3 / 2 for three backbones; two tasks: |first - second| / 2 is the standard error
        assert found.loc[name, "error"] == pytest.approx(abs(first - second) / 2 * math.sqrt(3 / 2))
        assert found.loc[name, "imagenet_logit"] == pytest.approx(float(logit({"a": 0.60, "b": 0.72, "c": 0.80}[name])))
    assert list(found.index) == ["c", "b", "a"]
    assert found["value"].sum() == pytest.approx(0)


@pytest.mark.slow
def test_the_difference_is_paired_over_backbones() -> None:
    given = table()
    found = rows(analyse(given), "logit")
    there = logit(given[given["task"] == "pets"]["imagenet_top1"].to_numpy() / 100)
    logits = {task: logit(given[given["task"] == task]["value"].to_numpy()) for task in (*REAL, *WEB)}
    sides = [np.mean([logits[task] for task in names], axis=0) for names in (WEB, REAL)]
    line = linregress(there, sides[0] - sides[1])
    difference = found.loc["web-scraped less real-world"]
    assert difference["slope"] == pytest.approx(line.slope)
    assert difference["these_high"] - line.slope == pytest.approx(t.isf(0.025, 14) * line.stderr)
    assert (difference["tasks"], difference["n"]) == (7, 16)
    # each side alone is far less sure, for what backbones do everywhere alike is in both
    for name, side in zip(("web-scraped", "real-world"), sides, strict=True):
        assert found.loc[name, "slope"] == pytest.approx(linregress(there, side).slope)
        assert found.loc[name, "high"] - found.loc[name, "low"] > 1.5 * (difference["high"] - difference["low"])
    assert list(found.index) == ["all tasks", "web-scraped", "real-world", "web-scraped less real-world"]


@pytest.mark.slow
def test_it_is_said_in_words() -> None:
    words = domain_words(analyse(table()).domain_slopes())
    assert words.count("ImageNet accuracy tells more of web-scraped tasks.") == 2, "on both axes"
    assert "Web-scraped against real-world, between logits, 16 backbones on seven tasks: +" in words
    assert "cannot be said" in domain_words(analyse(table(web=0.2)).domain_slopes())
    assert "tells less of web-scraped" in domain_words(analyse(table(real=0.9, web=0.1)).domain_slopes())
    (block,) = over_tasks_in_full(analyse(table()))
    assert words in block
    assert "logits less each task's mean" in block


@pytest.mark.slow
def test_one_task_of_a_kind_does_not_stand_for_its_kind() -> None:
    given = table()
    alone = analyse(given[given["task"].isin((*REAL, "pets"))])
    row = rows(alone, "logit").loc["web-scraped less real-world"]
    assert np.isnan(row["low"])
    assert row["these_low"] > 0
    assert "one task alone does not stand for others" in domain_words(alone.domain_slopes())


@pytest.mark.slow
def test_without_two_domains_there_is_one_slope_over_all() -> None:
    found = analyse(table(domain=False))
    assert list(rows(found, "logit").index) == ["all tasks"]
    assert rows(found, "linear").loc["all tasks", "slope"] == pytest.approx(
        found.overall[0].slope.value if found.overall[0].slope else None
    )
    assert domain_words(found.domain_slopes()) == ""


@pytest.mark.slow
def test_a_metric_without_logits_is_left_out_and_said() -> None:
    given = table()
    given.loc[(given["task"] == "cars") & (given["backbone"] == "net15"), "value"] = 1.0
    found = analyse(given)
    assert rows(found, "logit").loc["all tasks", "tasks"] == 6
    assert rows(found, "linear").loc["all tasks", "tasks"] == 7
    assert "Not on logits" in over_tasks_in_full(found)[0]


@pytest.mark.slow
def test_a_task_has_one_domain() -> None:
    given = table()
    given.loc[0, "domain"] = "web-scraped"
    with pytest.raises(InputError, match=r"traps has several values of domain \(web-scraped and real-world\)"):
        analyse(given)
    given.loc[given["task"] == "traps", "domain"] = ""
    assert "traps" not in analyse(given).domains
    other = analyse(table().rename(columns={"domain": "sort"}), TableChoice(columns={"domain": "sort"}))
    assert other.domains["pets"] == "web-scraped"


@pytest.mark.slow
@pytest.mark.long
def test_the_difference_holds_as_often_as_it_says() -> None:
    held = 0
    for seed in range(30):
        row = rows(analyse(table(seed=seed)), "logit").loc["web-scraped less real-world"]
        held += bool(row["low"] <= 0.7 <= row["high"])
    assert held >= 26
