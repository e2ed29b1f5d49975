"""A task's data checked and its images prepared before any study: what a later run finds, it need not do again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afield.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD, Interpolation
from afield.base.errors import InputError, Stopped
from afield.base.process import interrupts
from afield.study.preparing.inputs import prepare_splits
from afield.study.preparing.named_task import named_task
from afield.study.preparing.needs import Preparing
from afield.study.protocol import View
from afield.tasks.data import TaskData, load_task
from afield.tasks.places import cache_folder
from afield.tasks.task import Protocol, Task
from afield.training.recipe import USUAL_SIZE, Recipe


@dataclass(frozen=True)
class Preparation:
    """A task whose data are sound, and whose images a run need not prepare again."""

    data: TaskData
    size: int
    """pixels of the side that a network sees"""
    folders: tuple[Path, ...]
    """of the prepared images"""
    fresh: int
    """images that this call prepared; an image counts once for each way in which it is shown"""


def prepare_task(
    name: str, progress: Preparing, *, size: int | None = None, protocol: Protocol = "clean", data: Path | None = None
) -> Preparation:
    """Check a task's layout, tables and files, and prepare its images as `run_study` would, into the same cache.

    `size` is the image size of the recipe; without it that of a recipe which leaves it open. Evaluation views are made
    with each interpolation that weights ask for. Raises InputError that names the first thing that is wrong and where,
    or lists the images that cannot be read; Stopped after Ctrl-C while images are prepared; StoreError for the disk.
    """
    task, cache = named_task(name), cache_folder()
    loaded = load_task(task, protocol, cache, data)
    pixels = size or _usual_size(task, protocol)
    fresh = 0
    with interrupts() as interrupted:

        def watch(what: str, done: int, total: int) -> None:
            nonlocal fresh
            if interrupted:
                raise Stopped("stopped while images were prepared. Run the same command again to go on")
            fresh += 1
            progress(what, done, total)

        wanted = [
            (loaded, split, rule)
            for view in _views(protocol, pixels)
            for split, rule in view.rules(Recipe().augmentation, task.extra_splits).items()
        ]
        folders = set(prepare_splits(wanted, cache, watch).values())
    return Preparation(loaded, pixels, tuple(sorted(folders)), fresh)


def _usual_size(task: Task, protocol: Protocol) -> int:
    if protocol == "clean":
        return USUAL_SIZE
    if task.published is None:
        raise InputError(f"{task.name}: is no task of the study, so it has no protocol paper; use clean")
    return task.published.image_size


def _views(protocol: Protocol, size: int) -> list[View]:
    """The views that backbones may get of the images; what does not change how they are prepared is ImageNet's."""
    paper = protocol == "paper"
    interpolations: tuple[Interpolation, ...] = ("bilinear",) if paper else ("bilinear", "bicubic")
    return [
        View(size, (), "RGB", IMAGENET_MEAN, IMAGENET_STD, interpolation, full_crops=paper)
        for interpolation in interpolations
    ]


def describe_preparation(done: Preparation) -> str:
    """What was found, and what was prepared."""
    counts = {split: len(done.data.samples(split)) for split in done.data.counts()}
    listed = ", ".join(f"{split} {number:,}" for split, number in counts.items())
    size = sum((folder / "pixels.bin").stat().st_size for folder in done.folders) / 1e9
    place = f"{done.folders[0].parent} ({size:,.2f} GB for {done.size} pixels)"
    if done.fresh:
        work = f"{done.fresh:,} images prepared into {place}"
    else:
        work = f"nothing to do: all images are prepared in {place}"
    return f"{done.data.task.name}: sound, in {done.data.root}: {listed}\n{work}"
