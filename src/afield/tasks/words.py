"""What one should know of a task's data before trusting a number on them, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afield.base.text import first_few
from afield.scoring.metrics import metric_title
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


def single_words(task: Task, counts: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """What it means that splits other than training hold a single sample of classes, a sentence a split; `counts` are
    samples by split and class (`data.count_samples`).
    """
    return tuple(
        f"A single {split} image{'' if len(names) == 1 else ' each'} is of {first_few(names, _NAMED)}: "
        f"{_hanging(task, split)}."
        for split, names in single_classes(counts).items()
    )


def single_classes(counts: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """The classes of which each split other than training holds a single sample; no entry for a split without such.

    >>> single_classes({"train": {"owl": 1}, "test": {"owl": 1, "fox": 2}})
    {'test': ['owl']}
    """
    single = {split: [name for name, number in each.items() if number == 1] for split, each in counts.items()}
    return {split: names for split, names in single.items() if names and split != "train"}


def _hanging(task: Task, split: str) -> str:
    """What of the leading metric, and of its interval, hangs on a single image of a class."""
    title, rest = metric_title(task.metric), "" if split != "validation" else ", by which epochs and recipes are chosen"
    ranking = task.metric in ("auroc", "average_precision", "map_11")
    if ranking and len(task.classes) == 2 and task.target != "labels":
        return f"{title}{rest + ',' if rest else ' has no interval, and'} hangs on its rank alone"
    if ranking or task.metric.startswith(("macro_f1", "balanced_accuracy")):
        share = f"it decides the whole share of its class in {title}"
        return f"{share}{rest or ', and the interval cannot tell how far that is chance'}"
    if rest:
        return "epochs and recipes are chosen with hardly a look at its class"
    return f"what is said of its class hangs on it, and {title} with its interval hardly shows it"
