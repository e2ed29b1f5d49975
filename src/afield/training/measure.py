"""A backbone's own ImageNet accuracy, measured: the published network, its makers' preprocessing, a folder of images.

It stands beside the loop because it runs a network on a device, with images read meanwhile; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from afield.backbones.accuracy import Accuracy
from afield.backbones.architectures import timm_name
from afield.backbones.backbone import Backbone
from afield.backbones.build import build_imagenet
from afield.backbones.imagenet import CLASSES, ValidationImages, validation_images
from afield.backbones.own import from_command
from afield.backbones.preprocessing import as_tested, evaluation_image, read_picture, resized_side
from afield.backbones.sizes import check_size
from afield.backbones.weights import Sources, locate
from afield.base.download import Progress
from afield.base.errors import AfieldError, InputError
from afield.base.extensions import where
from afield.images.decode import PIXEL_LIMIT
from afield.images.sending import send
from afield.training.alone import numerics_alone, pictures_of
from afield.training.device import memory_format, place, platform, settle_process
from afield.training.numerics import Numerics

_BEST = 5
"""guesses that top-5 counts"""


def measure_imagenet(
    name: str,
    folder: Path | str,
    sources: Sources = Sources(),  # noqa: B008 - frozen
    *,
    size: int | None = None,
    batch_size: int = 32,
    download: Progress | None = None,
    progress: Callable[[int, int, float], None] = lambda done, images, seconds: None,
) -> Accuracy:
    """Measure top-1 and top-5 of a backbone on a folder of ImageNet's validation images, a folder a class.

    `name` is an id of the catalogue, or `FILE.py:NAME` of one's own. `size` is the side of the squares that the network
    sees, pixels; None: that of the published accuracy, else the weights' own. Images are read and prepared as the
    makers of the weights did (`preprocessing`), and computed in float32 on the best device of this machine.
    `progress(images done, all, seconds that they took)` is told after each batch and may raise to stop.

    Raises InputError for unknown names, weights without a classifier of the 1,000 classes, sizes that the architecture
    does not take, folders that are none of ImageNet's, missing or unfit weights and, all listed at once, for images
    that cannot be read; AfieldError where a batch does not fit into memory or logits are not finite.
    """
    backbone = from_command(name)
    _refuse_without_classifier(backbone)
    side = size or backbone.imagenet_size or backbone.input_size
    check_size(backbone, side, key="--size")
    backbone = as_tested(backbone, side)
    images = validation_images(folder)
    weights = locate(backbone, sources, download)

    numerics = numerics_alone(backbone)
    settle_process(numerics)
    network = place(build_imagenet(backbone, weights, size=side), numerics)
    right, right_of_five = _count(
        images, batch_size, partial(_prepared, backbone, side), partial(_best, network, backbone, numerics), progress
    )
    return Accuracy(backbone, weights, images, side, right, right_of_five, platform(numerics.device)["device"])


def _count(
    images: ValidationImages,
    batch_size: int,
    prepare: Callable[[Path], torch.Tensor | str],
    guess: Callable[[list[torch.Tensor]], torch.Tensor],
    progress: Callable[[int, int, float], None],
) -> tuple[int, int]:
    """Images named right by the first guess, and by one of five. Raises InputError that lists those that are broken."""
    labels = torch.tensor(images.labels)
    right, right_of_five, done = 0, 0, 0
    with closing(pictures_of(images.files, batch_size, prepare, progress)) as batches:
        for pictures in batches:
            hits = guess(pictures) == labels[done : done + len(pictures), None]
            right += int(hits[:, 0].sum())
            right_of_five += int(hits.sum())
            done += len(pictures)
    return right, right_of_five


def _refuse_without_classifier(backbone: Backbone) -> None:
    """Refuse what has no head of ImageNet's classes, before anything is downloaded."""
    if backbone.library == "open_clip":
        raise InputError(
            f"{backbone.id}: CLIP's tower has no classifier of ImageNet's classes: a zero-shot accuracy needs its text "
            "side and prompts, a linear probe has to be trained; measure weights with a classifier, and take CLIP's "
            f"published figure (afield backbones show {backbone.id})"
        )
    settings = timm.get_pretrained_cfg(timm_name(backbone)) if backbone.library == "timm" else None
    if settings is not None and settings.num_classes == 0:
        raise InputError(
            f"{backbone.id}: these weights were published without a classifier of ImageNet's classes, so there is "
            "nothing to measure until a linear probe is trained; measure weights that have one"
        )


def _prepared(backbone: Backbone, size: int, file: Path) -> torch.Tensor | str:
    """An image as the network wants it, float32 [3, size, size], or words for why not."""
    try:
        picture = read_picture(file)
    except InputError as error:
        return str(error)
    if resized_side(backbone, size) ** 2 * max(picture.size) > PIXEL_LIMIT * min(picture.size):
        return (
            f"{file}: {picture.width} pixels wide and {picture.height} high is too narrow to be resized as a whole; "
            "take it away"
        )
    return evaluation_image(backbone, picture, size)


@torch.inference_mode()
def _best(network: nn.Module, backbone: Backbone, numerics: Numerics, pictures: list[torch.Tensor]) -> torch.Tensor:
    """The five best guesses for each of n pictures, the best first, [n, 5] on the CPU."""
    images = send(torch.stack(pictures), torch.device(numerics.device)).to(memory_format=memory_format(numerics))
    try:
        logits: object = network(images)
    except torch.OutOfMemoryError as error:
        raise AfieldError(
            f"{backbone.id}: {len(pictures)} images at once do not fit into the device's memory; give a smaller "
            "--batch-size"
        ) from error
    except (Exception, SystemExit) as error:
        if backbone.library != "own":
            raise
        raise InputError(
            f"{backbone.id}: its network fails at images of {list(images.shape)}: {where(error)}; mend the network, or "
            "give a --size that it takes"
        ) from error
    shape = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if not isinstance(logits, torch.Tensor) or shape != [len(pictures), CLASSES]:
        raise InputError(
            f"{backbone.id}: its network gives {shape} for {len(pictures)} images, not logits [{len(pictures)}, "
            f"{CLASSES}]: only a head of ImageNet's {CLASSES:,} classes, in the order of their WordNet ids, can be "
            "measured"
        )
    if not bool(torch.isfinite(logits).all()):
        raise AfieldError(f"{backbone.id}: its logits are not all finite; look at its weights, mean and std")
    return logits.topk(_BEST).indices.cpu()
