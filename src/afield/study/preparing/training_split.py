"""What interventions do to training splits: further images join them, reviewed labels are taken over. Validation and
test stay as they are, so that such an intervention is compared with plain on the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, Stopped, nearest
from afield.base.extensions import is_own
from afield.base.process import cores, interrupts
from afield.images.held_out import Copies, Images, Progress, copies_of_held_out
from afield.study.study import Study
from afield.tasks.checks import check_paths
from afield.tasks.data import TaskData, Unreadable, with_training
from afield.tasks.further import called, find_further, further_samples, joined, rows_of
from afield.tasks.hashes import hash_images
from afield.tasks.places import user_path
from afield.tasks.reviewed import apply_review, read_review
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from afield.tasks.training_choice import FurtherChoice, TrainingChoice
from afield.tasks.training_split import Added, TrainingSplit, added_words


@dataclass(frozen=True)
class Surroundings:
    """What is needed to find further data and to look at them."""

    study: Study
    cache: Path
    data: Path | None
    """the folder that holds the tasks' folders"""
    own_task: Callable[[str], Task]
    """finds an extension's task by its reference"""
    unreadable: Callable[[Task], Unreadable | None]
    """what finds the images of a task that cannot be read, where the study lets them be left out"""
    progress: Progress


def changed_data(
    around: Surroundings, tasks: Mapping[str, TaskData], problems: list[str]
) -> dict[tuple[str, str], TaskData]:
    """Of each task and intervention that changes its training split the data as it makes them, by the task's own name.
    `tasks` are those that were found, by the name that the study gives. What speaks against it goes to the problems.
    """
    changed: dict[tuple[str, str], TaskData] = {}
    made: dict[str, TaskData] = {}
    for intervention in around.study.study.interventions:
        choice = around.study.training_of(intervention)
        problems += _misnamed(around.study, intervention, choice, tasks)
        for called_so, found in tasks.items():
            name = found.task.name
            key = _key(around.study, called_so, name, choice)
            if key is None:
                continue
            further, review = choice.further.get(key, ()), choice.reviewed.get(key)
            same = repr((name, further, review))  # interventions that change a split alike
            try:
                if same not in made:
                    made[same] = _changed(around, found, further, review)
                changed[name, intervention] = made[same]
            except InputError as error:
                problems.append(f"interventions.{intervention}: {error}")
    return changed


def _key(study: Study, called_so: str, name: str, choice: TrainingChoice) -> str | None:
    """The name under which a choice speaks of a task: its own, the study's, or that of the task whose fold it is."""
    named = [name, called_so, *(parent for parent, folds in study.folds.items() if called_so in folds)]
    return next((each for each in named if each in choice.tasks()), None)


def _misnamed(study: Study, intervention: str, choice: TrainingChoice, tasks: Mapping[str, TaskData]) -> list[str]:
    """Tasks that an intervention names and that are none of the study or named twice, and those of which it would
    change nothing.
    """
    names = {called_so: found.task.name for called_so, found in tasks.items()}
    known = [*names.values(), *study.folds, *study.study.tasks]  # the last: also those that were not found
    strange = sorted(choice.tasks() - set(known))
    said = [
        f"interventions.{intervention}: {name}: is no task of the study; {nearest(name, known)}" for name in strange
    ]
    said += [
        f"interventions.{intervention}: {called_so} and {name} are one task; name it in one way"
        for called_so, name in names.items()
        if called_so != name and {called_so, name} <= choice.tasks()
    ]
    if choice.tasks() and not study.changes_recipe(intervention):
        said += [
            f"interventions.{intervention}: changes nothing of {name}, where it would be plain once more; name {name} "
            "too, or study the others alone"
            for called_so, name in names.items()
            if not strange and _key(study, called_so, name, choice) is None
        ]
    return said


def _changed(around: Surroundings, found: TaskData, further: Sequence[FurtherChoice], review: str | None) -> TaskData:
    """A task with another training split."""
    task, table, reviewed = found.task, found.table, None
    if review is not None:
        path = user_path(review)
        table, reviewed = apply_review(task, table, read_review(task.name, path), path)
    sets = [_found(around, found, choice) for choice in further]
    twice = [one.name for number, one in enumerate(sets) if one.name in [other.name for other in sets[:number]]]
    if twice:
        raise InputError(f"{task.name}: further: two sets are called {twice[0]}; name them apart under [tasks.NAME]")
    copies = _copies(around, found, sets)
    added = []
    for each in sets:
        left = each.table["image"].map(each.hashes).isin({*copies.exact, *copies.near})
        added.append(_told(each, copies, found, int((~left).sum())))
        if left.all():
            raise InputError(f"{task.name}: further: {added_words(added[-1])}; nothing is left, so take it away")
        table = joined(task, table, rows_of(each.name, each.table[~left]))
    elsewhere = {called(each.name, image): each.root / image for each in sets for image in each.hashes}
    hashes = {called(each.name, image): sha256 for each in sets for image, sha256 in each.hashes.items()}
    there = set(found.hashes).intersection(hashes)
    if there:
        raise InputError(f"{task.name}: further: an image of it is called as one of the task, {min(there)}; rename it")
    made = TrainingSplit(int((table["split"] == "train").sum()), tuple(added), reviewed)
    return with_training(found, table, hashes, elsewhere, made)


@dataclass(frozen=True)
class _Set:
    """A further data set that was found, without what cannot be used."""

    name: str
    root: Path
    table: pd.DataFrame
    hashes: Mapping[str, str]
    grouped: int
    unreadable: Mapping[str, str]


def _found(around: Surroundings, found: TaskData, choice: FurtherChoice) -> _Set:
    """The samples of a further set, but for those whose group is held out and those that cannot be read."""
    source, name = _source(around, choice.task)
    samples = further_samples(choice, found.task, source, around.data, name)
    table = samples.table
    held = set(found.table.loc[found.table["split"] != "train", "group"])
    apart = ~table["group"].isin(held)
    named = replace(found.task, name=name)
    images = sorted(set(table.loc[apart, "image"]))
    check_paths(named, samples.root, images)
    look = around.unreadable(named)
    unreadable = dict(look(samples.root, images)) if look else {}
    table = table[apart & ~table["image"].isin(unreadable)].reset_index(drop=True)
    hashes = hash_images(named, samples.root, sorted(set(table["image"])), around.cache)
    return _Set(name, samples.root, table, hashes, int((~apart).sum()), unreadable)


def _source(around: Surroundings, name: str) -> tuple[Task | TaskSource, str]:
    """What a name of further data stands for, and what it is called in the task's table."""
    if is_own(name) and name not in around.study.tasks and not user_path(name).exists():
        return around.own_task(name), name
    return find_further(name, around.study.tasks)


def _copies(around: Surroundings, found: TaskData, sets: Sequence[_Set]) -> Copies:
    if not sets:
        return Copies({}, {}, False)
    held = {image: found.hashes[image] for image in found.table.loc[found.table["split"] != "train", "image"]}
    added = [Images(each.root, each.hashes) for each in sets]
    place = Images(found.root, held)

    with interrupts() as interrupted:

        def progress(what: str, done: int, total: int) -> None:
            around.progress(f"{found.task.name}, {what}", done, total)
            if interrupted:
                raise Stopped(
                    f"stopped while copies of held-out images of {found.task.name} were looked for; what was seen is "
                    "kept. Run the same command again to go on"
                )

        return copies_of_held_out(place, added, found.task.reading, around.cache, cores(), progress)


def _told(found: _Set, copies: Copies, task: TaskData, samples: int) -> Added:
    """What is told of a set, with images by name."""
    image_of = {sha256: image for image, sha256 in task.hashes.items()}

    def named(of: Mapping[str, str]) -> dict[str, str]:
        return {image: image_of[of[sha256]] for image, sha256 in found.hashes.items() if sha256 in of}

    return Added(
        found.name, samples, named(copies.exact), named(copies.near), found.grouped, found.unreadable, copies.alike
    )
