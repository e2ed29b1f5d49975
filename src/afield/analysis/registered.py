"""Whether verdicts are by the rule that was registered before test was read, and what that one says if they are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from afield.analysis.study_fits import fit_study
from afield.analysis.words import count, listing
from afield.study.record import StudyRecord
from afield.study.registered_rules import RegisteredRule, changed_keys, rule_of
from afield.study.verdict_rule import RULE_VERSION

_NAMED = {
    "smallest_slope": "smallest slope",
    "fewest_backbones": "fewest backbones",
    "fewest_tasks": "fewest tasks",
    "leading": "leading metrics",
}


@dataclass(frozen=True)
class Registration:
    """How the rule of the verdicts at hand stands to those that were registered."""

    hash: str
    """of the rule at hand"""
    smallest_slope: float
    registered: bool
    """a run wrote this very rule down"""
    before_test: bool
    """and did so before the study's networks were scored on test"""
    to_mind: bool
    """rules were registered, but the one at hand was not, or not in time"""
    words: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "hash": self.hash,
            "smallest_slope": self.smallest_slope,
            "registered": self.registered,
            "before_test": self.before_test,
            "words": self.words,
        }


def registration(record: StudyRecord, smallest_slope: float | None = None) -> Registration:
    """Compare the rule at hand, the study's with perhaps another smallest slope, with what runs registered."""
    rule = rule_of(record.study, {task.name: task.metric for task in record.tasks}, smallest_slope)
    hash_ = RegisteredRule.of(rule).hash
    whole = [each for each in record.rules if each.whole]
    mine = next((each for each in whole if each.hash == hash_), None)
    found = Registration(
        hash=hash_,
        smallest_slope=rule["smallest_slope"],
        registered=mine is not None,
        before_test=mine is not None and mine.test_reads == 0,
        to_mind=bool(record.rules) and (mine is None or mine.test_reads > 0 or len(whole) < len(record.rules)),
        words="",
    )
    named = f"smallest slope {rule['smallest_slope']:g}, hash {hash_}"
    altered = (
        " A registered rule was altered since: its hash is no longer its own." if len(whole) < len(record.rules) else ""
    )
    first = next((each for each in whole if each.test_reads == 0), None)
    if mine is not None and mine.test_reads == 0:
        several = f", one of {count(len(whole), 'rule')} that were registered" if len(whole) > 1 else ""
        words = f"Registered before test was read: yes ({named}{several})."
    elif first is not None:
        words = f"{_other_rule(record, rule, first, mine)} {_what_it_says(record, first)}"
    elif mine is not None:
        words = f"Registered before test was read: no, after {count(mine.test_reads, 'score')} on test ({named})."
    else:
        words = f"Registered before test was read: no rule was ({named}), as in folders that an older afield wrote."
    return replace(found, words=words + altered)


def _other_rule(record: StudyRecord, rule: dict[str, Any], first: RegisteredRule, mine: RegisteredRule | None) -> str:
    """That this is not the rule of the beginning, and in what it differs."""
    changed = changed_keys(first.rule, rule)
    told = listing([_NAMED.get(key, key) for key in changed])
    since = f"registered after {count(mine.test_reads, 'score')} on test" if mine else "never registered"
    slopes = (
        f" ({rule['smallest_slope']:g} in place of {first.rule['smallest_slope']:g})"
        if "smallest_slope" in changed
        else ""
    )
    return (
        f"Not by the rule that was registered before test was read (hash {first.hash}): other {told}{slopes}; the rule "
        f"at hand was {since}."
    )


def _what_it_says(record: StudyRecord, first: RegisteredRule) -> str:
    """The verdicts of the registered rule on the leading metrics."""
    if first.rule["version"] != RULE_VERSION:
        return f"It is version {first.rule['version']} of the rule, which this afield ({RULE_VERSION}) no longer knows."
    mine = record.results["backbone"].isin(first.rule["backbones"]) & record.results["seed"].isin(first.rule["seeds"])
    # rankings, which fits take their errors from, need every network; only what is fitted is cut to the registered
    leading = first.rule["leading"]
    fits = [
        fit for fit in fit_study(record, first.rule["smallest_slope"], rows=mine) if leading.get(fit.task) == fit.metric
    ]
    if not fits:
        return "By that one there is no verdict on what was scored."
    return f"That one says: {'; '.join(f'{fit.task}: {fit.verdict}' for fit in fits)}."
