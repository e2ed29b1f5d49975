"""Fits of any table as values, text and frames."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import afield
from afield.analysis.analyse import INTERVALS, Analysis, analyse, cautions
from afield.analysis.answer import answer
from afield.analysis.described import details, headlines, reasons
from afield.analysis.details import DETAILS
from afield.analysis.questions import QUESTIONS
from afield.analysis.study_fits import fit_study
from afield.analysis.tables.table import TableChoice
from afield.base.errors import InputError
from afield.study.record import StudyRecord


def frame(n: int = 14, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Two tasks, one of them in per cent of another metric, with three families."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(56, 85, n)
    blocks = [
        pd.DataFrame(
            {
                "backbone": [f"net{place:02}" for place in range(n)],
                "family": [("ResNet", "ViT", "VGG")[place % 3] for place in range(n)],
                "imagenet_top1": x,
                "task": task,
                "metric": metric,
                "value": scale * (0.3 + slope * x / 100 + 0.01 * generator.normal(size=n)),
            }
        )
        for task, metric, scale, slope in (("moths", "accuracy", 1, 0.6), ("birds", "auroc", 100, 0.0))
    ]
    return pd.concat(blocks, ignore_index=True).assign(**columns)


@pytest.mark.slow
def test_the_plain_values_are_exactly_those_that_are_promised() -> None:
    found = analyse(frame())
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert list(plain) == ["fits", "over_tasks", "findings", "rule", "audit"]
    moths, birds = plain["fits"]
    assert list(moths) == ["task", "metric", "n", *INTERVALS, "verdict", "reason"]
    assert (moths["task"], moths["n"], moths["verdict"]) == ("moths", 14, "transfers")
    assert moths["disattenuated_r"] is None  # a table does not tell how the errors of two backbones go together
    for name in (each for each in INTERVALS if each != "disattenuated_r"):
        assert list(moths[name]) == ["value", "low", "high"]
        assert moths[name]["low"] < moths[name]["value"] < moths[name]["high"]
    # in the table's own numbers: shares, and per cent
    assert moths["slope"]["value"] == pytest.approx(moths["normalised_slope"]["value"] / 100)
    assert birds["slope"] == pytest.approx(birds["normalised_slope"])
    assert birds["verdict"] in ("does not", "cannot tell")


@pytest.mark.slow
def test_what_several_tasks_say_together_is_among_the_plain_values() -> None:
    found = analyse(frame(params_m=25.0))
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))["findings"]
    assert list(plain) == list(QUESTIONS)
    for name, told in plain.items():
        finding = found.over(name)
        assert told["words"] == finding.words
        assert len(told["rows"]) == len(finding.table)
        for row, (_, there) in zip(told["rows"], finding.table.iterrows(), strict=True):
            assert list(row) == list(finding.table.columns)
            for column, value in row.items():
                unknown = isinstance(there[column], float) and not np.isfinite(there[column])
                assert value == (None if unknown else there[column])
    (regret,) = [row for row in plain["regret"]["rows"] if row["task"] == "moths" and row["rule"] == "best on ImageNet"]
    assert regret["regret"] >= 0
    assert regret["low"] is None  # the table tells no errors
    assert isinstance(plain["fronts"]["rows"][0]["on_front"], bool)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (frame(value=0.7), "so there is nothing that ImageNet accuracy could tell"),
        (frame(n=3), "no verdict is given below four backbones"),
        (frame(imagenet_top1=70.0), "have the same ImageNet accuracy"),
    ],
)
def test_what_cannot_be_told_is_not_told(table: pd.DataFrame, words: str) -> None:
    found = analyse(table)
    for fit in found.as_json()["fits"]:
        assert fit["verdict"] == "cannot tell"
        assert words in fit["reason"]
    assert found.details("correlations").empty
    assert details(found.fits[0]).count("\n") == 1
    assert len(found.table()) == 2


@pytest.mark.slow
def test_a_reason_says_what_the_intervals_do_not_know() -> None:
    alone = analyse(frame(family="ResNet")).as_json()["fits"][0]["reason"]
    assert alone.endswith("All are of one family, ResNet; of others this says nothing.")
    table = frame()
    table.loc[2, ["imagenet_top1", "value"]] = [70.0, 0.2]
    table.loc[16, "imagenet_top1"] = 70.0
    assert "net02 lies -5" in " ".join(cautions(analyse(table).fits[0]))
    lonely = frame()
    lonely.loc[lonely["backbone"] == "net05", "imagenet_top1"] = 12.0
    assert "It hangs on net05" in " ".join(cautions(analyse(lonely).fits[0]))


@pytest.mark.slow
def test_every_analysis_is_a_frame_and_stands_in_the_text() -> None:
    found = analyse(frame(), resample=True)
    for name in DETAILS:
        table = found.details(name)
        assert list(table.columns[:2]) == ["task", "metric"]
        assert len(table) or name in ("outliers", "families")  # none is far off; three families are too few
    with pytest.raises(ValueError, match="cuts"):
        found.details("cut")
    text = details(found.fits[0])
    for words in (
        "Spearman",
        "Theil-Sen",
        "probit",
        "by families: 3 of them",
        "above",
        "Without one family: slope",
        "Error of backbones left out",
        "would show a true |r| of 0.",
        "in the wrong order; a tie counts half",
    ):
        assert words in text
    assert [row[0] for row in headlines(found)] == ["moths", "birds"]
    assert reasons(found).startswith("Over tasks, leading metrics: cannot tell. Two tasks, 14 backbones that have")
    assert "\n\nmoths, accuracy: transfers. 14 backbones" in reasons(found)
    assert found.fits[0].resampled_r is not None
    assert analyse(frame()).fits[0].resampled_r is None


@pytest.mark.slow
def test_no_p_is_shown_as_nothing() -> None:
    text = details(analyse(frame(n=30)).fits[0])
    assert "< 0.001" in text
    assert "0.000" not in text


@pytest.mark.slow
def test_a_correlation_near_one_is_shown_to_three_digits_everywhere() -> None:
    table = frame(n=20, family="").query("task == 'moths'")
    noise = np.resize([0.01, -0.01], 20)
    fit = analyse(table.assign(value=0.1 + 0.008 * table["imagenet_top1"] + noise)).fits[0]
    text = details(fit)
    assert fit.pearson_r is not None
    row = next(line for line in text.splitlines() if "Pearson" in line)
    assert row.split()[1] == f"{fit.pearson_r.value:.3f}"
    assert " 1.00" not in text.split("by families")[0].split("axis")[0]
    assert "r 1.00" not in text
    assert "r 0.99" in text.split("Without one backbone")[1]


@pytest.mark.slow
def test_a_table_that_shows_nothing_of_families_says_so() -> None:
    text = details(analyse(frame(n=20, family="")).fits[0])
    assert "by families: none of several backbones is known" in text
    many = frame(n=30, family=[f"family{place % 10}" for place in range(30)] * 2)
    assert "by 10 families, resampled whole (BCa): r " in details(analyse(many).fits[0])


@pytest.mark.slow
def test_in_python_as_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    frame().rename(columns={"backbone": "model"}).to_csv(path, index=False)
    found = afield.analyse(path, afield.TableChoice(columns={"backbone": "model"}, tasks=("moths",)))
    assert isinstance(found, Analysis)
    pd.testing.assert_frame_equal(
        found.table(), afield.analyse(frame(), afield.TableChoice(tasks=("moths",))).table(), rtol=1e-12
    )


def test_options_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only a table is told of these"):
        analyse(tmp_path, TableChoice(mean=True))
    with pytest.raises(InputError, match="must be above 0"):
        analyse(frame(), smallest_slope=0)
    with pytest.raises(InputError, match="belongs to a result folder"):
        analyse(frame(), study="main")


def test_a_larger_smallest_slope_makes_another_verdict() -> None:
    assert analyse(frame(), TableChoice(tasks=("moths",)), smallest_slope=2.0).fits[0].verdict == "weakly"


@pytest.mark.slow
def test_a_study_gives_the_fits_of_its_answer_and_those_of_its_other_metrics(record: StudyRecord) -> None:
    fits = fit_study(record, 0.1)
    (part,) = answer(record).tasks
    assert part.fit is not None
    assert (fits[0].metric, fits[0].verdict, fits[0].reason) == (part.fit.metric, part.fit.verdict, part.fit.reason)
    assert fits[0].normalised_slope == part.fit.normalised_slope
    table = record.results
    assert {fit.metric for fit in fits} == set(table.loc[table["direction"] == "higher", "metric"])
    read = analyse(table)  # as published: the same points, whose errors count as independent
    by_metric = {fit.metric: fit for fit in read.fits}
    for fit in fits:
        other = by_metric[fit.metric]
        assert fit.n == other.n
        assert fit.points["value"].tolist() == pytest.approx(other.points["value"].tolist())
        assert fit.pearson_r is not None
        assert other.pearson_r is not None
        assert fit.pearson_r.value == pytest.approx(other.pearson_r.value)


@pytest.mark.slow
def test_a_result_folder_without_pretrained_backbones_has_nothing_to_fit(finished: Path) -> None:
    found = analyse(finished)
    plain = found.as_json()
    assert (plain["fits"], plain["over_tasks"]) == ([], [])
    assert plain["rule"]["before_test"]
    assert "No pretrained backbone was scored" in found.notes[0]
    assert found.table().empty
    assert all(found.over(name).table.empty for name in QUESTIONS)
