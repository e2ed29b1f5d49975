"""What names the classes of pictures, a network or several as one, and the table that it gives of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.images.symmetries import PLAIN
from afield.images.views import find_images
from afield.scoring.decisions import most_likely, said_of_each
from afield.scoring.metrics import metric
from afield.scoring.predictions import Predictions
from afield.tasks.boxes import WHOLE, Cropping
from afield.tasks.checks import listed
from afield.tasks.labels import UNKNOWN
from afield.tasks.own.found_boxes import boxed
from afield.trial.trial import Trial

Paths = str | Path | Iterable[str | Path]
"""image files, and folders of them"""

Shown = tuple[Path, str]
"""an image, and the box of what is shown of it (`boxes.written`)"""


class Predictor(ABC):
    """Something trained that is shown pictures and names their classes."""

    key: str
    """as in the results table"""
    classes: tuple[str, ...]
    """in the order of the logits"""
    trial: Trial
    """task, recipe, seed and all else that shaped it; of several networks those of the first"""
    validation: Predictions
    """what it said of the validation split"""
    view: str
    """how it is shown each picture, and was that split (`images.symmetries`)"""

    @property
    @abstractmethod
    def cropping(self) -> Cropping | None:
        """How the boxes were made of the pictures that it was trained on; None where these were shown whole."""

    @property
    @abstractmethod
    def made_of(self) -> str:
        """Which network it is, or which ones, in words."""

    @property
    def words(self) -> str:
        """What it is, in a line."""
        return self.made_of + f", view {self.view}" * (self.view != PLAIN)

    @abstractmethod
    def logits_of(
        self, shown: Sequence[Shown], *, pass_over: bool = False
    ) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
        """Logits of those that can be read, and complaints of the others, by position.

        Raises InputError for any that cannot be read; with `pass_over` where none can.
        """

    def predict(self, paths: Paths, boxes: str | Path | None = None) -> pd.DataFrame:
        """What is said of pictures, a row each, in the order of the paths, folders by name.

        Columns: `path`, `predicted` (a class), `probability` (of that class), and `p_CLASS` for each class, 0..1, whose
        sum is 1. They are the softmax of the logits, as it is: how often 0.9 is right was not calibrated. Where a
        picture may have several classes, `predicted` holds all that reach their thresholds (those that the leading
        metric settles on validation; without such, and for a metric of one's own, a half), parted by `; `,
        `probability` is that of the likeliest class, and each `p_CLASS` is a sigmoid for itself.

        What was trained on parts of pictures is asked about parts: `boxes` is a file that says where
        (`found_boxes.boxed`), and the table has a row a box, and a column `box`, left, top, width and height as shares.

        Raises InputError for what `find_images` refuses, for boxes that are missing or that the network does not know
        and, all listed at once, for pictures that cannot be read.
        """
        shown = self.find(paths, boxes)
        return self._table(shown, self.logits_of(shown)[0], boxed=boxes is not None)

    def predict_readable(self, paths: Paths, boxes: str | Path | None = None) -> tuple[pd.DataFrame, dict[str, str]]:
        """The same of all pictures that can be read, and why each other one cannot, by its path.

        Raises as `predict` does, and where no picture can be read.
        """
        shown = self.find(paths, boxes)
        logits, broken = self.logits_of(shown, pass_over=True)
        told = {
            path: words.removeprefix(path).removeprefix(": ")
            for path, words in ((str(shown[position][0]), words) for position, words in broken.items())
        }
        read = [each for position, each in enumerate(shown) if position not in broken]
        return self._table(read, logits, boxed=boxes is not None), told

    def logits(self, paths: Paths, boxes: str | Path | None = None) -> npt.NDArray[np.float32]:
        """Logits [n, classes], as those that are stored of the test split. Raises as `predict` does."""
        return self.logits_of(self.find(paths, boxes))[0]

    def find(self, paths: Paths, boxes: str | Path | None = None) -> list[Shown]:
        """The images that are meant, with the part of each that is."""
        files, cropping = find_images(paths, self.trial.reading), self.cropping
        if cropping is None and boxes is not None:
            raise InputError(f"{boxes}: {self.words}: was trained on whole pictures; ask it without boxes")
        if cropping is None:
            return [(file, WHOLE) for file in files]
        if boxes is None:
            raise InputError(
                f"{listed(files, 'image')} without a box: {self.words}: was trained on parts of pictures; "
                "name a file of boxes (--boxes): a table with the columns path and box, or MegaDetector's results"
            )
        return boxed(files, Path(boxes), cropping)

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
        name = self.trial.metric
        chosen = said_of_each(said if is_own(name) else metric(name).settled_by(self.validation)(said))
        return ["; ".join(each for each, yes in zip(self.classes, row, strict=True) if yes) for row in chosen]
