"""What is said of pretraining, of one backbone or of many."""

import json
from dataclasses import replace
from typing import Any

import pytest

from afield.analysis.answer import TaskAnswer, answer
from afield.analysis.ranking.interventions import interventions_of
from afield.study.record import StudyRecord
from afield.study.study import Study
from tests.fixtures.records import make_record

BARE = {"initialisation": "scratch", "epochs": 4}


def studied(record: StudyRecord, interventions: dict[str, Any], **recipe: object) -> StudyRecord:
    """The record as if its interventions had been those, and its recipe had those keys."""
    plain = record.study.model_dump(mode="json", exclude_unset=True)
    plain["interventions"] |= interventions
    plain["recipe"] |= recipe
    return replace(record, study=Study.model_validate_json(json.dumps(plain)))


def answered(record: StudyRecord) -> TaskAnswer:
    (only,) = answer(record).tasks
    return only


@pytest.mark.slow
@pytest.mark.parametrize(
    ("less", "average", "singly"),
    [
        (-1.2, "Pretraining helped on average over four backbones: +", "Taken singly, it clearly helped four of four."),
        (
            0.02,
            "Whether pretraining helps cannot be told on average over four backbones: ",
            "Of none of the four alone can it be told.",
        ),
        (1.2, "Pretraining hurt on average over four backbones: -", "Taken singly, it clearly hurt four of four."),
    ],
)
def test_of_several_backbones_two_sentences_say_what_it_brought(less: float, average: str, singly: str) -> None:
    record = studied(make_record(interventions={"bare": less}), {"bare": BARE})
    said = answered(record).pretraining
    assert said is not None
    (one, several) = said.split(" (bare)")
    assert "from scratch (scratch) (three epochs pretrained, six epochs from scratch)." in one  # one backbone alone
    assert average in one
    assert several == f" (three epochs pretrained, four epochs from scratch). {singly}"


@pytest.mark.slow
def test_where_some_gained_it_says_how_many() -> None:
    strength = {"squeezenet1_1.caffe_in1k": 0.3, "tf_efficientnet_lite0.in1k": 1.5, "tf_efficientnet_lite1.in1k": 1.6}
    record = make_record(strength=strength, interventions={"bare": -0.3}, n_test=2000, seed_spread=0.01)
    said = answered(studied(record, {"bare": BARE})).pretraining
    assert said is not None
    assert "Taken singly, it clearly helped " in said


@pytest.mark.slow
def test_where_nothing_is_pretrained_no_intervention_is_a_control() -> None:
    """Trainings from scratch that differ by their epochs say nothing of weights."""
    record = studied(make_record(interventions={"longer": 0.4}), {"longer": {"epochs": 9}}, initialisation="scratch")
    found = answered(record)
    assert found.pretraining is None
    assert found.effects == ()
    assert found.interventions_words.startswith("Against plain: ")
    assert "longer" in found.interventions_words


@pytest.mark.slow
def test_a_control_is_adjusted_apart_only_where_it_is_one() -> None:
    record = make_record(interventions={"longer": 0.05})
    apart = {line.intervention: line for line in interventions_of(record, "elpv")}
    alike = studied(record, {}, initialisation="scratch")
    together = {line.intervention: line for line in interventions_of(alike, "elpv")}
    assert apart["scratch"].p == together["scratch"].p
    assert apart["scratch"].p_holm < together["scratch"].p_holm


@pytest.mark.slow
def test_what_one_interval_shows_and_all_controls_together_do_not_is_said_so() -> None:
    record = make_record(interventions={"bare": -0.15, "dull": 0.05})
    found = answered(studied(record, {"bare": BARE, "dull": BARE}))
    (line,) = [
        line
        for line in interventions_of(studied(record, {"bare": BARE, "dull": BARE}), "elpv")
        if (line.intervention, line.backbone) == ("bare", "all")
    ]
    assert not line.difference.holds(0)
    assert not line.clear
    assert found.pretraining is not None
    assert "; with all controls allowed for this is not clear." in found.pretraining
