"""Several networks that answer as one, by the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from afield.base.text import count
from afield.images.symmetries import PLAIN
from afield.scoring.combine import mean_logits
from afield.scoring.predictions import Predictions
from afield.study.combining.ensembles import Kind
from afield.study.networks.network import Network
from afield.study.networks.predictor import Predictor, Shown
from afield.tasks.boxes import Cropping
from afield.trial.trial import Trial


@dataclass(frozen=True, eq=False)
class Ensemble(Predictor):
    """Networks of one task, each shown the pictures at its own size and in its own way."""

    key: str
    """of the row that they are together"""
    name: str
    """as the study names it; of folds the task whose folds they are"""
    kind: Kind
    """of `folds` no single network is what the row measured: each was asked about its own part of the samples"""
    classes: tuple[str, ...]
    members: tuple[Network, ...] = field(repr=False)
    trial: Trial = field(repr=False)
    validation: Predictions = field(repr=False)
    """the mean of what the members said; of `folds` each one's own part"""
    view: str = PLAIN

    @property
    def cropping(self) -> Cropping | None:
        """How the boxes were made of the pictures that they were trained on; None where these were shown whole."""
        return self.members[0].cropping

    @property
    def made_of(self) -> str:
        """Which networks they are, in words."""
        backbones = ", ".join(dict.fromkeys(member.backbone for member in self.members))
        return f"{self.kind} {self.name}: {count(len(self.members), 'network')} of {backbones}"

    def logits_of(
        self, shown: Sequence[Shown], *, pass_over: bool = False
    ) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
        """Logits of those that can be read, and complaints of the others, by position."""
        said = [member.logits_of(shown, pass_over=pass_over) for member in self.members]
        return mean_logits(np.stack([logits for logits, _ in said]), several=self.trial.target == "labels"), said[0][1]
