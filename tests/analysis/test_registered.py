"""The rule as it was registered, and what is said where another is at hand."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from afield.analysis.answer import answer
from afield.analysis.registered import registration
from afield.report.details import details_of
from afield.study.record import StudyRecord
from afield.study.registered_rules import RegisteredRule, rule_of
from afield.study.verdict_rule import RULE_VERSION
from tests.fixtures.records import STRENGTH, make_record

LEADING = {"elpv": "accuracy"}


@pytest.fixture(scope="module")
def plain() -> StudyRecord:
    return make_record(n_test=200, metrics=("accuracy",))


def registered(record: StudyRecord, *rules: RegisteredRule) -> StudyRecord:
    return replace(record, rules=rules)


def other(record: StudyRecord, smallest: float = 0.1, **head: Sequence[str]) -> RegisteredRule:
    """The rule of that study with other settings."""
    study = record.study.model_copy(update={"study": record.study.study.model_copy(update=head)})
    return RegisteredRule.of(rule_of(study, LEADING, smallest))


def test_the_registered_rule_is_said_with_its_hash(plain: StudyRecord) -> None:
    mine = other(plain)
    found = registration(registered(plain, mine))
    assert (found.registered, found.before_test, found.to_mind) == (True, True, False)
    assert found.words == f"Registered before test was read: yes (smallest slope 0.1, hash {mine.hash})."
    assert dict(details_of(registered(plain, mine)).protocol)["rule of the verdicts"] == found.words
    assert "rule of these verdicts" not in answer(registered(plain, mine)).text()


def test_a_folder_without_one_is_read_and_said(plain: StudyRecord) -> None:
    found = registration(plain)
    assert (found.registered, found.before_test, found.to_mind) == (False, False, False)
    assert "as in folders that an older afield wrote" in found.words


def test_one_that_came_too_late_is_to_be_minded(plain: StudyRecord) -> None:
    late = registered(plain, replace(other(plain), test_reads=8))
    found = registration(late)
    assert (found.registered, found.before_test, found.to_mind) == (True, False, True)
    assert found.words.startswith("Registered before test was read: no, after eight scores on test")
    assert "Mind the rule of these verdicts. Registered before" in answer(late).text()


@pytest.mark.slow
def test_another_slope_afterwards_is_said_with_what_the_first_rule_says(plain: StudyRecord) -> None:
    record = registered(plain, other(plain))
    found = registration(record, smallest_slope=5.0)
    assert (found.smallest_slope, found.registered, found.to_mind) == (5.0, False, True)
    assert "other smallest slope (5 in place of 0.1); the rule at hand was never registered." in found.words
    fit = answer(record).tasks[0].fit
    assert fit is not None
    assert found.words.endswith(f"That one says: elpv: {fit.verdict}.")
    anew = registered(plain, other(plain), replace(other(plain, 5.0), test_reads=8))
    assert "was registered after eight scores on test." in registration(anew, 5.0).words
    assert not registration(anew).to_mind, "back at the first rule all is well"


def test_backbones_that_came_later_are_left_out_of_the_first_rule(plain: StudyRecord) -> None:
    fewer = other(plain, backbones=tuple(STRENGTH)[:3])
    found = registration(registered(plain, fewer))
    assert "other backbones; the rule at hand was never registered. That one says: elpv: cannot tell." in found.words


def test_a_rule_that_was_altered_counts_for_nothing(plain: StudyRecord) -> None:
    mine = other(plain)
    forged = replace(mine, rule={**mine.rule, "smallest_slope": 0.01})
    found = registration(registered(plain, forged))
    assert found.words.endswith("A registered rule was altered since: its hash is no longer its own.")
    assert found.to_mind


def test_rules_of_another_version_are_not_guessed(plain: StudyRecord) -> None:
    old = RegisteredRule.of({**other(plain).rule, "version": 0})
    said = f"It is version 0 of the rule, which this afield ({RULE_VERSION}) no longer knows."
    assert said in registration(registered(plain, old)).words


def test_the_hash_is_that_of_plain_values(plain: StudyRecord) -> None:
    rule = other(plain)
    assert rule.whole
    assert RegisteredRule.of(json.loads(json.dumps(rule.rule))).hash == rule.hash
    assert RegisteredRule.of({**rule.rule, "level": 0.9}).hash != rule.hash
