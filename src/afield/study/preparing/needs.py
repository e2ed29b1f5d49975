"""What a study needs, found: its extensions, tasks with their images, backbones and weights. All that is missing is
told at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from afield.backbones.backbone import Backbone
from afield.backbones.own import planned
from afield.backbones.weights import Sources, Weights, locate, whereabouts
from afield.base.errors import InputError, Stopped
from afield.base.extensions import Extension, find_object, is_own, load_extensions, objects
from afield.base.process import cores, interrupts
from afield.images.unreadable import unreadable
from afield.scoring.metric import Metric
from afield.study.own_metrics import misfits_of, own_metric
from afield.study.preparing.misfits import misfits
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.tasks.data import TaskData, Unreadable, load_task
from afield.tasks.source import TaskSource
from afield.tasks.task import Task

Found = TypeVar("Found")

Downloading = Callable[[str, int, int | None], None]
"""backbone, bytes that are here, bytes that there will be (None: the server does not say)"""
Preparing = Callable[[str, int, int], None]
"""what is prepared, images done, images in all; may raise to stop"""
ANYWHERE = Sources()
"""weights from where they are published"""


@dataclass(frozen=True)
class Needs:
    """All that a study's trials are made of."""

    extensions: Mapping[str, Extension]
    tasks: Mapping[str, TaskData]
    """by the task's own name"""
    changed: Mapping[tuple[str, str], TaskData]
    """the same with other training splits, by task and intervention, where an intervention changes them"""
    backbones: Mapping[str, Backbone]
    """by the name that the study gives"""
    weights: Mapping[str, Weights]
    """by that name; those that only train from scratch need none"""
    metrics: Mapping[str, Metric]
    """one's own that lead, by name"""
    beside: Mapping[str, Metric]
    """one's own that are recorded beside all that fit, by name"""


@dataclass(frozen=True)
class Problem:
    """Why a study cannot run as it is."""

    about: Literal["data", "weights", "study"]
    """what is missing or broken: a task's data, a backbone's weights; or what no fetching mends"""
    name: str
    """of the task or backbone, as the study gives it; empty where it is about the study itself"""
    words: str


@dataclass(frozen=True)
class Looked:
    """What a look found: all that is here of a study's needs, and what speaks against running it."""

    needs: Needs
    """as far as they are here"""
    tasks: Mapping[str, Task]
    """by the name that the study gives, whether their data are here or not"""
    loaded: Mapping[str, TaskData]
    """those whose data are here, by the name that the study gives"""
    problems: tuple[Problem, ...]


def gather(
    study: Study,
    cache: Path,
    sources: Sources = ANYWHERE,
    data: Path | None = None,
    downloading: Downloading | None = None,
    preparing: Preparing | None = None,
    *,
    download: bool = True,
) -> Needs:
    """Find all that a study needs: tasks (below `data`, or where `tasks.places` looks), images and weights.

    Weights that are not here are downloaded, once nothing else is missing; without `download` they are missing too.
    Raises InputError with a line for each thing that is missing or does not fit.
    """
    looked = look(study, cache, sources, data, downloading, preparing, download=download)
    if looked.problems:
        raise InputError("\n".join(dict.fromkeys(problem.words for problem in looked.problems)))
    return looked.needs


def look(
    study: Study,
    cache: Path,
    sources: Sources = ANYWHERE,
    data: Path | None = None,
    downloading: Downloading | None = None,
    preparing: Preparing | None = None,
    *,
    download: bool = True,
) -> Looked:
    """Look for all that a study needs, and note what is missing or does not fit; the arguments are `gather`'s."""
    problems: list[Problem] = []
    extensions = _extensions(study, problems)
    loadable = partial(_loadable, known=extensions is not None)
    named = _each(
        loadable(study.study.tasks), lambda name: find_study_task(name, study, extensions or {}), "data", problems
    )
    loaded = _each(list(named), lambda name: _load(study, named[name], cache, data, preparing), "data", problems)
    tasks = {found.task.name: found for found in loaded.values()}
    owned = [found.task.metric for found in tasks.values() if is_own(found.task.metric)]
    metrics = _each(loadable(owned), lambda name: own_metric(name, extensions or {}), "study", problems)
    beside = _each(
        loadable(study.study.metrics), lambda name: own_metric(name, extensions or {}, leads=False), "study", problems
    )
    _against(problems, misfits_of(metrics, beside, tasks))
    if len(tasks) < len(loaded):
        _against(problems, _of_one_name({said: found.task.name for said, found in loaded.items()}))
    backbones = _each(loadable(study.study.backbones), lambda name: planned(name, extensions or {}), "study", problems)
    _against(problems, misfits(study, {task.name: task for task in named.values()}, backbones, extensions))
    pretrained = [name for name in study.study.backbones if name in backbones and _is_pretrained(study, name)]
    ready = download and not problems
    weights = _each(
        pretrained, lambda name: _weights(backbones[name], sources, downloading, download=ready), "weights", problems
    )
    # Last, for it may look at many thousand images: whatever is told sooner is told before.
    changed: Mapping[tuple[str, str], TaskData] = {}
    if not problems:
        unfit: list[str] = []
        changed = _changed(study, loaded, extensions, cache, data, preparing, unfit)
        _against(problems, unfit)
    needs = Needs(extensions or {}, tasks, changed, backbones, weights, metrics, beside)
    return Looked(needs, named, loaded, told_of_the_whole(study, problems))


def told_of_the_whole(study: Study, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems, but what all folds of a task have alike is told once, of that task."""
    whole = {fold: (task, len(folds)) for task, folds in study.folds.items() for fold in folds}

    def of_whole(problem: Problem) -> tuple[Problem, int]:
        begun, colon, rest = problem.words.partition(": ")
        task, folds = whole.get(begun) or whole.get(problem.name) or ("", 0)
        words = f"{task}{colon}{rest}" if begun in whole else problem.words
        return replace(problem, name=task if problem.name in whole else problem.name, words=words), folds

    joined = Counter(of_whole(problem) for problem in problems)
    return tuple(
        dict.fromkeys(
            alike if joined[alike, folds] == folds else problem
            for problem, (alike, folds) in zip(problems, map(of_whole, problems), strict=True)
        )
    )


def _against(problems: list[Problem], words: Iterable[str]) -> None:
    """What speaks against the study itself."""
    problems += [Problem("study", "", each) for each in words]


def _changed(
    study: Study,
    tasks: Mapping[str, TaskData],
    extensions: Mapping[str, Extension] | None,
    cache: Path,
    data: Path | None,
    preparing: Preparing | None,
    problems: list[str],
) -> Mapping[tuple[str, str], TaskData]:
    """The tasks (by the study's names) with the training splits that interventions make; nothing where none does."""
    if not any(study.training_of(name).tasks() for name in study.study.interventions):
        return {}
    # rare, and it needs what compares pictures
    from afield.study.preparing.training_split import Surroundings, changed_data

    around = Surroundings(
        study,
        cache,
        data,
        own_task=partial(find_own_task, extensions=extensions or {}),
        unreadable=lambda task: _unreadable(study, task, cache, preparing),
        progress=preparing or (lambda *_: None),
    )
    return changed_data(around, tasks, problems)


def _each(
    names: Sequence[str],
    find: Callable[[str], Found],
    about: Literal["data", "weights", "study"],
    problems: list[Problem],
) -> dict[str, Found]:
    """What is found of each name; what is not goes to the problems."""
    found = {}
    for name in names:
        try:
            found[name] = find(name)
        except InputError as error:
            problems.append(Problem(about, name, str(error)))
    return found


def _extensions(study: Study, problems: list[Problem]) -> dict[str, Extension] | None:
    """The study's extensions by name; None, with the problems noted, where one cannot be loaded."""
    try:
        return load_extensions(study.extensions)
    except InputError as error:
        _against(problems, [str(error)])
        return None


def _loadable(names: Sequence[str], known: bool) -> list[str]:
    """Without the objects of extensions where these could not be loaded: that has been said already."""
    return [name for name in names if known or not is_own(name)]


def find_study_task(name: str, study: Study, extensions: Mapping[str, Extension]) -> Task:
    """A task by the name that a study gives it; `extensions` are the study's."""
    if not is_own(name) or Path(name).exists():
        return find_task(name, study.tasks)
    return find_own_task(name, extensions)


def find_own_task(name: str, extensions: Mapping[str, Extension]) -> Task:
    """An extension's task, by its reference: a Task, or what `Task.from_table` and `Task.from_folder` give."""
    extension, _, own = name.partition(":")
    if extension in extensions and own in objects(extensions[extension], TaskSource):
        source = find_object(name, extensions, TaskSource)
        return find_task(own, {own: source.below(extensions[extension].folder)})
    return find_object(name, extensions, Task)


def _of_one_name(names: Mapping[str, str]) -> Iterator[str]:
    """Complaints of tasks that are called alike, by what the study says."""
    for name in dict.fromkeys(names.values()):
        said = [each for each, called in names.items() if called == name]
        if len(said) > 1:
            yield f"study.tasks: {' and '.join(said)} have one name, {name}; rename one"


def _load(study: Study, task: Task, cache: Path, data: Path | None, preparing: Preparing | None) -> TaskData:
    return load_task(task, study.study.protocol, cache, data, _unreadable(study, task, cache, preparing))


def _unreadable(study: Study, task: Task, cache: Path, preparing: Preparing | None) -> Unreadable | None:
    """What finds the images of a task that cannot be read, where the study lets them be left out. Ctrl-C and SIGTERM
    end it with Stopped.
    """
    if study.study.unreadable == "error":
        return None

    def look(root: Path, images: Sequence[str]) -> Mapping[str, str]:
        with interrupts() as interrupted:

            def progress(done: int, total: int) -> None:
                if preparing:
                    preparing(f"{task.name}, looking for broken ones", done, total)
                if interrupted:
                    raise Stopped(
                        f"stopped while the images of {task.name} were looked at, {done} of {total}; what was found is "
                        "kept. Run the same command again to go on"
                    )

            return unreadable(root, images, cache, cores(), progress, task.reading)

    return look


def _is_pretrained(study: Study, backbone: str) -> bool:
    """Whether an intervention trains it from its weights."""
    return any(
        study.recipe_of(intervention).initialisation != "scratch" and backbone in study.backbones_of(intervention)
        for intervention in study.study.interventions
    )


def _weights(row: Backbone, sources: Sources, downloading: Downloading | None, *, download: bool) -> Weights:
    """A backbone's weights; without `download` those that are here."""
    if not download and not sources.offline:
        there = whereabouts(row, sources)
        if there.path is None and there.address.startswith("http"):
            raise InputError(
                f"{row.id}: its weights are not on this machine yet; a run fetches them from {there.address} "
                f"(now: afield backbones fetch {row.id} --to DIR)"
            )
    return locate(row, sources, partial(downloading, row.id) if downloading else None)
