"""How far data sets lie from each other as a backbone sees them: Frechet distance and KID of frozen features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from afield.analysis.student import student_mean
from afield.base.errors import InputError
from afield.probing.summary import FIRST, Floats, Moments, Rows, Summary, read_summary
from afield.scoring.intervals import Interval

BLOCK = 250
"""rows a block of KID: blocks share none"""
_ALIKE = ("backbone", "weights", "image_size", "interpolation", "mean", "std")
"""what features must share to be compared"""


def frechet(one: Moments, other: Moments) -> float:
    """Squared Frechet (2-Wasserstein) distance of the normal distributions with these moments, 0 or more:

        |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))

    (Dowson and Landau 1982; of Inception's features the FID of Heusel et al. 2017, arXiv 1706.08500, equation 6). The
    trace of the root is that of (C1^(1/2) C2 C1^(1/2))^(1/2), whose eigenvalues are real. Of n rows it is too large by
    about a constant over n (Chong and Forsyth 2020, arXiv 1911.07023): see `unbiased_frechet`.
    """
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ other.covariance @ root)
    shared = 2 * np.sqrt(np.maximum(inner, 0)).sum()
    apart = one.mean - other.mean
    return max(0.0, float(apart @ apart + np.trace(one.covariance) + np.trace(other.covariance) - shared))


def unbiased_frechet(one: Summary, other: Summary, size: int) -> Interval:
    """The Frechet distance that infinitely many images would give, from the first `size` of both.

    A bias of a constant over n doubles where n is halved, so 2 F(n) - F(n / 2) is free of it, with F(n / 2) the mean
    over both pairs of halves (Chong and Forsyth extrapolate in 1 / n by the same rule, over more sizes). It may fall
    below 0 where the sets are alike. `low` and `high` are what either pair of halves alone would give: how much it
    moves, no 95 % interval. NaN where a half has fewer images than there are features: the bias is then no constant
    over n, and would stay.
    """
    if size < 2 * one.features:
        return Interval(np.nan, np.nan, np.nan)
    whole = frechet(one.first(size), other.first(size))
    found = [2 * whole - frechet(*pair) for pair in zip(one.halves(size), other.halves(size), strict=True)]
    return Interval(float(np.mean(found)), min(found), max(found))


def kid(one: Rows, other: Rows) -> Interval:
    """Kernel distance (Binkowski et al. 2018, arXiv 1801.01401, section 4): the squared maximum mean discrepancy with
    the kernel (x . y / f + 1)^3, unbiased whatever the number of rows; about 0 where the sets are alike, below it too.

    The mean over blocks of BLOCK rows each that share none, and Student's interval over these. NaN where there are no
    two blocks.
    """
    blocks = min(len(one), len(other)) // BLOCK
    if blocks < 2:
        return Interval(np.nan, np.nan, np.nan)
    found = [_discrepancy(*(rows[at * BLOCK : (at + 1) * BLOCK] for rows in (one, other))) for at in range(blocks)]
    return student_mean(np.array(found))


def _discrepancy(one: Rows, other: Rows) -> float:
    """The unbiased estimate of one block: pairs of a row with itself do not count."""
    x, y = one.astype(np.float64), other.astype(np.float64)

    def kernel(a: Floats, b: Floats) -> Floats:
        cubed: Floats = (a @ b.T / a.shape[1] + 1) ** 3
        return cubed

    n = len(x)
    within = [(values.sum() - np.trace(values)) / (n * (n - 1)) for values in (kernel(x, x), kernel(y, y))]
    return float(sum(within) - 2 * kernel(x, y).mean())


def distances(reference: Summary, others: Sequence[Summary]) -> pd.DataFrame:
    """A row a data set: source, reference, backbone, n (images of each side), frechet (at n), frechet_unbiased, _low,
    _high, spreads, kid_n (images of each side that KID is of), kid, kid_low, kid_high.

    `spreads` is frechet_unbiased over the total variance of the reference's features: 1 is as far (squared) as its own
    images lie from their mean. Features have no unit, so this alone can be held against another backbone's. All rows
    are at one n, the largest that every set has (250 x 2^k images), since the Frechet distance falls with it.
    Raises InputError where features are of different backbones, weights or sizes, where a set has too few images, and
    where one stands twice.
    """
    for other in others:
        for name in _ALIKE:
            mine, its = reference.about.get(name, ""), other.about.get(name, "")
            if mine != its:
                raise InputError(
                    f"{other.source}: its features are of {name} {its}, those of {reference.source} of {mine}; make "
                    "both in one way"
                )
        if other.features != reference.features:
            raise InputError(
                f"{other.source}: has {other.features} features an image, {reference.source} {reference.features}; "
                "make both in one way"
            )
    every = [reference, *others]
    names = [each.source for each in others]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise InputError(f"{twice[0]}: stands twice; name each data set once")
    few = [each for each in every if not each.sizes()]
    if few:
        raise InputError(f"{few[0].source}: has {few[0].n} images; a distance needs {2 * FIRST} at least")
    size = min(each.sizes()[-1] for each in every)
    return pd.DataFrame([_row(reference, other, size) for other in others])


def _row(reference: Summary, other: Summary, size: int) -> dict[str, object]:
    unbiased, variance = unbiased_frechet(reference, other, size), float(np.trace(reference.first(size).covariance))
    kernel = kid(reference.rows[:size], other.rows[:size])
    return {
        "source": other.source,
        "reference": reference.source,
        "backbone": reference.about["backbone"],
        "n": size,
        "frechet": frechet(reference.first(size), other.first(size)),
        "frechet_unbiased": unbiased.value,
        "frechet_unbiased_low": unbiased.low,
        "frechet_unbiased_high": unbiased.high,
        "spreads": unbiased.value / variance if variance > 0 else np.nan,
        "kid_n": min(size, len(reference.rows), len(other.rows)) // BLOCK * BLOCK,
        "kid": kernel.value,
        "kid_low": kernel.low,
        "kid_high": kernel.high,
    }


def read_distances(reference: Path, others: Sequence[Path]) -> pd.DataFrame:
    """`distances` of files that `afield features` wrote. Raises as `read_summary` does, too."""
    return distances(read_summary(reference), [read_summary(each) for each in others])
