"""The network of the backbone that a study's answer names: people come to use the winner."""

from __future__ import annotations

from pathlib import Path

from afield.analysis.answer import answer
from afield.analysis.chosen import chosen_network
from afield.base.errors import InputError
from afield.study.collecting.collect import load_record
from afield.study.network import Network
from afield.study.open_network import open_network
from afield.study.record import StudyRecord


def load_network(out: str | Path, key: str | None = None, study: str | None = None) -> Network:
    """A network that a study kept in a result folder: with its classes, and ready to predict.

    `key` names a training (the column `key` of the results table). Without it the network is that of the backbone which
    the printed answer says to take, under the study's first seed; `study` names one of several studies that share the
    folder. `Network.predict` takes image files and folders. Extensions are loaded from their copies in the folder.

    Raises InputError where there is no such network, where nothing was scored yet, and where a study of several tasks
    has a winner for each; StoreError for damaged files.
    """
    if key is None:
        key = winner_of(load_record(out, study), out)
    return open_network(out, key)


def winner_of(record: StudyRecord, out: str | Path) -> str:
    """Key of the network that stands for the winner of a study's only task; `out` is what complaints name.

    Raises InputError where nothing was scored, and where there are several tasks, with the key of each.
    """
    keys = {
        part.task: network.key
        for part in answer(record).tasks
        if (network := chosen_network(record, part.ranking)) is not None
    }
    if not keys:
        raise InputError(f"{out}: no backbone was scored yet, so there is none to take; see: afield status {out}")
    if len(record.tasks) > 1:
        listed = ", ".join(f"{key} for {task}" for task, key in keys.items())
        raise InputError(f"{out}: each task has a winner of its own; choose one by its key: {listed}")
    return next(iter(keys.values()))
