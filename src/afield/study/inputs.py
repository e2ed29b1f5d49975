"""Inputs: each task's samples and card into the result folder, its images prepared once into the shared cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from afield.base.process import cores
from afield.images.prepared import Rule, open_prepared, prepare
from afield.study.job import SplitPaths
from afield.study.plan import Plan, Preparing
from afield.study.store import Store
from afield.tasks.data import TaskData
from afield.tasks.task import Split

PICTURES = 6
"""sample images a class that are kept for the report"""


def prepare_inputs(
    plan: Plan, store: Store, cache: Path, progress: Preparing
) -> dict[tuple[str, str, str], dict[Split, SplitPaths]]:
    """Where each search's splits lie, by search and split, after preparing what is not yet there; their tasks must be
    written (`write_task`).

    Raises InputError that lists images which cannot be decoded, and StoreError where the disk is full.
    """
    folders: dict[tuple[str, str, Rule], Path] = {}
    inputs = {}
    pictured: set[str] = set()
    for search in plan.searches:
        data = plan.tasks[search.task]
        samples = store.samples(data.task.name, data.fingerprint)
        paths = {}
        for split, rule in plan.rules(search).items():
            place = (search.task, split, rule)
            if place not in folders:
                folders[place] = _prepare(data, split, rule, cache, progress)
            table = data.selection if split == "validation" else split
            paths[split] = SplitPaths(samples, table, folders[place])
        if search.task not in pictured:
            pictured.add(search.task)
            _write_pictures(store, data, paths["validation"])
        inputs[search.identity] = paths
    return inputs


def _prepare(data: TaskData, split: Split, rule: Rule, cache: Path, progress: Preparing) -> Path:
    images = data.images(split)
    what = f"{data.task.name} {split}, " + (f"{rule.size} px" if rule.size else "full size")
    hashes = [data.hashes[image] for image in images]
    return prepare(
        data.root,
        images,
        hashes,
        rule,
        cache,
        cores(),
        lambda done, total: progress(what, done, total),
    )


def write_task(store: Store, data: TaskData) -> None:
    """Write a task's samples and card into the result folder."""
    task, table = data.task, data.table
    content = {
        "name": task.name,
        "version": task.version,
        "classes": list(task.classes),
        "metric": task.metric,
        "panel": list(task.panel),
        "split_seed": task.split_seed,
        "fingerprint": data.fingerprint,
        "card": asdict(task.card),
        "counts": data.counts(),
    }
    columns = ["id", "image", "label", "split", "group", "cluster", "unit"]
    store.write_task(task.name, data.fingerprint, table[columns], content)


def _write_pictures(store: Store, data: TaskData, paths: SplitPaths) -> None:
    inputs = paths.open()
    images = open_prepared(paths.images)
    labels: Sequence[int] = inputs.table["label"].tolist()
    for index in range(len(data.task.classes)):
        rows = [row for row, label in zip(inputs.row.tolist(), labels, strict=True) if label == index][:PICTURES]
        store.write_pictures(data.task.name, data.fingerprint, index, [images.image(row) for row in rows])
