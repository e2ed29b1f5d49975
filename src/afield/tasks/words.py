"""What one should know of a task's data before trusting a number on them, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afield.base.text import first_few
from afield.tasks.task import Protocol, Task

_NAMED = 8
"""classes that one sentence names"""


def incomplete_words(task: Task, protocol: Protocol, samples: int) -> str:
    """That some of the published data are missing; empty where none are, or nobody knows how many there should be.

    Under `paper` that matters most: its draws count on every row.
    """
    published = 0 if task.published is None or protocol == "clean" else task.published.samples
    if published in (0, samples):
        return ""
    return (
        f"{samples:,} samples are here, {published:,} were published: the splits of protocol paper are not those of "
        "the study."
    )


def dropped_words(dropped: Mapping[str, str]) -> str:
    """What was left out for want of a readable file; empty where nothing was.

    >>> dropped_words({"a.png": "is empty"})
    '1 image that cannot be read was left out: a.png (is empty).'
    """
    if not dropped:
        return ""
    shown = first_few([f"{image} ({reason})" for image, reason in dropped.items()], _NAMED)
    were = "image that cannot be read was" if len(dropped) == 1 else "images that cannot be read were"
    return f"{len(dropped)} {were} left out: {shown}."


def absence_words(absent: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What it means that splits lack classes, a sentence a split.

    >>> absence_words({"test": ("owl",)})
    ('No test image is of owl: the results say nothing of it, and means over classes leave it out.',)
    """
    told = []
    for split, names in absent.items():
        it = "it" if len(names) == 1 else "them"
        if split not in ("train", "validation"):
            means = f"the results say nothing of {it}, and means over classes leave {it} out"
        else:
            means = f"epochs and recipes are chosen without {it}"
        told.append(f"No {split} image is of {first_few(names, _NAMED)}: {means}.")
    return tuple(told)
