"""What a line is drawn through: backbones observed on one task, and how these observations depend on each other.

They do in three ways, and every interval around a line has to allow for all of them (`uncertainty.py`): backbones of a
family err alike, test samples that all backbones share move their values together, and near a ceiling the scatter is
not one and the same all along the line. A part of the backbones, or another axis, changes values and dependence alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from afield.scoring.metric import Floats


@dataclass(frozen=True)
class Observations:
    """Of n backbones: a value each, and what makes values err together."""

    x: Floats
    """ImageNet accuracy, [n]"""
    y: Floats
    """metric, [n]"""
    errors: Floats
    """covariance of the errors of y, [n, n], from test samples and seeds; 0 where nothing is known of them"""
    families: npt.NDArray[np.str_] | None = None
    """of each backbone, [n], its own name where that is unknown; None: each is for itself"""
    clusters: float = math.inf
    """of test samples, or blocks of them, that `errors` was estimated from; NaN where that is not known, which counts
    as many"""
    ceiling: float = math.inf
    """the largest y that there can be, where the values lie so near it that their scatter narrows towards it; else
    infinite, and the scatter is taken for one and the same all along the line"""

    @property
    def paired(self) -> bool:
        """Whether it is known how the errors of two values go together, as of test samples that all share; a table
        tells of each value alone.
        """
        return bool((self.errors != np.diag(np.diag(self.errors))).any())

    def of(self, kept: np.ndarray) -> Observations:
        """Those of the backbones that a mask [n] keeps, or at those positions."""
        families = None if self.families is None else self.families[kept]
        errors = self.errors[np.ix_(kept, kept)]
        return replace(self, x=self.x[kept], y=self.y[kept], errors=errors, families=families)

    def in_points(self) -> Observations:
        """The same with y, which were shares, in hundredths."""
        return replace(self, y=100 * self.y, errors=1e4 * self.errors, ceiling=100 * self.ceiling)

    def without_errors(self) -> Observations:
        """The same as if nothing were known of the values' errors: what their scatter alone tells."""
        return replace(self, errors=np.zeros_like(self.errors))

    def each_for_itself(self) -> Observations:
        """The same as if no value depended on another: what textbooks take for granted."""
        return Observations(self.x, self.y, np.zeros_like(self.errors))
