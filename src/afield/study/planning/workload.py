"""What a study has to do, search by search: rungs, epochs, images. Exact where the data are here; else from what is
known of the tasks by name. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError
from afield.images.symmetries import symmetries
from afield.study.audits import audits_to_come
from afield.study.plan import Plan
from afield.study.planning.missing import needs_extra
from afield.study.preparing.cost import trained_on
from afield.study.preparing.misfits import complaints_of
from afield.study.preparing.needs import Looked, Needs
from afield.study.protocol import view_of
from afield.study.searching.race import Share, shares
from afield.study.searching.search import epochs_through, rung_sizes
from afield.study.split_view import wanted_of
from afield.study.study import Study
from afield.tasks.data import TaskData
from afield.tasks.task import Protocol, Task
from afield.training.recipe import Recipe

HELD_OUT: dict[Protocol, float] = {"clean": 1 / 3, "paper": 1 / 4}
"""validation images, and as many test images, a training image, until the data are here: 60 / 20 / 20 per cent, and 80
/ 20 where test selects"""


@dataclass(frozen=True)
class Images:
    """How many images the parts of a search show a network."""

    train: int
    """in an epoch"""
    validation: int
    """after each epoch"""
    scored: int
    """when a network is scored: each split as often as its view shows it"""
    exact: bool
    """counted in the data, not taken from their published size"""


@dataclass(frozen=True)
class Workload:
    """The search of one (task, backbone, intervention)."""

    task: str
    backbone: Backbone
    intervention: str
    recipe: Recipe
    """of the cell that takes most memory, the image size settled wherever it can be"""
    classes: int
    rungs: tuple[tuple[int, int], ...]
    """epochs, and cells that reach them"""
    epochs: int
    """of all cells and repeats, if none fails"""
    repeats: int
    """trainings of the choice under further seeds"""
    images: Images | None
    """None where nobody knows them before the data are here"""
    chooses: bool = True
    """whether its choice is counted on to be scored: in a race that of the dearest backbone alone"""
    audits: int = 0
    """networks that are scored on plain test beside the choice"""
    together: int = 0
    """cells that are proposed at once, after all before them have ended; 0: all are there from the beginning"""
    unfit: str = ""
    """why it cannot be trained; empty where it can"""
    changed: str = ""
    """what an intervention does to the training split, as text: tells apart what is not one and the same"""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Task, backbone and intervention: one search each."""
        return self.task, self.backbone.id, self.intervention

    @property
    def cells(self) -> int:
        """Of the grid."""
        return self.rungs[0][1]

    @property
    def size(self) -> int | None:
        """Side of the square that the network sees, pixels; None where no protocol says it."""
        return None if self.recipe.image_size == "auto" else self.recipe.size

    @property
    def gmacs(self) -> float:
        """Multiply-adds of an image at its size, billions."""
        return self.backbone.work * ((self.size or self.backbone.input_size) / self.backbone.input_size) ** 2

    @property
    def passes(self) -> int | None:
        """Training images that go through the network, those of frozen features counted once."""
        if self.images is None:
            return None
        return self.images.train * ((0 if self.recipe.trained == "head" else self.epochs) + self.recipe.probed)


def workloads(study: Study, looked: Looked) -> tuple[Workload, ...]:
    """A workload each task, backbone and intervention, in the study's order; nothing of backbones that there are not,
    nor of tasks that could not be found at all.
    """
    grids = {intervention: study.cells(intervention) for intervention in study.study.interventions}
    return tuple(
        _workload(study, looked, name, task, backbone, intervention, grids[intervention], share)
        for name, task in looked.tasks.items()
        for intervention in study.study.interventions
        for backbone, share in _shares(study, looked, intervention, grids[intervention])
    )


def _shares(
    study: Study, looked: Looked, intervention: str, cells: Sequence[Recipe]
) -> Iterator[tuple[Backbone, Share]]:
    """The backbones under an intervention that are here, each with what falls to its search."""
    there = [
        looked.needs.backbones[name] for name in study.backbones_of(intervention) if name in looked.needs.backbones
    ]
    if study.search.method != "race":
        sizes = Share(tuple(rung_sizes(study.search, len(cells), cells[0].epochs)))
        yield from ((backbone, sizes) for backbone in there)
        return
    works = [backbone.work for backbone in there]
    yield from zip(there, shares(study.search, [len(cells)] * len(there), works, cells[0].epochs), strict=True)


def workloads_of(plan: Plan, study: Study | None = None) -> tuple[Workload, ...]:
    """The workloads of a plan, all of whose data are here; of another study of its tasks and backbones where one is
    given.
    """
    backbones = {search.backbone.id: search.backbone for search in plan.searches}
    needs = Needs(plan.extensions, plan.tasks, plan.changed, backbones, plan.weights, plan.metrics, plan.beside)
    tasks = {name: data.task for name, data in plan.tasks.items()}
    return workloads(study or plan.study, Looked(needs, tasks, plan.tasks, ()))


def distinct(loads: Iterable[Workload]) -> tuple[Workload, ...]:
    """Those that are trained: without the impossible ones, and of two interventions that are one and the same one."""
    found: dict[object, Workload] = {}
    for load in loads:
        if not load.unfit:
            found.setdefault((load.task, load.backbone.id, load.recipe.model_dump_json(), load.changed), load)
    return tuple(found.values())


def _workload(
    study: Study,
    looked: Looked,
    name: str,
    task: Task,
    backbone: Backbone,
    intervention: str,
    cells: tuple[Recipe, ...],
    share: Share,
) -> Workload:
    recipe = max(cells, key=lambda cell: cell.averages)
    further = (len(study.study.seeds) - 1) * share.chooses
    complaints = dict.fromkeys(complaints_of(study, task, backbone, recipe))
    unfit = "; ".join(words for words in complaints if not needs_extra(words))
    if recipe.image_size == "auto":
        try:
            size = view_of(study.study.protocol, task, backbone, recipe).image_size
            recipe = recipe.model_copy(update={"image_size": size})
        except InputError as error:
            unfit = unfit or str(error)
    choice = study.training_of(intervention)
    named = {task.name, name} & set(choice.tasks())
    return Workload(
        task=task.name,
        backbone=backbone,
        intervention=intervention,
        recipe=recipe,
        classes=len(task.classes),
        rungs=share.sizes,
        epochs=epochs_through(share.sizes) + further * recipe.epochs,
        repeats=further,
        chooses=share.chooses,
        images=_images(study, looked, name, task, intervention),
        audits=audits_to_come(study, _selection(study, looked, name), share.sizes[-1][1], chooses=share.chooses),
        together=study.search.batch if study.search.method == "optuna" else 0,
        unfit=unfit,
        changed=choice.model_dump_json() if named or (task.name, intervention) in looked.needs.changed else "",
    )


def _selection(study: Study, looked: Looked, name: str) -> str:
    """The split that chooses on a task, until its data are here that of nearly all under the study's protocol."""
    if name in looked.loaded:
        return looked.loaded[name].selection
    return "validation" if study.study.protocol == "clean" else "test"


def _images(study: Study, looked: Looked, name: str, task: Task, intervention: str) -> Images | None:
    if name in looked.loaded:
        return _counted(study, looked.loaded[name], looked.needs.changed, intervention)
    train = trained_on(study, intervention, name)
    if math.isnan(train):
        return None
    held_out = round(train * HELD_OUT[study.study.protocol])
    return Images(round(train), held_out, held_out * sum(_shown(study, task).values()), exact=False)


def _counted(study: Study, data: TaskData, changed: Mapping[tuple[str, str], TaskData], intervention: str) -> Images:
    mine = changed.get((data.task.name, intervention), data)
    scored = sum(len(data.samples(split)) * times for split, times in _shown(study, data.task).items())
    return Images(len(mine.samples("train")), len(data.samples("validation")), scored, exact=True)


def _shown(study: Study, task: Task) -> dict[str, int]:
    """How often each split is shown to a network that is scored."""
    published = task.published if study.study.protocol == "paper" else None
    flips: Sequence[str] = task.flips if published is None else published.flips
    times: dict[str, int] = {}
    for at in wanted_of(study.study.views, task.extra_splits):
        try:
            times[at.split] = times.get(at.split, 0) + len(symmetries(at.view, flips))
        except InputError:  # told as what speaks against the study
            continue
    return times
