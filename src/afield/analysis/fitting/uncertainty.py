"""How uncertain a line is: by its scatter, by family where families are told, and by what the test samples leave open.

Anything read off a least-squares line (its slope, its height at a place) is a sum of the values times weights. Two
things make such a sum uncertain.

- *Backbones.* Each for itself: the scatter around the line with n - 2 degrees of freedom. Where families of several are
  told, whose members err alike and may follow a slope of their own: the cluster-robust variance CR2 with
  Satterthwaite's degrees of freedom (Bell and McCaffrey 2002, Survey Methodology 28:169; Pustejovsky and Tipton 2018,
  Journal of Business and Economic Statistics 36:672), which needs no model of what they share. The same of single
  backbones (Imbens and Kolesar 2016, Review of Economics and Statistics 98:701) near a ceiling, where the line is known
  to be none and the scatter to be uneven; as the working model, by which it is made unbiased and its degrees of freedom
  are found, with the variance of a share, p (1 - p), in place of an even one (docs/decisions/0020-*).
- *Test samples and seeds*, by the covariance of the values' errors. The part of it that makes the points scatter is in
  the scatter already. What goes beyond (sites where better backbones gain more turn the line and scatter nothing) is
  added, with as many degrees of freedom as there are clusters of samples, less one. The sum is never taken as less
  certain than either part alone would say.

How often the intervals so made hold the truth: docs/how_often_wrong.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from afield.analysis.fitting.observations import Observations
from afield.scoring.metric import Floats

_NOTHING = 1e-9
"""share of a variance below which it is rounding"""


@dataclass(frozen=True)
class Uncertainty:
    """Of sums of values, each [...]."""

    variance: Floats
    freedom: Floats
    """degrees of freedom, at least 1; 0 where nothing can be known"""
    by_errors: Floats
    """the variance that the values' errors alone would give"""
    of_errors: float
    """its degrees of freedom"""

    def margin(self, level: float) -> Floats:
        """Half the width of Student's interval, never less than by the errors alone; infinite where nothing can be
        known.
        """
        known = self.freedom > 0
        reach = stdtrit(np.where(known, self.freedom, 1.0), (1 + level) / 2)
        least = float(stdtrit(self.of_errors, (1 + level) / 2)) * np.sqrt(np.maximum(self.by_errors, 0))
        result: Floats = np.where(known, np.maximum(reach * np.sqrt(self.variance), least), np.inf)
        return result


def told(families: Collection[str] | None) -> int:
    """How many families there are, where they are several and one is of several backbones; else 0, for then each
    backbone stands for itself. One family alone can only be taken as all that there is.

    >>> told(["a", "a", "b"]), told(["a", "b"]), told(["a", "a"]), told(None)
    (2, 0, 0, 0)
    """
    there = 0 if families is None else len(set(families))
    return there if families is not None and 1 < there < len(families) else 0


def uncertainty_of(weights: Floats, observed: Observations) -> Uncertainty:
    """Of the sums of y times weights [..., n] that least squares makes of n observations."""
    y, errors, basis = observed.y, observed.errors, _line_basis(observed.x)
    if observed.families is not None and told(observed.families):
        scatter, freedom, held = by_family(weights, basis, y, errors, observed.families)
    elif math.isfinite(observed.ceiling):
        scatter, freedom, held = by_model(weights, basis, y, errors, _towards(observed.ceiling, basis, y))
    else:
        scatter, freedom, held = _by_backbone(weights, basis, y, errors)
    by_errors = ((weights @ errors) * weights).sum(axis=-1)
    beyond = np.maximum(by_errors - held, 0)
    variance = np.maximum(scatter + beyond, by_errors)
    of_errors = freedom_of_errors(observed.clusters)
    known = freedom > 0
    parts = (variance - beyond) ** 2 / np.where(known, freedom, 1.0) + beyond**2 / of_errors
    freedom = np.where(known & (parts > 0), variance**2 / np.where(parts > 0, parts, 1.0), 0.0)
    return Uncertainty(variance, freedom, by_errors, of_errors)


def freedom_of_errors(clusters: float) -> float:
    """Degrees of freedom of the errors' covariance, from how many clusters of test samples; infinite for NaN.

    >>> freedom_of_errors(20), freedom_of_errors(math.nan)
    (19, inf)
    """
    return max(clusters - 1, 1) if math.isfinite(clusters) else math.inf


def scatter_of_errors(observed: Observations) -> float:
    """The variance around the least-squares line, on n - 2 degrees of freedom, that is expected of the values' errors
    alone: what `fits.scatter_around` would be if all values lay on a line.
    """
    return _by_chance(_line_basis(observed.x), observed.errors) / (len(observed.x) - 2)


def _line_basis(x: Floats) -> Floats:
    """Orthonormal columns of a line's design, [n, 2]."""
    centred = x - x.mean()
    return np.stack([np.full(len(x), 1 / np.sqrt(len(x))), centred / np.sqrt((centred**2).sum())], axis=1)


def _by_chance(basis: Floats, covariance: Floats) -> float:
    """The sum of squared residuals that is expected of the values' errors."""
    return float(np.trace(covariance) - (basis * (covariance @ basis)).sum())


def _by_backbone(weights: Floats, basis: Floats, y: Floats, covariance: Floats) -> tuple[Floats, Floats, Floats]:
    """Variance by the scatter, its degrees of freedom, and how much of it is expected of the values' errors."""
    n = len(y)
    residual = y - basis @ (basis.T @ y)
    squares = (weights**2).sum(axis=-1) / (n - 2)
    return squares * (residual**2).sum(), np.full(squares.shape, n - 2.0), squares * _by_chance(basis, covariance)


def _towards(ceiling: float, basis: Floats, y: Floats) -> Floats:
    """The variance of the values around their line, [n], up to a factor: p (1 - p) of the line's height, which is taken
    to be no farther out than the values are; from half the ceiling down it grows no more. No point is taken for a
    hundred times as sure as they are on average.
    """
    height = np.clip(basis @ (basis.T @ y), max(y.min(), ceiling / 2), y.max())
    spread = height * (ceiling - height)
    kept: Floats = np.maximum(spread, 0.01 * spread.mean())
    return kept


def by_model(
    weights: Floats, basis: Floats, y: Floats, covariance: Floats, spread: Floats
) -> tuple[Floats, Floats, Floats]:
    """The same by CR2 of single values, with independent errors whose variances go as `spread` [n] as the working model
    (Pustejovsky and Tipton 2018, equations 5 and 11; HC2 where it is even): variance, degrees of freedom (0 where
    nothing can be known), and how much of it is expected of the values' errors.

    A value adds the square of its residual times its weight, stretched by the root of its variance over that of its
    residual. Of a value that the line fits exactly nothing can be learnt.
    """
    apart = np.eye(len(y)) - basis @ basis.T
    residuals = (apart * spread) @ apart
    own = np.diag(residuals)
    learnt = own > _NOTHING * spread
    squares = weights**2 * np.where(learnt, spread / np.where(learnt, own, 1.0), 0.0)
    variance, whole = squares @ (apart @ y) ** 2, weights**2 @ spread
    trace, square = squares @ own, ((squares @ residuals**2) * squares).sum(axis=-1)
    known = trace > _NOTHING * whole
    freedom = np.where(known, np.clip(trace**2 / np.where(known, square, 1.0), 1.0, len(y) - 1), 0.0)
    made_up = np.where(known, whole / np.where(known, trace, 1.0), 1.0)
    held = squares @ np.diag(apart @ covariance @ apart)
    return variance * made_up, freedom, held * made_up


def by_family(
    weights: Floats, basis: Floats, y: Floats, covariance: Floats, families: np.ndarray
) -> tuple[Floats, Floats, Floats]:
    """The same by CR2 of families, with independent and equal errors as the working model: variance, degrees of freedom
    (0 where nothing can be known), and how much of it is expected of the values' errors.

    `basis`: orthonormal columns of the design, [n, columns]; `weights`: sums of these columns.
    A family g adds the square of a_g'e_g: its residuals e_g times its weights, a_g = (I - H_gg)^(-1/2) w_g, where H_gg
    is its part of the hat matrix, of the rank of the columns. In directions that the line fits exactly (I - H_gg) has
    no inverse, and nothing can be learnt there. Satterthwaite's degrees of freedom are those of a sum of squares of the
    normal variables a_g'e_g, whose covariances are a_g'(I - H)_gh a_h: trace squared over the sum of their squares;
    never more than families less one, which are all the differences that there are between what families share.
    """
    there = np.unique(families)
    residual = y - basis @ (basis.T @ y)
    fitted = basis.T @ covariance
    variance, held, norms, crossed, fourth = (np.zeros(weights.shape[:-1]) for _ in range(5))
    outer = np.zeros((*weights.shape[:-1], basis.shape[1], basis.shape[1]))
    for family in there:
        mine = families == family
        left, sizes, _ = np.linalg.svd(basis[mine], full_matrices=False)
        rest = 1 - sizes**2
        stretch = np.where(rest > _NOTHING, 1 / np.sqrt(np.maximum(rest, _NOTHING)), 0.0) - 1
        own = weights[..., mine]
        own = own + (own @ left * stretch) @ left.T
        variance += (own @ residual[mine]) ** 2
        norm, along = (own**2).sum(axis=-1), own @ basis[mine]
        # of the covariance of the residuals, (I - H) S (I - H), the part of this family
        held += ((own @ covariance[np.ix_(mine, mine)]) * own).sum(axis=-1)
        held += (((along @ (fitted @ basis)) - 2 * (own @ fitted[:, mine].T)) * along).sum(axis=-1)
        norms, crossed, fourth = norms + norm, crossed + norm * (along**2).sum(axis=-1), fourth + norm**2
        outer += along[..., :, None] * along[..., None, :]
    trace = norms - np.trace(outer, axis1=-2, axis2=-1)
    square = fourth - 2 * crossed + (outer**2).sum(axis=(-2, -1))
    known = trace > _NOTHING * (weights**2).sum(axis=-1)
    freedom = np.where(known, np.clip(trace**2 / np.where(known, square, 1.0), 1.0, len(there) - 1), 0.0)
    made_up = np.where(known, (weights**2).sum(axis=-1) / np.where(known, trace, 1.0), 1.0)
    return variance * made_up, freedom, held * made_up
