"""The network of the backbone that a study's answer names, and any other: people come to use the winner."""

from __future__ import annotations

from pathlib import Path

from afield.analysis.answer import answer
from afield.analysis.chosen import chosen_network
from afield.base.errors import InputError
from afield.images.symmetries import PLAIN
from afield.study.collecting.collect import load_record
from afield.study.networks.ensemble import Ensemble
from afield.study.networks.network import Network
from afield.study.networks.open_ensemble import find_joined, open_ensemble
from afield.study.networks.open_network import open_network
from afield.study.record import StudyRecord
from afield.study.store import Store


def load_network(out: str | Path, key: str | None = None, study: str | None = None, view: str = PLAIN) -> Network:
    """A network that a study kept in a result folder: with its classes, and ready to predict.

    `key` names a training or a soup (the column `key` of the results table). Without it the network is that of the
    backbone which the printed answer says to take, under the study's first seed; `study` names one of several studies
    that share the folder. `view` is one that the study scored: `Network.predict`, which takes image files and folders,
    is the mean over what it shows of each. Extensions are loaded from their copies in the folder.

    Raises InputError where there is no such network, where nothing was scored yet or not under that view, and where a
    study of several tasks has a winner for each; StoreError for damaged files.
    """
    if key is None:
        key = winner_of(load_record(out, study), out)
    return open_network(out, key, view)


def load_ensemble(out: str | Path, key: str, study: str | None = None, view: str = PLAIN) -> Ensemble:
    """Several networks of a result folder as one: the ensemble, or the folds of a task, whose row of the results table
    has that key. `Ensemble.predict` gives the mean of their probabilities; of folds, too, whose row is about pictures
    that one network each was asked about.

    `study` and `view` are those of `load_network`. Raises InputError where nothing is joined under that key, and as it
    does.
    """
    joined = find_joined(out, key, study)
    if joined is None:
        raise InputError(
            f"{out}: no ensemble and no folds have the key {key} (the column `key` of: afield table {out})"
        )
    return open_ensemble(out, joined, view)


def load_predictor(
    out: str | Path, key: str | None = None, study: str | None = None, view: str = PLAIN
) -> Network | Ensemble:
    """What a key means: `load_network` of a training or a soup and without a key, `load_ensemble` of what is joined."""
    if key is None or Store.open(Path(out)).trial_folder(key).is_dir():
        return load_network(out, key, study, view)
    joined = find_joined(out, key, study)
    if joined is None:
        raise InputError(
            f"{out}: no training, soup, ensemble or folds have the key {key} and all their networks; keys are the "
            f"column `key` of: afield table {out}"
        )
    return open_ensemble(out, joined, view)


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
