"""Inputs: each task's samples and card into the result folder, its images prepared once into the shared cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from afield.base.errors import InputError
from afield.base.process import cores
from afield.images.prepared import BrokenImagesError, open_prepared, prepare
from afield.images.rule import Rule
from afield.scoring.labels import label_array
from afield.study.engines.job import SplitPaths
from afield.study.images_of_test import in_colours
from afield.study.plan import Plan
from afield.study.preparing.needs import Preparing
from afield.study.protocol import split_of
from afield.study.store import Store
from afield.tasks.data import TaskData
from afield.tasks.labels import HAS

PICTURES = 6
"""sample images a class that are kept for the report"""
NAMED = 5
"""broken images of a split that are named; the rest are counted"""


def prepare_inputs(
    plan: Plan, store: Store, cache: Path, progress: Preparing
) -> dict[tuple[str, str, str], dict[str, SplitPaths]]:
    """Where each search's splits lie, by search and split, after preparing what is not yet there; their tasks must be
    written (`write_task`).

    Raises InputError that lists images of all splits which cannot be decoded, and StoreError where the disk is full.
    """
    wanted = [
        (plan.data_of(search), split_of(part), rule)
        for search in plan.searches
        for part, rule in plan.rules(search).items()
    ]
    folders = prepare_splits(wanted, cache, progress)
    inputs = {}
    pictured: set[str] = set()
    for search in plan.searches:
        data = plan.data_of(search)
        samples = store.tasks.samples(data.task.name, data.identity)
        paths: dict[str, SplitPaths] = {}
        for part, rule in plan.rules(search).items():
            split = split_of(part)
            table = data.selection if split == "validation" else split
            paths[part] = SplitPaths(samples, table, folders[data.fingerprint, split, rule])
        if search.task not in pictured:
            pictured.add(search.task)
            shown = plan.tasks[search.task]
            _write_pictures(store, shown, paths["validation"])
            store.tasks.note_prepared(shown.task.name, shown.identity, paths["test"].images)
        inputs[search.identity] = paths
    return inputs


def prepare_splits(
    wanted: Iterable[tuple[TaskData, str, Rule]], cache: Path, progress: Preparing
) -> dict[tuple[str, str, Rule], Path]:
    """Prepare what splits show under each rule; gives the folders by the data's fingerprint, split and rule.

    Raises InputError that tells of the broken images of all splits at once, as `prepare_split` does otherwise.
    """
    folders: dict[tuple[str, str, Rule], Path] = {}
    broken: dict[str, BrokenImagesError] = {}
    looked_at: set[tuple[str, str]] = set()
    for data, split, rule in wanted:
        name, place = f"{data.task.name} {split}", (data.fingerprint, split, rule)
        again = name in broken or (broken and place[:2] in looked_at)  # another rule would find the same images broken
        if again or place in folders:
            continue
        looked_at.add(place[:2])
        try:
            folders[place] = prepare_split(data, split, rule, cache, progress)
        except BrokenImagesError as error:
            broken[name] = error
    if broken:
        raise InputError(_broken_words(broken))
    return folders


def _broken_words(broken: Mapping[str, BrokenImagesError]) -> str:
    """The broken images of each split, the first few by name, and what to do."""
    parts = [f"{name}: {error.counted()} cannot be used:\n{error.listed(NAMED)}" for name, error in broken.items()]
    mend = (
        'restore them or take them away; a study with unreadable = "drop" (--set study.unreadable=drop) leaves damaged '
        "ones out, and `afield check` shows them"
    )
    return "\n".join([*parts, mend])


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
