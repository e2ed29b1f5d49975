"""A network that a search kept, ready to use: built as it was trained, shown pictures as it was evaluated.

torch is imported when a network is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.backbones.backbone import Interpolation
from afield.base.errors import AfieldError, InputError
from afield.base.extensions import is_own
from afield.images.prepared import refuse_broken
from afield.images.rule import Rule, evaluation_rule
from afield.images.views import find_images, read_views
from afield.scoring.decisions import most_likely, said_of_each
from afield.scoring.metrics import metric
from afield.scoring.predictions import Predictions
from afield.tasks.boxes import WHOLE, Cropping
from afield.tasks.checks import listed
from afield.tasks.labels import UNKNOWN
from afield.tasks.own.found_boxes import boxed
from afield.training.numerics import Numerics
from afield.trial.trial import Trial

if TYPE_CHECKING:
    import torch
    from torch import nn

Paths = str | Path | Iterable[str | Path]
"""image files, and folders of them"""

Shown = tuple[Path, str]
"""an image, and the box of what is shown of it (`boxes.written`)"""


@dataclass(frozen=True, eq=False)
class Network:
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
    """task, recipe, seed and all else that shaped it; of a soup those of its first ingredient, by which the network is
    built and shown pictures: recipe and seed of the others may differ
    """
    validation: Predictions = field(repr=False)
    """what it said of the validation split"""

    def predict(self, paths: Paths, boxes: str | Path | None = None) -> pd.DataFrame:
        """What the network says of pictures, a row each, in the order of the paths, folders by name.

        Columns: `path`, `predicted` (a class), `probability` (of that class), and `p_CLASS` for each class, 0..1, whose
        sum is 1. They are the softmax of the logits, as it is: how often 0.9 is right was not calibrated. Where a
        picture may have several classes, `predicted` holds all that reach their thresholds (those that the leading
        metric settles on validation; without such, and for a metric of one's own, a half), parted by `; `,
        `probability` is that of the likeliest class, and each `p_CLASS` is a sigmoid for itself.

        A network that was trained on parts of pictures is asked about parts: `boxes` is a file that says where
        (`found_boxes.boxed`), and the table has a row a box, and a column `box`, left, top, width and height as shares.

        Raises InputError for what `find_images` refuses, for boxes that are missing or that the network does not know
        and, all listed at once, for pictures that cannot be read.
        """
        shown = self._shown(paths, boxes)
        return self._table(shown, self._logits(shown)[0], boxed=boxes is not None)

    def predict_readable(self, paths: Paths, boxes: str | Path | None = None) -> tuple[pd.DataFrame, dict[str, str]]:
        """The same of all pictures that can be read, and why each other one cannot, by its path.

        Raises as `predict` does, and where no picture can be read.
        """
        shown = self._shown(paths, boxes)
        logits, broken = self._logits(shown, pass_over=True)
        told = {
            path: words.removeprefix(path).removeprefix(": ")
            for path, words in ((str(shown[position][0]), words) for position, words in broken.items())
        }
        read = [each for position, each in enumerate(shown) if position not in broken]
        return self._table(read, logits, boxed=boxes is not None), told

    def _table(self, shown: Sequence[Shown], logits: npt.NDArray[np.float32], *, boxed: bool) -> pd.DataFrame:
        """A row a picture, or a box of one, of what was said of it."""
        said = self._unlabelled([str(file) for file, _ in shown], logits)
        probabilities = said.probabilities()
        return pd.DataFrame(
            {
                "path": said.sample,
                **({"box": [box for _, box in shown]} if boxed else {}),
                "predicted": self._named(said),
                "probability": probabilities.max(axis=1),
                **{f"p_{name}": probabilities[:, place] for place, name in enumerate(self.classes)},
            }
        )

    def _unlabelled(self, names: list[str], logits: npt.NDArray[np.float32]) -> Predictions:
        """Predictions of pictures of which nothing is known."""
        several = self.trial.target == "labels"
        unknown = np.full((len(names), len(self.classes)) if several else len(names), UNKNOWN, np.int64)
        who = np.array(names, np.str_)
        return Predictions(self.classes, sample=who, unit=who, cluster=who, label=unknown, logits=logits)

    def _named(self, said: Predictions) -> list[str]:
        """Of each picture the class, or the classes, that it is said to have."""
        if not said.several:
            return [self.classes[place] for place in most_likely(said)]
        settle = None if is_own(self.trial.metric) else metric(self.trial.metric).settle
        chosen = said_of_each(said if settle is None else settle(self.validation)(said))
        return ["; ".join(name for name, yes in zip(self.classes, row, strict=True) if yes) for row in chosen]

    def logits(self, paths: Paths, boxes: str | Path | None = None) -> npt.NDArray[np.float32]:
        """Logits [n, classes], as `score` gives them for the test split. Raises as `predict` does."""
        return self._logits(self._shown(paths, boxes))[0]

    def images(self, paths: Paths, boxes: str | Path | None = None) -> torch.Tensor:
        """Pictures as `module` wants them: float32 [n, channels, size, size], normalised. Raises as `predict` does."""
        shown = self._shown(paths, boxes)
        views, broken = self._views(shown)
        refuse_broken(list(broken.values()), len(shown))
        return self._normalised(views)

    @property
    def cropping(self) -> Cropping | None:
        """How the boxes were made of the pictures that it was trained on; None where these were shown whole."""
        boxes = self.about.get("boxes")
        return None if boxes is None else Cropping(boxes["margin"], boxes["confidence"])

    def _shown(self, paths: Paths, boxes: str | Path | None) -> list[Shown]:
        """The images that are meant, with the part of each that is."""
        files, cropping = find_images(paths, self.trial.reading), self.cropping
        if cropping is None and boxes is not None:
            raise InputError(f"{boxes}: the network {self.key} was trained on whole pictures; ask it without boxes")
        if cropping is None:
            return [(file, WHOLE) for file in files]
        if boxes is None:
            raise InputError(
                f"{listed(files, 'image')} without a box: the network {self.key} was trained on parts of pictures; "
                "name a file of boxes (--boxes): a table with the columns path and box, or MegaDetector's results"
            )
        return boxed(files, Path(boxes), cropping)

    def _views(self, shown: Sequence[Shown]) -> tuple[list[npt.NDArray[np.uint8]], dict[int, str]]:
        files, boxes = zip(*shown, strict=True)
        return read_views(files, self._rule, self.trial.reading, boxes)

    def _logits(
        self, shown: Sequence[Shown], *, pass_over: bool = False
    ) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
        """Logits of those that can be read, and complaints of the others, by position.

        Raises InputError for any that cannot be read; with `pass_over` where none can.
        """
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

    def _logits_of(self, views: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        import torch

        from afield.training.device import autocast

        with torch.inference_mode(), autocast(on_cpu(self.trial.numerics)):
            logits: npt.NDArray[np.float32] = self.module(self._normalised(views)).float().numpy()
        if not np.isfinite(logits).all():
            raise AfieldError(f"{self.key}: the network's outputs on these images are not finite")
        return logits

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
