"""A data set's frozen features, streamed: images are read, shown to the pretrained body, and boiled down to a summary.

Nothing is kept of an image but its share in the summary, so a million need no more memory than a thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from afield.backbones.build import build
from afield.backbones.own import from_command
from afield.backbones.parts import head_alone, head_inputs
from afield.backbones.sizes import check_size
from afield.backbones.weights import Sources, locate
from afield.base.download import Progress
from afield.base.errors import AfieldError, InputError
from afield.base.reading import AS_DECLARED, Reading
from afield.base.streams import stream
from afield.images.rule import Rule, evaluation_rule, prepare_file
from afield.probing.summary import Gathering, Summary
from afield.tasks.boxes import WHOLE, pictures
from afield.tasks.builtin import TASKS, find_task
from afield.tasks.data import split_samples
from afield.tasks.own.folder import image_files
from afield.tasks.places import data_folder, user_path
from afield.tasks.task import Task
from afield.training.alone import numerics_alone, pictures_of
from afield.training.device import place, platform, settle_process
from afield.training.preprocessing import Preprocessing


@dataclass(frozen=True)
class Shown:
    """The pictures of a data set."""

    source: str
    """what it is called"""
    pictures: tuple[tuple[Path, str], ...]
    """files, and what of each is shown: a box, or WHOLE"""
    reading: Reading


def summarise(
    source: str,
    name: str,
    sources: Sources = Sources(),  # noqa: B008 - frozen
    *,
    find: Callable[[str], Task] = find_task,
    split: str = "train",
    data: Path | None = None,
    called: str | None = None,
    images: int | None = None,
    size: int | None = None,
    batch_size: int = 32,
    download: Progress | None = None,
    progress: Callable[[int, int, float], None] = lambda done, images, seconds: None,
) -> Summary:
    """The frozen features of a data set's images, in a random order, as a summary (`probing.summary`).

    `source` is a folder, of which all images count, or a task that `find` knows, of which the images of `split` under
    protocol clean do, looked for below `data`; `called` is another name for it. `name` is the backbone's id, or
    `FILE.py:NAME`. `images` takes so many at random, the same ones each time. `size` is the side of the squares that
    the network sees, pixels; None: the weights' own. A view is as a study evaluates (`Rule`), and features are what the
    network's head is given. They are computed in float32 on the best device of this machine. `progress(images done,
    all, seconds that they took)` is told after each batch and may raise to stop.

    Raises InputError for unknown names, data that are not there, a size that the architecture cannot have, missing or
    unfit weights and, all listed at once, images that cannot be read; AfieldError where features are not finite.
    """
    backbone = from_command(name)
    side = size or backbone.input_size
    check_size(backbone, side, key="--size")
    shown = _shown(source, find, split, data, called)
    if images is not None and images > len(shown.pictures):
        raise InputError(f"{shown.source}: has {len(shown.pictures):,} images, not {images:,}; ask for fewer")
    weights = locate(backbone, sources, download)
    order = stream(0, "summary", shown.source).permutation(len(shown.pictures))[:images]
    chosen = [shown.pictures[place] for place in order]
    rule = evaluation_rule(side, backbone.interpolation)

    numerics = numerics_alone(backbone)
    settle_process(numerics)
    network = build(backbone, 2, initialisation="pretrained", seed=0, weights=weights, size=side)
    network = place(network, numerics).eval()
    head = head_alone(network, backbone, 3, side)
    preprocessing = Preprocessing(backbone.mean, backbone.std)

    @torch.inference_mode()
    def features(views: list[torch.Tensor]) -> torch.Tensor:
        found = head_inputs(network, backbone, head, preprocessing(torch.stack(views), numerics)).float().cpu()
        if not bool(torch.isfinite(found).all()):
            raise AfieldError(f"{backbone.id}: its features are not all finite; look at its weights, mean and std")
        return found

    gathering, prepare = Gathering(), partial(_view, rule, shown.reading)
    with closing(pictures_of(chosen, batch_size, prepare, progress)) as batches:
        for views in batches:
            gathering.add(features(views).numpy())
    about = {
        "source": shown.source,
        "backbone": backbone.id,
        "weights": weights.sha256,
        "image_size": str(side),
        "interpolation": backbone.interpolation,
        "mean": str(backbone.mean),
        "std": str(backbone.std),
        **{f"platform.{part}": value for part, value in platform(numerics.device).items()},
    }
    return gathering.summary(about)


def _shown(source: str, find: Callable[[str], Task], split: str, data: Path | None, called: str | None) -> Shown:
    path = user_path(source)
    if source not in TASKS and path.is_dir():
        folder = path.resolve()
        files = tuple((file, WHOLE) for file in image_files(folder))
        if not files:
            raise InputError(f"{folder}: holds no image; name a folder of images, or a task")
        return Shown(called or folder.name, files, AS_DECLARED)
    task = find(source)
    if task.reading.count != 3:
        raise InputError(f"{task.name}: its images have {task.reading.count} channels; distances are between pictures")
    root = task.find(data_folder(data)).resolve()
    table = split_samples(task, "clean", data)
    table = table[table["split"] == split]
    if table.empty:
        raise InputError(f"{task.name}: has no split {split}; name train, validation or test")
    unlike = dict.fromkeys(pictures(table))
    return Shown(called or task.name, tuple((root / image, box) for image, box in unlike), task.reading)


def _view(rule: Rule, reading: Reading, picture: tuple[Path, str]) -> torch.Tensor | str:
    """An image as a study evaluates it, uint8 [3, side, side], or words for why not."""
    try:
        pixels, _ = prepare_file(picture[0], rule, reading, picture[1])
    except InputError as error:
        return str(error)
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())
