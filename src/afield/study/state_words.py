"""Where a study stands, as text for a terminal."""

from __future__ import annotations

from pathlib import Path

from afield.base.text import columns, count
from afield.study.state import FailureGroup, StudyState

_KEYS = 5
"""that a line of failures names"""


def describe_state(state: StudyState, out: Path, unjoined: tuple[str, ...] = ()) -> str:
    """What of a study is finished, paused, failed and missing in a result folder; `unjoined` are words for what it
    could not join.
    """
    header = ("task", "backbone", "intervention", "finished", "paused", "failed", "missing", "scored")
    rows = [
        (
            each.task, each.backbone, each.intervention,
            *(str(number) for number in (each.finished, each.paused, each.failed, each.missing)),
            f"{each.scored} of {each.seeds}",
        )
        for each in state.searches
    ]  # fmt: skip
    reads = count(state.test_reads, "time")
    lines = [f"{state.study}: test splits were read {reads} in {out}", "", columns(rows, header)]
    if not any(each.finished or each.paused or each.failed for each in state.searches):
        lines += [
            "",
            "No epoch has ended yet: the run prepares images or trains its first epochs, or it was stopped there; "
            "the same `afield run` goes on.",
        ]
    lines += state.notes
    if any(each.ended and each.paused for each in state.searches):
        lines += ["", "Paused trainings of a search that has ended were stopped by halving."]
    lines += [f"The {line}." for line in unjoined]
    lines += [f"damaged: {words}" for words in state.damaged]
    lines += [_words(group) for group in state.failures]
    if state.failures:
        lines.append(f"Try again what failed: afield run STUDY --out {out} --retry failed")
    return "\n".join(lines)


def unjoined_in(out: Path, state: StudyState) -> tuple[str, ...]:
    """Words for the ensembles and soups of a study that lack networks; nothing, and quickly, where it has none."""
    if not state.joins or state.damaged:
        return ()
    from afield.study.collect import load_record  # seconds, and few studies need it

    return load_record(out, state.study).unjoined


def _words(group: FailureGroup) -> str:
    """One cause, with an example and the keys of what failed by it."""
    first, *others = group.trainings
    told = f"failed: {first.key} ({first.backbone}, {first.intervention}, seed {first.seed}): {group.example}"
    if not others:
        return told
    shown = ", ".join(each.key for each in others[:_KEYS])
    more = f" and {len(others) - _KEYS} more" if len(others) > _KEYS else ""
    return f"{told}\n  and by the same cause {count(len(others), 'training')}: {shown}{more}"
