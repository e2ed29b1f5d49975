"""What a metric is: a plain typed object. A built-in metric and a user's own are the same thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from afield.scoring.predictions import Predictions

Direction = Literal["higher", "lower"]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Settled = Callable[[Predictions], Predictions]
"""what was chosen on validation (thresholds, a temperature), put into the logits of any predictions"""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured of predictions."""

    name: str = ""
    """of one's own, in an extension: left out, since its reference (`my_lab:worst_site`) is its name"""
    compute: Callable[[Predictions], float]
    """the metric of predictions, in float64"""
    range: tuple[float, float]
    """least and greatest possible value"""
    direction: Direction = "higher"
    """whether higher or lower is better"""
    resampled: Callable[[Predictions, Floats], Floats] | None = None
    """the metric under sample weights [resamples, n], shape [resamples]; None: `compute` on repeated samples serves"""
    settle: Callable[[Predictions], Settled] | None = None
    """what is chosen on validation before anything is measured (`on`); None: nothing is"""
    scores: Literal["samples", "units"] = "samples"
    """what it is a mean over: samples, or units of several (sequences, examinations)"""

    def on(self, validation: Predictions) -> Metric:
        """The metric with everything settled on the validation predictions of the network that is measured; itself
        where it settles nothing.
        """
        if self.settle is None:
            return self
        settled, plain, many = self.settle(validation), self.compute, self.resampled

        def compute(predictions: Predictions) -> float:
            return plain(settled(predictions))

        def resampled(predictions: Predictions, weights: Floats) -> Floats:
            assert many is not None
            return many(settled(predictions), weights)

        return replace(self, compute=compute, resampled=resampled if many else None, settle=None)
