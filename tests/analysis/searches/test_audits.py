"""What choosing on validation was worth, from cells that were scored on test though they were not chosen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from afield.analysis.answer import answer
from afield.analysis.ranking.compare import rank_backbones
from afield.analysis.searches.audits import audit_of
from afield.analysis.student import student_mean
from afield.analysis.study_fits import fit_study
from afield.report.audits import audit_section
from afield.report.figures import Figures
from afield.report.searches import search_sections
from afield.study.record import Audited, StudyRecord
from tests.fixtures.records import make_record

NAMES = ("squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k")
VALIDATION = (0.70, 0.80, 0.75)
TESTS = ((0.66, 0.76, 0.77), (0.70, 0.78, 0.72))


def audited(tests: tuple[tuple[float, ...], ...] = TESTS, metric: str = "accuracy", **choice: object) -> StudyRecord:
    """A study of two backbones, each searched over three recipes, all of them trained and audited; the second is
    chosen.
    """
    strength = {name: 1.3 + place for place, name in enumerate(NAMES)}
    record = make_record(strength=strength, seeds=(0,), n_test=40, metric=metric)
    plain = [search for search in record.searches if search.intervention == "plain"]
    searches, audits = [], {}
    resampled: dict[str, np.ndarray] = {}
    luck = np.random.default_rng(0).normal(0, 0.01, (6, 4000))
    for search, reached in zip(plain, tests, strict=True):
        like = search.cells[1]
        cells = tuple(
            replace(like, key=like.key if place == 1 else f"{like.key}-{place}", validation=value, state="finished")
            for place, value in enumerate(VALIDATION)
        )
        for cell, value, test in zip(cells, VALIDATION, reached, strict=True):
            audits[cell.key] = Audited(value, test, test - 0.05, test + 0.05)
            resampled[cell.key] = value + luck[len(resampled)]
        searches.append(replace(search, cells=cells, finalists=tuple(cell.key for cell in cells)))
    study = record.study.model_copy(
        update={"search": record.study.search.model_copy(update={"audit": True, "method": "grid", **choice})}
    )
    return replace(record, study=study, searches=tuple(searches), audits=audits, resampled_cells=resampled)


@pytest.mark.slow
def test_each_search_is_told_by_hand_and_all_of_them_by_a_t_interval() -> None:
    found = audit_of(audited())
    assert found is not None
    one, other = found.searches
    # the chosen: 0.80 and 0.76; all: 0.04, 0.04 and -0.02, on average 0.02; the best on test is the third
    assert (one.unit, one.optimism, one.shared, one.of_choosing) == ("points", *map(pytest.approx, (4.0, 2.0, 2.0)))
    assert (one.regret, one.beaten_by, one.correlation) == (pytest.approx(1.0), 1, pytest.approx(0.5))
    assert (other.optimism, other.regret, other.beaten_by) == (pytest.approx(2.0), pytest.approx(0.0), 0)
    assert one.estimated is not None
    assert one.estimated >= 0
    (pooled,) = found.pooled
    low, high = stats.t.interval(0.95, 1, loc=3.0, scale=stats.sem([4.0, 2.0]))
    assert (pooled.optimism.value, pooled.optimism.low, pooled.optimism.high) == pytest.approx((3.0, low, high))
    assert pooled.correlation is not None
    assert (pooled.correlation.low, pooled.correlation.high) == (-1, 1)
    assert "Over two searches, validation minus test of the chosen recipe: +3.0 points" in found.words
    assert "share its images" in found.words
    assert found.table()["regret"].tolist() == pytest.approx([1.0, 0.0])
    assert found.plain()["searches"][0]["recipes"][1]["chosen"] is True


@pytest.mark.slow
def test_of_a_metric_that_is_better_the_lower_all_signs_turn() -> None:
    found = audit_of(audited(metric="log_loss"))
    assert found is not None
    one = found.searches[0]
    assert (one.unit, one.optimism, one.beaten_by) == ("log-loss", pytest.approx(-0.04), 1)
    assert one.regret == pytest.approx(0.76 - 0.66)


def test_a_race_is_one_choice_among_the_cells_of_all_backbones() -> None:
    record = audited(method="race")
    won, lost = record.searches
    record = replace(record, searches=(won, replace(lost, chosen=None, lost=True, repeats=())))
    found = audit_of(record)
    assert found is not None
    (one,) = found.searches
    assert (one.backbone, len(one.cells)) == (NAMES[0], 6)
    assert one.regret == pytest.approx(2.0), "the other backbone's second recipe reached 0.78"


def test_what_is_not_scored_is_counted_and_without_an_audit_there_is_nothing() -> None:
    record = audited()
    one, _ = record.searches
    kept = {key: told for key, told in record.audits.items() if key not in one.finalists}
    found = audit_of(replace(record, audits=kept))
    assert found is not None
    assert (found.lacking, len(found.searches)) == (3, 1)
    assert "Three recipes are not scored yet." in found.words
    assert audit_of(audited(audit=False)) is None
    on_test = replace(record, tasks=(replace(record.tasks[0], selection="test"),))
    found = audit_of(on_test)
    assert found is not None
    assert (found.searches, found.unaudited) == ((), ("elpv",))
    assert "where test itself selects" in found.words


def test_a_single_value_has_no_interval() -> None:
    assert np.isnan(student_mean(np.array([1.0])).low)


def told_by(record: StudyRecord) -> tuple[object, ...]:
    """What is ranked, fitted and answered."""
    ranking = rank_backbones(record, "elpv", "plain")
    fits = [(fit.n, fit.slope, fit.verdict, fit.points.to_csv()) for fit in fit_study(record, 0.1)]
    (task,) = answer(record).tasks
    return ranking.winner, [(row.backbone, row.test) for row in ranking.rows], fits, task.take, task.transfer


@pytest.mark.slow
def test_nothing_that_ranks_fits_or_answers_reads_an_audit() -> None:
    record, mad = audited(audit=False), audited(((9.0, -9.0, 9.0), (9.0, -9.0, 9.0)))
    assert told_by(mad) == told_by(replace(record, audits={}))


@pytest.mark.slow
def test_the_page_has_a_row_a_search_a_mean_and_a_chart() -> None:
    record = audited()
    found = audit_of(record)
    section = audit_section(found, "elpv", {})
    assert section is not None
    assert [row.name for row in section.table.rows] == [*NAMES, "mean of the searches"]
    assert all(len(row.cells) == len(section.table.heads) - 1 for row in section.table.rows)
    assert section.table.rows[0].cells[2] == "+4.0"
    figures = Figures()
    one, _ = search_sections(record, "elpv", "accuracy on validation", figures, {}, found)
    assert one.audit is not None
    assert "where 1 of the 2 others did better" in one.audit.reading
    assert [row["state"] for row in figures.all[one.audit.id]["rows"]].count("chosen") == 1
    assert audit_section(None, "elpv", {}) is None
