"""How sure a slope is where backbones of one family err alike: a cluster-robust interval that few families bear.

The variance is summed over families, each with all that its members' deviations share, and corrected for what the line
itself took out of them (CR2, "bias-reduced linearisation"); its degrees of freedom, by Satterthwaite, say how few
families the slope really rests on (Bell and McCaffrey 2002, Survey Methodology 28:169; Imbens and Kolesar 2016, Review
of Economics and Statistics 98:701). Both are taken under equal, independent errors. The usual cluster-robust interval
with a normal quantile is far too narrow below forty families.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from afield.scoring.metric import Floats

_SINGULAR = 1e-9


def family_error(x: Floats, y: Floats, groups: npt.NDArray[np.str_]) -> tuple[float, float]:
    """Standard error of the least-squares slope of y on x, [n] each, and its degrees of freedom; `groups`: family of
    each point, [n].

    With a family for each point it is the HC2 error. Infinite, with one degree of freedom, where the slope is nothing
    but a difference between two families, or all are of one.
    """
    centred = x - x.mean()
    squares = float(centred @ centred)
    weights = centred / squares
    residual = y - y.mean() - (weights @ y) * centred
    variance, spread = 0.0, []
    for group in np.unique(groups):
        mine = groups == group
        # what least squares leaves of independent errors: identity less the hat matrix, in this family
        left = np.eye(mine.sum()) - 1 / len(x) - np.outer(centred[mine], weights[mine])
        adjusted = _inverse_root(left) @ weights[mine]
        variance += float(residual[mine] @ adjusted) ** 2
        column = -adjusted.sum() / len(x) - (adjusted @ centred[mine]) * weights
        column[mine] += adjusted
        spread.append(column)
    shares = np.linalg.eigvalsh(np.array(spread) @ np.array(spread).T)
    total = float(shares.sum())
    if total < _SINGULAR * float(weights @ weights):
        return math.inf, 1.0
    # 1 where every family leaves something to correct; a family that alone decides a direction leaves nothing there
    unbiased = float(weights @ weights) / total
    return math.sqrt(variance * unbiased), total**2 / float((shares**2).sum())


def family_reach(x: Floats, y: Floats, groups: npt.NDArray[np.str_], level: float) -> float:
    """How far the slope's interval reaches to each side; infinite where `family_error` is."""
    error, freedom = family_error(x, y, groups)
    return float(t.isf((1 - level) / 2, freedom)) * error


def _inverse_root(matrix: Floats) -> Floats:
    """The symmetric inverse square root, of the part that is not singular."""
    values, vectors = np.linalg.eigh(matrix)
    whole = values > _SINGULAR
    result: Floats = (vectors[:, whole] / np.sqrt(values[whole])) @ vectors[:, whole].T
    return result
