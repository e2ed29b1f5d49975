"""Tasks as text for a terminal: a list, and all that one should know of one. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError
from afield.base.text import columns, entry
from afield.tasks.builtin import TASKS
from afield.tasks.data import count_samples, lacking_classes, load_task, split_samples
from afield.tasks.labels import positions_of
from afield.tasks.task import Protocol, Task
from afield.tasks.words import absence_words, single_words

_WIDTH = 110
"""columns of a terminal that a card may fill"""


def list_tasks() -> str:
    """The built-in tasks, a line each."""
    rows = [(task.name, str(len(task.classes)), task.metric, task.card.title) for task in TASKS.values()]
    return columns(rows, ("task", "classes", "metric", "title"))


def show_task(task: Task, data: Path | None = None) -> str:
    """A task's card, and its counts where the data are here; no image is opened."""
    card = task.card
    others = ", ".join(name for name in task.metrics if name != task.metric)
    entries = {
        "title": card.title, "source": card.source, "application": card.application, "domain": card.domain,
        "licence": card.licence,
        "classes": ", ".join(task.classes), "metric": f"{task.metric}; recorded too: {others}",
        "baseline": card.baseline, "get it": card.get, "citation": card.citation,
    }  # fmt: skip
    lines = [entry(key, value, _WIDTH) for key, value in entries.items() if value]
    try:
        counts = count_samples(task, split_samples(task, "clean", data))
    except InputError as error:
        return "\n".join([*lines, entry("images", f"not here: {error}", _WIDTH)])
    for split, numbers in counts.items():
        told = ", ".join(f"{number} {label}" for label, number in numbers.items())
        lines.append(entry(split, f"{sum(numbers.values())} images: {told}", _WIDTH))
    minded = (*absence_words(lacking_classes(counts)), *single_words(task, counts))
    lines += [entry("mind", words, _WIDTH) for words in minded]
    return "\n".join(lines)


def plain_tasks() -> list[dict[str, Any]]:
    """The built-in tasks as plain values: names, classes, metrics and cards."""
    return [_plain(task) for task in TASKS.values()]


def plain_task(task: Task, data: Path | None = None) -> dict[str, Any]:
    """A task's card as plain values; `splits` are its samples by split and class where the data are here, else None
    with the reason in `not_here`.
    """
    try:
        counts = count_samples(task, split_samples(task, "clean", data))
    except InputError as error:
        return {**_plain(task), "splits": None, "not_here": str(error)}
    return {**_plain(task), "splits": counts, "not_here": ""}


def _plain(task: Task) -> dict[str, Any]:
    about = {"task": task.name, "version": task.version, "classes": list(task.classes), "target": task.target}
    metrics = {"metric": task.metric, "metrics": list(task.metrics), "extra_splits": list(task.extra_splits)}
    return {**about, **metrics, **vars(task.card)}


def list_splits(
    task: Task, protocol: Protocol, data: Path | None = None, hashes_in: Path | None = None
) -> pd.DataFrame:
    """Which sample is in which split, a row each: id (as the original names it), split, label (its position in the
    classes; several are parted by blanks) and group. No image is opened, unless `hashes_in` names a folder for known
    hashes: then sha256 is that of the sample's image, so that others can tell whether theirs are the same.

    Raises InputError for data that are not there or not what they should be.
    """
    if hashes_in is None:
        table = split_samples(task, protocol, data)
    else:
        found = load_task(task, protocol, hashes_in, data)
        table = found.table.assign(sha256=found.table["image"].map(found.hashes))
    if task.target == "labels":
        table = table.assign(label=[" ".join(map(str, positions_of(label))) for label in table["label"]])
    return table[["id", "split", "label", "group", *(["sha256"] if hashes_in else [])]]
