"""Inputs: each task's samples and card into the result folder, its images prepared once into the shared cache."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from afield.base.process import cores
from afield.images.prepared import open_prepared, prepare
from afield.images.rule import Rule
from afield.scoring.labels import label_array
from afield.study.engines.job import SplitPaths
from afield.study.images_of_test import in_colours
from afield.study.needs import Preparing
from afield.study.plan import Plan
from afield.study.protocol import split_of
from afield.study.store import Store
from afield.tasks.data import TaskData
from afield.tasks.labels import HAS

PICTURES = 6
"""sample images a class that are kept for the report"""


def prepare_inputs(
    plan: Plan, store: Store, cache: Path, progress: Preparing
) -> dict[tuple[str, str, str], dict[str, SplitPaths]]:
    """Where each search's splits lie, by search and split, after preparing what is not yet there; their tasks must be
    written (`write_task`).

    Raises InputError that lists images which cannot be decoded, and StoreError where the disk is full.
    """
    folders: dict[tuple[str, str, Rule], Path] = {}  # by the data's fingerprint, split and rule
    inputs = {}
    pictured: set[str] = set()
    for search in plan.searches:
        data = plan.data_of(search)
        samples = store.tasks.samples(data.task.name, data.identity)
        paths: dict[str, SplitPaths] = {}
        for part, rule in plan.rules(search).items():
            split = split_of(part)
            place = (data.fingerprint, split, rule)
            if place not in folders:
                folders[place] = prepare_split(data, split, rule, cache, progress)
            table = data.selection if split == "validation" else split
            paths[part] = SplitPaths(samples, table, folders[place])
        if search.task not in pictured:
            pictured.add(search.task)
            shown = plan.tasks[search.task]
            _write_pictures(store, shown, paths["validation"])
            store.tasks.note_prepared(shown.task.name, shown.identity, paths["test"].images)
        inputs[search.identity] = paths
    return inputs


def prepare_split(data: TaskData, split: str, rule: Rule, cache: Path, progress: Preparing) -> Path:
    """Prepare what a split shows, if it is not there yet; gives the folder of the prepared images."""
    shown = data.pictures(split)
    what = f"{data.task.name} {split}, " + (f"{rule.size} px" if rule.size else "full size")
    return prepare(
        data.root,
        [data.place(image) for image, _ in shown],
        [data.hashes[image] for image, _ in shown],
        rule,
        cache,
        cores(),
        lambda done, total: progress(what, done, total),
        data.task.reading,
        [box for _, box in shown],
    )


def write_task(store: Store, data: TaskData) -> None:
    """Write a task's samples and card into the result folder."""
    task = data.task
    content = {
        "name": task.name,
        "version": task.version,
        "classes": list(task.classes),
        "metric": task.metric,
        "target": task.target,
        "metrics": list(task.metrics),
        "subgroups": list(task.subgroups),
        "split_seed": task.split_seed,
        "fingerprint": data.fingerprint,
        "card": asdict(task.card),
        "counts": data.counts(),
        "sizes": {split: len(data.table[data.table["split"] == split]) for split in data.counts()},
        "training": None if data.training is None else asdict(data.training),
    }
    store.tasks.write(task.name, data.identity, data.table[data.columns], content)


def _write_pictures(store: Store, data: TaskData, paths: SplitPaths) -> None:
    inputs = paths.open()
    images = open_prepared(paths.images)
    labels = label_array(inputs.table["label"])
    for index in range(len(data.task.classes)):
        rows = inputs.row[labels == index if labels.ndim == 1 else labels[:, index] == HAS][:PICTURES].tolist()
        store.tasks.write_pictures(
            data.task.name, data.identity, index, [in_colours(images.image(row)) for row in rows]
        )
