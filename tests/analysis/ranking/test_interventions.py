"""Interventions against plain: by hand on small numbers, and what must hold for any numbers."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, t

from afield.analysis.answer import answer
from afield.analysis.ranking.interventions import (
    ALL,
    COLUMNS,
    Change,
    differences,
    in_words,
    intervention_table,
    interventions_of,
)
from afield.analysis.ranking.over_folds import every_change
from afield.analysis.student import Part, holm, student, student_p
from afield.scoring.intervals import Interval
from afield.study.record import StudyRecord
from afield.study.study import Study
from tests.fixtures.records import STRENGTH, make_record

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH
OTHERS = {"larger": 0.6, "gem": 0.0}


@pytest.fixture(scope="module")
def varied() -> StudyRecord:
    return make_record(interventions=OTHERS, n_test=200, metrics=["accuracy"])


def line(changes: Sequence[Change], intervention: str, backbone: str) -> Change:
    (found,) = [each for each in changes if (each.intervention, each.backbone) == (intervention, backbone)]
    return found


def right(record: StudyRecord, backbone: str, intervention: str) -> np.ndarray:
    """[seeds, samples] whether each test sample is right, as 0 and 1."""
    named = record.results.query("metric == 'accuracy' and backbone == @backbone and intervention == @intervention")
    rows = record.predictions.query("split == 'test'").sort_values("sample")
    tables = [rows[rows["key"] == key] for key in named.sort_values("seed")["key"]]
    return np.array([np.stack(table["logits"]).argmax(axis=1) == table["label"] for table in tables], float)


@pytest.mark.slow
def test_the_lines_are_in_the_order_of_the_study(varied: StudyRecord) -> None:
    changes = interventions_of(varied, "elpv")
    assert [(each.intervention, each.backbone) for each in changes] == [
        ("scratch", SQUEEZE),
        *(("larger", name) for name in (ALL, *STRENGTH)),
        *(("gem", name) for name in (ALL, *STRENGTH)),
    ]
    assert {each.seeds for each in changes} == {(0, 1)}
    assert line(changes, "larger", ALL).backbones == 4


@pytest.mark.slow
def test_one_backbone_by_hand(varied: StudyRecord) -> None:
    found = line(interventions_of(varied, "elpv"), "larger", LITE0)
    sides = [right(varied, LITE0, name) for name in ("larger", "plain")]
    per_sample = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    samples = per_sample.var(ddof=1) / 200
    within = [
        np.mean([right(varied, name, side).mean(axis=1).var(ddof=1) for name in STRENGTH])
        for side in ("larger", "plain")
    ]  # of four backbones with two seeds: four degrees of freedom a side
    total = samples + sum(within) / 2
    freedom = total**2 / (samples**2 / 199 + sum((part / 2) ** 2 / 4 for part in within))
    assert found.difference.value == pytest.approx(per_sample.mean())
    assert found.difference.value == pytest.approx(found.value - found.baseline_value)
    reach = t.isf(0.025, freedom) * math.sqrt(total)
    assert found.difference.high - found.difference.value == pytest.approx(reach, rel=0.05)
    assert found.p == pytest.approx(2 * t.sf(per_sample.mean() / math.sqrt(total), freedom), rel=0.2)
    assert found.compares == "backbones"


@pytest.mark.slow
def test_the_line_over_backbones_by_hand(varied: StudyRecord) -> None:
    changes = interventions_of(varied, "elpv")
    found = line(changes, "larger", ALL)
    gaps = np.array([right(varied, name, "larger") - right(varied, name, "plain") for name in STRENGTH]).mean(axis=1)
    each = gaps.mean(axis=1)
    samples = gaps.mean(axis=0).var(ddof=1) / 200
    within = [
        np.mean([right(varied, name, side).mean(axis=1).var(ddof=1) for name in STRENGTH])
        for side in ("larger", "plain")
    ]
    backbones = max(each.var(ddof=1) / 4, sum(within) / 2 / 4)
    total = samples + backbones
    freedom = total**2 / (samples**2 / 199 + backbones**2 / 3)
    assert found.difference.value == pytest.approx(each.mean())
    reach = found.difference.high - found.difference.value
    assert reach == pytest.approx(t.isf(0.025, freedom) * math.sqrt(total), rel=0.05)
    assert found.clear
    assert found.better
    assert not line(changes, "gem", ALL).clear


@pytest.mark.slow
def test_tasks_in_folds_are_compared_and_what_stands_beside_is_not(varied: StudyRecord) -> None:
    """As text, in which numbers that are none equal themselves."""
    folds = replace(varied, results=varied.results.assign(kind="fold"))
    assert str(interventions_of(folds, "elpv")) == str(interventions_of(varied, "elpv"))
    flips = varied.results.assign(view="flips", value=0.0)
    both = pd.concat([varied.results, flips], ignore_index=True)
    plain = differences(varied.results, "elpv", "accuracy", "plain")
    assert str(differences(both, "elpv", "accuracy", "plain")) == str(plain)


def test_training_from_scratch_is_a_family_of_its_own(varied: StudyRecord) -> None:
    found = line(interventions_of(varied, "elpv"), "scratch", SQUEEZE)
    assert found.p_holm == found.p, "one line: whatever else was tried, as beside what pretraining brought"


def test_student_by_hand() -> None:
    # variance 0.0004 of 9 and 0.0005 of 4 degrees: 0.03 squared, 8.1e-7 / (1.6e-7 / 9 + 2.5e-7 / 4) = 10.09 degrees
    parts = [Part(0.0004, 9), Part(0.0005, 4)]
    interval = student(0.06, parts)
    assert interval.high - 0.06 == pytest.approx(2.2255 * 0.03, rel=1e-3)
    assert student_p(0.06, parts) == pytest.approx(0.0729, rel=1e-2)
    assert student(0.1, []) == Interval(0.1, 0.1, 0.1)
    assert (student_p(0.0, []), student_p(0.1, [])) == (1.0, 0.0)
    assert math.isnan(student_p(0.1, [Part(math.nan, 1)]))


def told(p: float, name: str = "x") -> Change:
    return Change("t", "accuracy", name, "plain", ALL, 4, (0,), 0.8, 0.8, Interval(0, -1, 1), p, p, "backbones")


def test_holm_by_hand() -> None:
    adjusted = holm([0.01, 0.04, math.nan, 0.03, 0.005])
    assert math.isnan(adjusted[2])
    assert [adjusted[i] for i in (0, 1, 3, 4)] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [told(p).clear for p in holm([0.02, 0.03])] == [True, True]
    assert [told(p).clear for p in holm([0.03, 0.04])] == [False, False]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_holm_lies_between_the_raw_and_bonferroni(values: list[float]) -> None:
    adjusted = holm(values)
    for raw, held in zip(values, adjusted, strict=True):
        assert raw <= held <= min(1, len(values) * raw) or held == pytest.approx(min(1, len(values) * raw))
    # stricter than control of the false discovery rate, and in the same order
    assert all(np.array(adjusted) >= false_discovery_control(values) - 1e-12)
    assert list(np.argsort(values, kind="stable")) == list(np.lexsort((np.arange(len(values)), np.array(values))))


def renamed(record: StudyRecord, of: str, to: str) -> StudyRecord:
    """The study where one intervention's trainings are another's own."""
    kept = record.results[record.results["intervention"] != to]
    copies = record.results[record.results["intervention"] == of].assign(intervention=to)
    return replace(record, results=pd.concat([kept, copies], ignore_index=True))


def test_one_and_the_same_trainings_differ_by_nothing(varied: StudyRecord) -> None:
    changes = interventions_of(renamed(varied, "plain", "gem"), "elpv")
    same = [each for each in changes if each.intervention == "gem"]
    assert len(same) == 5
    for each in same:
        assert each.difference == Interval(0, 0, 0)
        assert (each.p, each.p_holm, each.clear) == (1, 1, False)
    assert line(changes, "gem", LITE0).note == "the same trainings: this changes nothing here"
    assert "gem is the same trainings here" in in_words(changes)
    assert "gem made" not in in_words(changes)


@pytest.mark.slow
def test_plain_against_an_intervention_is_its_mirror_image(varied: StudyRecord) -> None:
    swapped = {"plain": "gem", "gem": "plain"}
    mirrored = replace(varied, results=varied.results.replace({"intervention": swapped}))
    for name in (ALL, *STRENGTH):
        ours, theirs = (line(interventions_of(each, "elpv"), "gem", name) for each in (varied, mirrored))
        assert theirs.difference.value == pytest.approx(-ours.difference.value)
        assert (theirs.difference.low, theirs.difference.high) == pytest.approx(
            (-ours.difference.high, -ours.difference.low)
        )
        assert theirs.p == pytest.approx(ours.p)
        assert (theirs.value, theirs.baseline_value) == pytest.approx((ours.baseline_value, ours.value))


def test_only_seeds_that_both_sides_have_are_paired(varied: StudyRecord) -> None:
    lost = (
        (varied.results["intervention"] == "gem")
        & (varied.results["seed"] == 0)
        & (varied.results["backbone"] == LITE1)
    )
    changes = interventions_of(replace(varied, results=varied.results[~lost]), "elpv")
    found = line(changes, "gem", LITE1)
    assert found.seeds == (1,)
    assert found.baseline_value == pytest.approx(right(varied, LITE1, "plain")[1].mean())
    assert line(changes, "gem", ALL).seeds == (1,)


@pytest.mark.slow
def test_with_one_seed_networks_are_compared() -> None:
    record = make_record(interventions={"larger": 0.6}, n_test=100, seeds=(0,), metrics=["accuracy"])
    changes = interventions_of(record, "elpv")
    assert line(changes, "larger", LITE0).compares == "networks"
    assert line(changes, "larger", LITE0).note == "one seed: compares trained networks"
    assert line(changes, "larger", ALL).compares == "backbones"


def test_without_predictions_the_difference_stands_alone(varied: StudyRecord) -> None:
    record = replace(varied, predictions=varied.predictions.iloc[:0])
    whole, alone = interventions_of(varied, "elpv"), interventions_of(record, "elpv")
    assert [each.difference.value for each in alone] == pytest.approx([each.difference.value for each in whole])
    for each in alone:
        assert math.isnan(each.difference.low)
        assert math.isnan(each.p_holm)
        assert not each.clear
    assert line(alone, "gem", LITE0).note.startswith("no predictions at hand")
    assert line(alone, "gem", ALL).note.startswith("no interval: ")


@pytest.mark.slow
def test_one_cluster_is_the_reason_for_no_interval() -> None:
    record = make_record(interventions={"larger": 0.6}, n_test=100, seeds=(0,), cluster_size=100, metrics=["accuracy"])
    found = line(interventions_of(record, "elpv"), "larger", LITE0)
    assert math.isnan(found.difference.low)
    assert "all test images are one cluster" in found.note


@pytest.mark.slow
def test_the_table_has_a_row_a_line(varied: StudyRecord) -> None:
    table = intervention_table(every_change(varied))
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == len(interventions_of(varied, "elpv"))
    assert set(table["seeds"]) == {"0 1"}
    np.testing.assert_allclose(table["difference"], table["value"] - table["baseline_value"])


def test_a_study_of_plain_alone_has_an_empty_table(varied: StudyRecord) -> None:
    head = varied.study.study.model_copy(update={"interventions": ("plain",)})
    study: Study = varied.study.model_copy(update={"study": head})
    assert intervention_table(every_change(replace(varied, study=study))).empty


@pytest.mark.slow
def test_the_answer_tells_what_they_brought(varied: StudyRecord) -> None:
    (part,) = answer(varied).tasks
    assert part.interventions_words.startswith("Against plain: larger helped: +")
    assert part.interventions_words.endswith("; gem made no clear difference.")
    assert part.interventions_words in answer(varied).text()
    assert in_words(()) == ""


@pytest.mark.slow
def test_scratch_alone_is_told_as_pretraining(record: StudyRecord) -> None:
    (part,) = answer(record).tasks
    assert (part.interventions, part.interventions_words) == ((), "")
    assert [each.intervention for each in interventions_of(record, "elpv")] == ["scratch"]


@pytest.mark.slow
def test_where_all_is_from_scratch_nothing_is_told_of_pretraining(record: StudyRecord) -> None:
    recipe = record.study.recipe.model_copy(update={"initialisation": "scratch"})
    (part,) = answer(replace(record, study=record.study.model_copy(update={"recipe": recipe}))).tasks
    assert (part.pretraining, part.effects) == (None, ())
    assert [each.intervention for each in part.interventions] == ["scratch"]
    assert "scratch" in part.interventions_words


@pytest.mark.slow
@pytest.mark.parametrize("backbones", [3, 10])
def test_the_line_over_backbones_holds_the_truth(backbones: int) -> None:
    """Where what an intervention brings differs between backbones, seeds differ and samples are few."""
    generator, studies, held = np.random.default_rng(backbones), 400, 0
    for _ in range(studies):
        gains = 0.03 + 0.03 * generator.normal(size=backbones)
        common = generator.normal(0, 0.02)  # what these samples do to all backbones alike
        seen = gains + common + generator.normal(0, 0.01, size=backbones)
        parts = [Part(0.02**2, 199), Part(float(seen.var(ddof=1)) / backbones, backbones - 1)]
        held += student(float(seen.mean()), parts).holds(0.03)
    assert held / studies > 0.95 - 3 * math.sqrt(0.95 * 0.05 / studies)
