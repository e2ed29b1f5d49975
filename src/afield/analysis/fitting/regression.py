"""Least squares with several columns: who is predicted how well when left out, and what further columns explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import t

from afield.analysis.fitting.uncertainty import by_family, told
from afield.scoring.metric import Floats

_EXACT = 1e-12
"""share of a sum of squares below which it is nothing but rounding"""
_CLEARLY = 2
"""standard errors"""


@dataclass(frozen=True)
class Nested:
    """What the further columns of a larger design explain."""

    r2: float
    """of the smaller design"""
    r2_larger: float
    f: float
    """partial F of the further columns"""
    p: float
    freedom: int
    """degrees of freedom that the larger design leaves: n less its columns"""

    @property
    def gain(self) -> float:
        """R2 of the larger design less that of the smaller one."""
        return self.r2_larger - self.r2

    @property
    def partial_r2(self) -> float:
        """The share of what the smaller design leaves open that the further columns explain."""
        return self.gain / (1 - self.r2)


def left_out(design: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Residuals of least squares, and those of each point from the fit without it: both [n]. NaN for a point without
    which the columns would not be told apart.

    `design`: [n, columns], the constant among them. Leaving one out has a closed form: residual / (1 - leverage).
    """
    basis, _ = np.linalg.qr(design)
    residual = y - basis @ (basis.T @ y)
    rest = 1 - (basis**2).sum(axis=1)
    return residual, np.where(rest > _EXACT, residual / np.maximum(rest, _EXACT), np.nan)


def groups_left_out(design: Floats, y: Floats, groups: np.ndarray) -> Floats:
    """Residuals [n] of each point from the fit without its whole group: (I - H_gg)^-1 residual_g, H the hat matrix.

    NaN for a group without which the columns would not be told apart.
    """
    basis, _ = np.linalg.qr(design)
    residual = y - basis @ (basis.T @ y)
    result = np.full_like(y, np.nan)
    for group in np.unique(groups):
        mine = groups == group
        open_ = np.eye(int(mine.sum())) - basis[mine] @ basis[mine].T
        if np.linalg.eigvalsh(open_).min() > _EXACT:
            result[mine] = np.linalg.solve(open_, residual[mine])
    return result


def nested(smaller: Floats, further: Floats, y: Floats) -> Nested | None:
    """What the columns `further` [n, k] explain of y beyond those of `smaller` [n, m], the constant among these.

    F = ((S1 - S2) / k) / (S2 / (n - m - k)), S the sums of squared residuals. None where the columns can not be told
    apart, where they leave no degree of freedom or no residual, and where y does not vary.
    """
    larger = np.column_stack([smaller, further])
    n, columns = larger.shape
    k = columns - smaller.shape[1]
    total = float(((y - y.mean()) ** 2).sum())
    if n <= columns or not well_told(larger) or total <= _EXACT * max(float((y**2).sum()), _EXACT):
        return None
    before, after = (float((left_out(design, y)[0] ** 2).sum()) for design in (smaller, larger))
    if after <= _EXACT * total:
        return None
    f = max(before - after, 0.0) / k / (after / (n - columns))
    return Nested(1 - before / total, 1 - after / total, f, float(f_distribution.sf(f, k, n - columns)), n - columns)


def p_by_family(smaller: Floats, further: Floats, y: Floats, families: Sequence[str]) -> float:
    """P of the coefficient of one further column [n] beside those of `smaller` [n, m] being 0, where members of a
    family err alike: Student's t with the cluster-robust variance CR2 and its degrees of freedom (`uncertainty.py`).

    NaN where no family of several is told beside others, where the columns can not be told apart, and where so few
    families leave nothing to be known.
    """
    larger = np.column_stack([smaller, further])
    if not told(families) or not well_told(larger) or len(y) <= larger.shape[1]:
        return math.nan
    alone = left_out(smaller, further)[0]
    weights, (basis, _) = alone / (alone @ alone), np.linalg.qr(larger)
    variance, freedom, _ = by_family(weights, basis, y, np.zeros((len(y), len(y))), np.asarray(families))
    if float(freedom) == 0 or float(variance) <= 0:
        return math.nan
    return 2 * float(t.sf(abs(float(weights @ y)) / math.sqrt(float(variance)), float(freedom)))


def well_told(design: Floats) -> bool:
    """Whether no column of a design is a sum of the others, up to rounding."""
    norms = np.linalg.norm(design, axis=0)
    return bool((norms > 0).all() and np.linalg.matrix_rank(design / norms, tol=1e-7) == design.shape[1])


def clearly_less(gains: Floats) -> bool:
    """Whether the squared errors of backbones left out are less by more than two standard errors; `gains`: [n] by
    how much each is less.
    """
    return bool(gains.mean() > _CLEARLY * gains.std(ddof=1) / np.sqrt(len(gains)))


def predicted_r2(y: Floats, without: Floats) -> float:
    """The share of variance that is predicted of points left out: 1 - sum without^2 / sum (y - mean of the others)^2.

    Below 0 where the mean of the others would predict better. `without`: as `left_out` gives it.
    """
    of_mean = (y - y.mean()) * len(y) / (len(y) - 1)
    return 1 - float((without**2).sum()) / float((of_mean**2).sum())


def inflation(column: Floats, others: Floats) -> float:
    """By how much columns beside it inflate the variance of a column's coefficient: 1 / (1 - R2 of it on them).

    `others`: [n, k] with the constant. Infinite where they make it up.

    >>> x = np.arange(6.0)
    >>> inflation(x, np.column_stack([np.ones(6), (x - 2.5) ** 2]))
    1.0
    """
    residual = left_out(others, column)[0]
    left = float((residual**2).sum()) / float(((column - column.mean()) ** 2).sum())
    return 1 / left if left > _EXACT else math.inf


def root_mean_square(errors: Floats) -> float:
    """The size of an error; NaN where one is."""
    return float(np.sqrt((errors**2).mean()))
