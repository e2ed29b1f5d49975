"""Memory and disk that a study takes, at most. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from afield.backbones.backbone import Backbone
from afield.images.prepared import estimate_bytes, place_of
from afield.images.rule import Rule, evaluation_rule, train_rule
from afield.study.engines.slots import Need
from afield.study.plan import Plan
from afield.study.planning.pace import Speed, checkpoint_bytes
from afield.study.planning.workload import Workload
from afield.study.protocol import split_of
from afield.tasks.data import TaskData
from afield.training.numerics import NumericsChoice
from afield.training.recipe import Recipe

PROCESS = 0.6e9
"""bytes of a worker with its libraries, roughly, where none was measured"""
ACTIVATIONS = 45e6
"""bytes that an image's activations take in training a network of a billion multiply-adds, in float32, roughly; they
grow with the square root of these"""
ASPECT = 4 / 3
"""of photographs, until the data are here"""
_ROW = 60
"""bytes of a row of predictions beside its logits"""


@dataclass(frozen=True)
class Memory:
    """Bytes that trials take at most, of a GPU where they are trained on one."""

    trial: int
    """the largest"""
    backbone: str
    """whose that is"""
    slots: int
    """as many at once as there are slots: the largest of them together"""
    measured: bool
    """of every backbone; else roughly, from parameters and multiply-adds"""


@dataclass(frozen=True)
class Disk:
    """Bytes that a study takes."""

    prepared: int | None
    """of prepared images in the cache, those that are there among them; None: not known before the data are here"""
    to_prepare: int | None
    """of those that are still to be made"""
    images: int | None
    """pictures that are still to be prepared"""
    checkpoints: int
    """in the result folder, if all cells of all searches waited at once; they go when their search ends"""
    kept: int
    """in the result folder for good: the chosen networks and all predictions"""


def memory_of(loads: Iterable[tuple[Workload, Speed]], slots: int) -> Memory:
    """The most that trials take, of those that have a speed."""
    found = sorted(
        (
            (speed.memory or _rough(load.backbone, load.recipe), load.backbone.id, speed.memory is not None)
            for load, speed in loads
        ),
        reverse=True,
    )
    if not found:
        return Memory(0, "", 0, measured=False)
    most = [size for size, _, _ in found] + [found[0][0]] * slots
    largest = [most[0]] * slots if len(found) < slots else most[:slots]
    return Memory(found[0][0], found[0][1], sum(largest), all(known for _, _, known in found))


def largest_need(trials: Iterable[tuple[Backbone, Recipe]], numerics: NumericsChoice) -> Need | None:
    """What the largest of trials takes of a machine's memory, roughly, in all its processes; None without any."""
    found = [Need(numerics.devices * _rough(backbone, recipe), backbone.id) for backbone, recipe in trials]
    return max(found, key=lambda need: need.bytes, default=None)


def _rough(backbone: Backbone, recipe: Recipe) -> int:
    """Bytes of a trial: the process, what a checkpoint holds, the gradients, and the activations of a batch."""
    side = backbone.input_size if recipe.image_size == "auto" else recipe.size
    gmacs = backbone.work * (side / backbone.input_size) ** 2
    weights = checkpoint_bytes(backbone, recipe) + 4e6 * (backbone.params_m or 0)
    return int(PROCESS + weights + recipe.batch_size * ACTIVATIONS * gmacs**0.5)


def disk_of(loads: Iterable[Workload], plan: Plan | None, cache: Path, seeds: int) -> Disk:
    """What a study's distinct workloads take; `plan` where the data are here."""
    known = list(loads)
    by_size = _prepared_by_size(known)
    prepared, rest, images = (by_size, by_size, _pictures(known)) if plan is None else _prepared(plan, cache)
    kept = 0.0
    for load in known:
        networks = seeds if load.chooses else 0
        kept += networks * 4e6 * (load.backbone.params_m or 0)
        if load.images is not None:
            shown = load.images.scored * (networks + load.audits) + load.images.validation * (load.cells + networks)
            kept += shown * (_ROW + 4 * load.classes)
    checkpoints = sum(load.cells * checkpoint_bytes(load.backbone, load.recipe) for load in known)
    return Disk(prepared, rest, images, int(checkpoints), int(kept))


def images_to_prepare(plan: Plan, cache: Path) -> int:
    """Pictures that are not prepared yet; one counts once for each way in which it is shown."""
    return sum(len(each.images) for folder, each in _sets(plan, cache).items() if not folder.is_dir())


@dataclass(frozen=True)
class _Set:
    """Pictures that are prepared together."""

    data: TaskData
    rule: Rule
    images: tuple[str, ...]
    boxes: tuple[str, ...]

    def bytes(self) -> int:
        """That they take once they are prepared."""
        places = [self.data.place(image) for image in self.images]
        return estimate_bytes(self.data.root, places, self.rule, self.data.task.reading, self.boxes)


def _sets(plan: Plan, cache: Path) -> dict[Path, _Set]:
    """All that a plan has prepared, by its folder."""
    found: dict[Path, _Set] = {}
    folders: dict[object, Path] = {}
    for search in plan.searches:
        data = plan.data_of(search)
        for part, rule in plan.rules(search).items():
            same = data.fingerprint, split_of(part), rule
            if same not in folders:
                images, boxes = zip(*data.pictures(split_of(part)), strict=True)
                hashes = [data.hashes[image] for image in images]
                folders[same] = place_of(hashes, rule, cache, data.task.reading, boxes)
                found.setdefault(folders[same], _Set(data, rule, images, boxes))
    return found


def _prepared(plan: Plan, cache: Path) -> tuple[int, int, int]:
    """Bytes of all prepared images, of those that are not there yet, and how many these are."""
    sizes = {folder: (each.bytes(), len(each.images)) for folder, each in _sets(plan, cache).items()}
    rest = [size for folder, size in sizes.items() if not folder.is_dir()]
    return sum(size for size, _ in sizes.values()), sum(size for size, _ in rest), sum(images for _, images in rest)


def _prepared_by_size(loads: Iterable[Workload]) -> int | None:
    """About how many bytes, from published numbers of images; None where they are not known, and where images are kept
    as they are.
    """
    sizes: dict[object, float] = {}
    for load in loads:
        if load.images is None or load.size is None:
            return None
        held_out = load.images.validation + load.images.scored
        evaluation = evaluation_rule(load.size, load.backbone.interpolation)
        sizes[load.task, evaluation] = 3 * held_out * load.size**2
        short = -(-36 * load.size // 25)
        sizes[load.task, train_rule(load.size), load.changed] = 3 * load.images.train * short**2 * ASPECT
    return int(sum(sizes.values()))


def _pictures(loads: Iterable[Workload]) -> int | None:
    """About how many pictures are prepared, from published numbers; None where they are not known."""
    counts: dict[object, int] = {}
    for load in loads:
        if load.images is None:
            return None
        counts[load.task, load.size, load.changed] = load.images.train + load.images.validation + load.images.scored
    return sum(counts.values())
