"""Where a study stands, as text for a terminal."""

from __future__ import annotations

from pathlib import Path

from afield.base.text import columns, count, first_few
from afield.study.inspecting.state import FailureGroup, StudyState

_KEYS = 5
"""that a line of failures names"""


def describe_state(state: StudyState, out: Path, more: tuple[str, ...] = ()) -> str:
    """What of a study is finished, paused, failed and missing in a result folder, with the lines of `more_words`."""
    header = ("task", "backbone", "intervention", "finished", "paused", "failed", "missing", "scored")
    rows = [
        (
            each.task, each.backbone, each.intervention,
            *(str(number) for number in (each.finished, each.paused, each.failed, each.missing)),
            f"{each.scored} of {each.seeds}" if each.seeds else "lost the race",
        )
        for each in state.searches
    ]  # fmt: skip
    reads = count(state.test_reads, "time")
    lines = [f"{state.study}: test splits were read {reads} in {out}", "", columns(rows, header)]
    lines += _in_all(state)
    if not any(each.finished or each.paused or each.failed for each in state.searches):
        lines += [
            "",
            "No epoch has ended yet: the run prepares images or trains its first epochs, or it was stopped there; "
            "the same `afield run` goes on.",
        ]
    lines += state.notes
    if any(each.ended and each.paused for each in state.searches):
        lines += ["", "Paused trainings of a search that has ended were stopped by halving."]
    audited, to_audit = (sum(getattr(each, name) for each in state.searches) for name in ("audited", "to_audit"))
    if to_audit:
        lines += ["", f"Audit: {audited} of {count(to_audit, 'network')} scored on test that searches did not choose."]
    lines += more
    lines += [f"damaged: {words}" for words in state.damaged]
    lines += [_words(group) for group in state.failures]
    if state.failures:
        lines.append(f"Try again what failed: afield run STUDY --out {out} --retry failed")
    return "\n".join(lines)


def _in_all(state: StudyState) -> tuple[str, ...]:
    """The sums of all searches, where there are several: who has many sees the end of the table alone."""
    if len(state.searches) < 2:
        return ()
    names = ("finished", "paused", "failed", "missing", "scored", "seeds")
    finished, paused, failed, missing, scored, seeds = (
        sum(getattr(each, name) for each in state.searches) for name in names
    )
    trainings, networks = (
        count(number, noun, say="{:,}".format) for number, noun in ((finished, "training"), (seeds, "network"))
    )
    left = f"{paused} paused, {failed} failed, {missing} missing"
    again = f" Counted in more than one search: {count(state.again, 'training')}." if state.again else ""
    return ("", f"In all: {trainings} finished, {left}; {scored:,} of {networks} scored.{again}")


def more_words(out: Path, state: StudyState) -> tuple[str, ...]:
    """What only the whole record of a study tells: that a budget cut it, that it is one part of several, and which
    ensembles and soups lack networks; nothing, and quickly, for most studies.
    """
    if not state.more or state.damaged:
        return ()
    from afield.study.collecting.collect import load_record
    from afield.study.planning.budget import budget_words  # seconds, and few studies need it

    record = load_record(out, state.study)
    told = [words for words in (record.part, budget_words(record.study)) if words]
    return (*told, *(f"The {each.words}." for each in record.unjoined))


def _words(group: FailureGroup) -> str:
    """One cause, with an example and the keys of what failed by it."""
    first, *others = group.trainings
    told = f"failed: {first.key} ({first.backbone}, {first.intervention}, seed {first.seed}): {group.example}"
    if not others:
        return told
    keys = first_few([each.key for each in others], _KEYS)
    return f"{told}\n  and by the same cause {count(len(others), 'training')}: {keys}"
