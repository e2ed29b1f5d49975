"""How much better the paper's protocol looks."""

from dataclasses import replace

import pytest

from afield.analysis.answer import answer
from afield.analysis.protocols import both_protocols
from afield.study.record import Counterpart, StudyRecord
from tests.fixtures.records import STRENGTH, make_record, with_counterpart

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH


def test_optimism_is_paper_minus_clean(record: StudyRecord) -> None:
    more = dict(zip(STRENGTH, (0.01, 0.02, 0.03, -0.02), strict=True))
    both = both_protocols(with_counterpart(record, more), "elpv", "plain")
    assert both is not None
    assert {row.backbone: row.optimism for row in both.rows} == pytest.approx(more)
    means = record.results[(record.results["metric"] == "accuracy") & (record.results["intervention"] == "plain")]
    for row in both.rows:
        assert row.clean.value == pytest.approx(means.loc[means["backbone"] == row.backbone, "value"].mean())
        assert row.paper.value - row.clean.value == pytest.approx(row.optimism)
    # the mean of 1, 2, 3 and -2 points
    assert both.words == (
        "Under the protocol paper, accuracy of four backbones was on average 1.0 points better than under clean "
        "(by backbone from -2.0 to +3.0). Its splits and views of the images are others."
    )
    assert both.tested == {"clean": (525, 525), "paper": (525, 525)}


def test_seen_from_the_study_under_paper_the_same_is_said(record: StudyRecord) -> None:
    found = with_counterpart(record, dict.fromkeys(STRENGTH, 0.01))
    other = found.counterpart
    assert other is not None
    turned = replace(
        record,
        study=other.study,
        results=other.results,
        counterpart=Counterpart(record.study, record.results),
    )
    sides = [both_protocols(each, "elpv", "plain") for each in (found, turned)]
    assert sides[0] is not None
    assert sides[1] is not None
    assert sides[0].rows == sides[1].rows
    assert sides[0].words == sides[1].words


@pytest.mark.slow
def test_only_what_both_scored_is_compared_and_what_else_differs_is_named(record: StudyRecord) -> None:
    found = with_counterpart(record, {LITE0: 0.015}, epochs=30)
    both = both_protocols(found, "elpv", "plain")
    assert both is not None
    assert [row.backbone for row in both.rows] == [LITE0]
    assert both.words == (
        f"Under the protocol paper, accuracy of {LITE0} was 1.5 points better than under clean. Its splits and views "
        "of the images are others; the studies also differ in epochs."
    )
    assert both.words in answer(found).text()


def test_where_test_itself_chose_that_is_said(record: StudyRecord) -> None:
    found = with_counterpart(record, {LITE0: 0.015})
    assert found.counterpart is not None
    chosen_by_test = replace(found.counterpart, results=found.counterpart.results.assign(selected_on="test"))
    both = both_protocols(replace(found, counterpart=chosen_by_test), "elpv", "plain")
    assert both is not None
    assert both.words.endswith(
        "There test itself chose recipes and epochs, which flatters, and splits and views of the images are others."
    )


@pytest.mark.slow
def test_lower_is_better_flatters_downwards() -> None:
    both = both_protocols(with_counterpart(make_record(metric="log_loss"), {LITE0: -0.1}), "elpv", "plain")
    assert both is not None
    assert both.rows[0].optimism == pytest.approx(0.1)
    assert "log-loss of tf_efficientnet_lite0.in1k was 0.100 better than" in both.words


def test_nothing_to_compare_is_nothing_said(record: StudyRecord) -> None:
    assert both_protocols(record, "elpv", "plain") is None
    assert both_protocols(with_counterpart(record, {}), "elpv", "plain") is None
    assert both_protocols(with_counterpart(record, {LITE0: 0.01}), "elpv", "unheard") is None
    empty = replace(record, results=record.results.iloc[:0])
    assert both_protocols(with_counterpart(empty, {LITE0: 0.01}), "elpv", "plain") is None
