"""A network that a search kept, ready to use: built as it was trained, shown pictures as it was evaluated.

torch is imported when a network is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from afield.backbones.backbone import Interpolation
from afield.base.errors import AfieldError
from afield.images.prepared import refuse_broken
from afield.images.rule import Rule, evaluation_rule
from afield.images.symmetries import PLAIN, symmetries
from afield.images.views import read_views
from afield.scoring.combine import mean_logits
from afield.scoring.predictions import Predictions
from afield.study.networks.predictor import Paths, Predictor, Shown
from afield.tasks.boxes import Cropping
from afield.training.numerics import Numerics
from afield.trial.trial import Trial

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False)
class Network(Predictor):
    """A trained network with all that one must know to use it."""

    key: str
    """the trial that trained it, or the soup that it is"""
    backbone: str
    """id of the pretrained weights that it began from"""
    classes: tuple[str, ...]
    module: nn.Module = field(repr=False)
    """in evaluation mode on the CPU: what `images` gives -> logits [n, classes]"""
    about: Mapping[str, Any] = field(repr=False)
    """`weights.json`: architecture, preprocessing, sha256 of the tensors"""
    trial: Trial = field(repr=False)
    """of a soup that of its first ingredient, by which the network is built and shown pictures: recipe and seed of the
    others may differ
    """
    validation: Predictions = field(repr=False)
    view: str = PLAIN
    """what `predict` and `logits` show it: the mean over all that the view shows; `images` and `module` know none"""

    @property
    def made_of(self) -> str:
        """Which network it is, in words."""
        return f"{self.backbone}, training {self.key}"

    @property
    def cropping(self) -> Cropping | None:
        """How the boxes were made of the pictures that it was trained on; None where these were shown whole."""
        boxes = self.about.get("boxes")
        return None if boxes is None else Cropping(boxes["margin"], boxes["confidence"])

    def images(self, paths: Paths, boxes: str | Path | None = None) -> torch.Tensor:
        """Pictures as `module` wants them: float32 [n, channels, size, size], normalised. Raises as `predict` does."""
        shown = self.find(paths, boxes)
        views, broken = self._views(shown)
        refuse_broken(list(broken.values()), len(shown))
        return self._normalised(views)

    def logits_of(
        self, shown: Sequence[Shown], *, pass_over: bool = False
    ) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
        """Logits of those that can be read, and complaints of the others, by position."""
        from afield.training.loop import EVALUATION_BATCH

        parts, broken = [], dict[int, str]()
        for start in range(0, len(shown), EVALUATION_BATCH):
            views, complaints = self._views(shown[start : start + EVALUATION_BATCH])
            broken |= {start + position: words for position, words in complaints.items()}
            if views and (pass_over or not broken):  # else only what is broken too is still looked for
                parts.append(self._logits_of(views))
        if not (pass_over and parts):
            refuse_broken(list(broken.values()), len(shown))
        return np.concatenate(parts), broken

    def _views(self, shown: Sequence[Shown]) -> tuple[list[npt.NDArray[np.uint8]], dict[int, str]]:
        files, boxes = zip(*shown, strict=True)
        return read_views(files, self._rule, self.trial.reading, boxes)

    def _logits_of(self, views: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        import torch

        from afield.images.turned import turned
        from afield.training.device import autocast

        images = self._normalised(views)
        with torch.inference_mode(), autocast(on_cpu(self.trial.numerics)):
            each = [
                self.module(turned(images, symmetry)).float().numpy()
                for symmetry in symmetries(self.view, self.trial.flips)
            ]
        if not np.isfinite(each).all():
            raise AfieldError(f"{self.key}: the network's outputs on these images are not finite")
        return mean_logits(np.stack(each), several=self.trial.target == "labels")

    def _normalised(self, views: list[npt.NDArray[np.uint8]]) -> torch.Tensor:
        import torch

        from afield.training.preprocessing import Preprocessing

        pixels = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)
        return Preprocessing(self.trial.mean, self.trial.std, self.trial.channels)(pixels, on_cpu(self.trial.numerics))

    @property
    def _rule(self) -> Rule:
        interpolation = cast(Interpolation, self.trial.interpolation)
        return evaluation_rule(self.trial.recipe.size, interpolation)


def on_cpu(numerics: Numerics) -> Numerics:
    """A trial's numerics on any machine: what was trained on another device runs on the CPU in float32."""
    if numerics.device == "cpu":
        return numerics
    return numerics.model_copy(update={"device": "cpu", "precision": "float32"})
