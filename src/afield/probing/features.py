"""Frozen features: what the head is given of each image's evaluation view, while the body stays as it was pretrained.

They are computed once for a backbone and all that shapes its view of a task, and kept in the shared cache. A head that
is trained alone is shown them in place of images, so an epoch costs a product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from afield.base.errors import AfieldError
from afield.images.batch import WHOLE, Batch, Position, Share
from afield.images.loader import TrainingBatches
from afield.images.samples import Samples
from afield.images.sending import send
from afield.probing.kept import Stop, Told, kept, refuse_stop, untold

PART = 2048
"""images whose features are one file: what a stop costs at most; batches of 64 are the same in parts"""
Embed = Callable[[torch.Tensor], torch.Tensor]
"""evaluation views, uint8 [n, channels, size, size] on the device, to features, float32 [n, f]"""


@dataclass(frozen=True)
class Extraction:
    """How the features of a training's images are made, and where they are kept."""

    embed: Embed
    about: Mapping[str, object]
    """all that features depend on beside the images: plain values"""
    folder: Path
    device: torch.device
    batch_size: int
    """images at once; a part of what features depend on, since the size of a product may order its sums"""
    stop: Stop
    told: Told = untold
    """told of images done"""
    share: Share = WHOLE
    """of several processes that want the same features each makes other parts of them first"""

    def names(self, samples: Samples) -> dict[str, object]:
        """What the features of these samples' images depend on."""
        return {**self.about, "batch_size": self.batch_size, "images": samples.images.folder.name}

    def features(self, samples: Samples) -> torch.Tensor:
        """Features of the images that the samples show, float32 [images, f], on the CPU.

        Raises as `kept` does, and AfieldError where some are not finite.
        """
        count = len(samples.images)
        numbers = range(-(-count // PART))
        parts: dict[int, torch.Tensor] = {}
        for number in sorted(numbers, key=lambda number: number % self.share.processes != self.share.rank):
            images = range(number * PART, min((number + 1) * PART, count))
            done = sum(map(len, parts.values()))
            self.told(done, count)
            about = {**self.names(samples), "part": [images.start, images.stop]}
            make = partial(self._computed, samples, images, done)
            parts[number] = kept(self.folder, about, make, self.stop)["features"]
        return torch.cat([parts[number] for number in numbers])

    def _computed(self, samples: Samples, images: range, before: int) -> dict[str, torch.Tensor]:
        shown = Samples(samples.images, np.array(images), np.zeros(len(images), np.int64))
        parts = list[torch.Tensor]()
        for views in shown.evaluation(self.batch_size, self.device):
            refuse_stop(self.stop)
            parts.append(self.embed(views).cpu())
            self.told(before + sum(map(len, parts)), len(samples.images))
        features = torch.cat(parts)
        if not bool(torch.isfinite(features).all()):
            raise AfieldError(
                "the features of the frozen body are not finite, so there is nothing to probe; "
                'try precision = "float32" in the study\'s [numerics]'
            )
        return {"features": features}


@dataclass(frozen=True)
class FeatureSamples:
    """A split's samples as a head alone is shown them."""

    features: torch.Tensor
    """float32 [images, f]"""
    row: npt.NDArray[np.int64]
    """[n] position of each sample's image in `features`"""

    def evaluation(self, batch_size: int, device: torch.device, share: Share = WHOLE) -> Iterator[torch.Tensor]:
        """Features of all samples in order, [n, f] at once, on the device; see `Views`."""
        for start in range(share.rank * batch_size, len(self.row), share.processes * batch_size):
            yield send(self.features[torch.from_numpy(self.row[start : start + batch_size])], device)


@dataclass(frozen=True)
class FeatureBatches:
    """The batches of a training, by position, as a head alone is shown them: the same samples in the same order."""

    batches: TrainingBatches
    features: torch.Tensor
    """float32 [images, f]"""

    @property
    def seed(self) -> int:
        """Of every random stream."""
        return self.batches.seed

    @property
    def batch_size(self) -> int:
        """Samples a batch."""
        return self.batches.batch_size

    def steps(self) -> int:
        """Batches an epoch."""
        return self.batches.steps()

    def seen(self) -> int:
        """Samples an epoch."""
        return self.batches.seen()

    def names(self, position: Position) -> list[str]:
        """The names of a batch's samples; empty where they have none."""
        return self.batches.names(position)

    def load(self, positions: list[Position], workers: int, device: torch.device) -> Iterator[Batch]:
        """The batches at these positions in order, on the device, where all features lie; workers have no work."""
        features, samples, share = send(self.features, device), self.batches.samples, self.batches.share
        for position in positions:
            batch = self.batches.chosen(position)
            chosen = batch[share.of(len(batch))]
            shown = features[send(torch.from_numpy(samples.row[chosen]), device)]
            weights = self.batches.weights(chosen, share.counts(len(batch)))
            yield Batch(*position, shown, torch.from_numpy(samples.label[chosen]), weights, whole=len(batch))
