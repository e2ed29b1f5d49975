"""A competition answered by the network of a study: its own submission.csv, for its unlabelled test images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.images.symmetries import PLAIN
from afield.study.collecting.collect import load_record
from afield.study.networks.predictor import Predictor
from afield.tasks.builtin import find_task
from afield.tasks.places import data_folder
from afield.tasks.submission import asked_about, submission_of
from afield.tasks.task import Task
from afield.winner import load_predictor, winner_of

_AT_ONCE = 256
"""images between two looks at how far it is"""


def submission(
    name: str,
    out: str | Path,
    *,
    key: str | None = None,
    study: str | None = None,
    view: str = PLAIN,
    data: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """What the competition of a task wants to be handed in: a row an image that it asks about, in its order.

    The network, or several as one, is that of the `key` in the result folder, else of the task's winner, under a view
    that the study scored (`load_predictor`).
    `progress(done, all)` is told after some images, and may raise to stop. Raises InputError for a task without a
    competition, for data that are not there, for an image that is missing or cannot be read, and for a network that was
    trained on another task.
    """
    form, task = submission_of(name), find_task(name)
    root = task.find(data_folder(data))
    images = asked_about(task, root, form)
    network = load_predictor(out, _winner(name, out, study) if key is None else key, study, view)
    _check_network(network, task, out)
    paths, parts = list(images.values()), []
    for start in range(0, len(paths), _AT_ONCE):
        parts.append(network.predict(paths[start : start + _AT_ONCE]))
        progress(min(start + _AT_ONCE, len(paths)), len(paths))
    said = form.said(pd.concat(parts, ignore_index=True), network.classes)
    return pd.DataFrame({form.identity: list(images), form.answer: said})


def _winner(name: str, out: str | Path, study: str | None) -> str:
    """Key of the network that stands for a task's winner."""
    record = load_record(out, study)
    tasks = tuple(task for task in record.tasks if task.name == name)
    if not tasks:
        others = ", ".join(task.name for task in record.tasks)
        raise InputError(f"{out}: its study is of {others}, not of {name}, so it has no network that could answer")
    return winner_of(replace(record, tasks=tasks), out)


def _check_network(network: Predictor, task: Task, out: str | Path) -> None:
    trained = network.trial
    if trained.task != task.name:
        raise InputError(
            f"{out}: {network.words}: was trained on {trained.task}, not on {task.name}: its classes are others"
        )
    if network.classes != task.classes:
        raise InputError(
            f"{out}: {network.words}: was trained on version {trained.task_version} of {task.name}, whose classes "
            f"({', '.join(network.classes)}) are not those of version {task.version}; train it again"
        )
