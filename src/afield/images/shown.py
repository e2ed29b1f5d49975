"""Images as the epochs of a training would show them, in memory alone: for people who want to see an augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from afield.images.augmentation.mixing import Mixing
from afield.images.loader import TrainingBatches
from afield.images.prepared import PreparedImages
from afield.images.samples import Samples


def epochs_of(
    images: Sequence[npt.NDArray[np.uint8]],
    originals: Sequence[tuple[int, int]],
    size: int,
    epochs: int,
    augmentation: str,
    flips: tuple[str, ...],
    extension: tuple[str, str],
    mixing: Mixing,
    erasing: float,
) -> list[list[npt.NDArray[np.uint8]]]:
    """Of each prepared image [height, width, channels] what so many epochs show, [size, size, channels], with seed 0.

    `originals` are the full images' heights and widths; the rest is what `TrainingBatches` takes.
    """
    n = len(images)
    prepared = PreparedImages(
        Path(),
        np.concatenate([image.ravel() for image in images]),
        np.cumsum([0, *(image.size for image in images)]),
        np.array([image.shape[:2] for image in images], np.int32),
        np.array(originals, np.int32),
        images[0].shape[2],
    )
    samples = Samples(prepared, np.arange(n), np.zeros(n, np.int64))
    batches = TrainingBatches(
        samples, size, "bicubic", n, 0, augmentation, flips, mixing=mixing, erasing=erasing, extension=extension
    )
    pixels = torch.from_numpy(prepared.pixels)
    shown: list[list[npt.NDArray[np.uint8]]] = [[] for _ in images]
    for epoch in range(epochs):
        batch = batches.make(batches.draw((epoch, 0)), pixels).images.permute(0, 2, 3, 1).numpy()
        for sample, picture in zip(batches.order(epoch).tolist(), batch, strict=True):
            shown[sample].append(picture)
    return shown
