"""Two pictures laid upon each other: how well they agree once shift, scale, brightness and contrast are taken out.

Least squares by Gauss-Newton steps (Lucas and Kanade, IJCAI 1981) on ever larger copies, for many pairs at once: the
first picture, sampled at `scale x + shift` in each direction and times a gain plus an offset, becomes the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SAME = 0.97
"""correlation of the details of two pictures from which on they are one"""
NEARLY = 0.9
"""correlation that suffices where what is left is no more than `NOISE`: a picture of faint contrast, compressed"""
NOISE = 1.2
"""root mean square of the difference of details, of 255, that JPEG at quality 40 may leave"""
_LEVELS = ((16, 3, 0.6), (32, 3, 0.8), (64, 2, NEARLY))
"""side of the copies, steps, and the correlation below which a pair goes no further"""
_FINE, _COARSE = 1 / 64, 1 / 16
"""details are what lies between these two scales (standard deviations of Gaussians, parts of the side): finer is noise
of the compression, or lost in the smaller picture; coarser is what all pictures of a kind share, such as a dark blob on
bright skin"""
_LARGEST_SCALE, _LARGEST_SHIFT, _LARGEST_STEP = 1.25, 0.12, 0.08


@dataclass(frozen=True, eq=False)
class Agreement:
    """How well n pairs of pictures agree."""

    correlation: Floats
    """[n] of their details in the part that both show; where a pair was given up early, that of the smaller copies"""
    same: npt.NDArray[np.bool_]
    """[n] whether they are one picture"""


def agreement(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], sides: npt.NDArray[np.int64]) -> Agreement:
    """Compare pairs of small grey pictures, both [n, 64, 64].

    `sides` [n] is the shorter side, in pixels, of the smaller of the two images that a pair was made from: what is
    finer than one of its pixels is not compared.

    A picture that was cut by up to a tenth of its sides, resized, compressed or brightened agrees with itself; one that
    was mirrored or turned does not.
    """
    correlation = np.zeros(len(first), np.float32)
    same = np.zeros(len(first), np.bool_)
    left = np.arange(len(first))
    placement = np.tile(np.array([1, 0, 1, 0], np.float32), (len(first), 1))
    fine = np.clip(1 / sides, _FINE, _COARSE / 2)
    for side, steps, enough in _LEVELS:
        one, other = _reduced(first[left], side), _reduced(second[left], side)
        placement = _fit(one, other, placement, steps)
        correlation[left], noise = _compare(one, other, placement, fine[left])
        going_on = correlation[left] >= enough
        if side == _LEVELS[-1][0]:
            same[left] = (correlation[left] >= SAME) | (going_on & (noise <= NOISE))
        left, placement = left[going_on], placement[going_on]
    return Agreement(correlation, same)


def _reduced(pictures: npt.NDArray[np.uint8], side: int) -> Floats:
    """Copies of so many pixels a side, each the mean of those below it."""
    reduced = pictures.astype(np.float32)
    while reduced.shape[1] > side:
        reduced = reduced[:, ::2] + reduced[:, 1::2]
        reduced = np.asarray((reduced[:, :, ::2] + reduced[:, :, 1::2]) / 4, np.float32)
    return reduced


def _fit(first: Floats, second: Floats, placement: Floats, steps: int) -> Floats:
    """A better placement [n, 4]: scale and shift along x, then along y, in parts of the side from the middle."""
    count, side, _ = first.shape
    blur = _blur(side, 1.0)
    first, second = np.asarray(blur @ first @ blur.T), np.asarray(blur @ second @ blur.T)
    across = _places(side)[None, None, :]
    down = _places(side)[None, :, None]
    for _ in range(steps):
        moved, inside = _sampled(first, placement)
        slope_x = np.gradient(moved, axis=2) * side / placement[:, 0, None, None]
        slope_y = np.gradient(moved, axis=1) * side / placement[:, 2, None, None]
        columns = (slope_x * across, slope_x, slope_y * down, slope_y, moved, np.ones_like(moved))
        matrix = np.stack(columns, axis=-1).reshape(count, side * side, 6)
        weighted = (matrix * inside.reshape(count, side * side, 1)).transpose(0, 2, 1)
        normal = weighted @ matrix
        # A trace of damping, so that a picture without any slope has a solution too.
        damping = 1e-6 * np.trace(normal, axis1=1, axis2=2) / 6 + 1e-6
        normal += damping[:, None, None] * np.eye(6, dtype=np.float32)
        solved = np.linalg.solve(normal, weighted @ second.reshape(count, side * side, 1))[..., 0]
        gain = np.where(np.abs(solved[:, 4:5]) < 0.2, 0.2, solved[:, 4:5])
        step = np.clip(solved[:, :4] / gain, -_LARGEST_STEP, _LARGEST_STEP)
        placement = (placement + step).astype(np.float32)
        placement[:, 0::2] = np.clip(placement[:, 0::2], 1 / _LARGEST_SCALE, _LARGEST_SCALE)
        placement[:, 1::2] = np.clip(placement[:, 1::2], -_LARGEST_SHIFT, _LARGEST_SHIFT)
    return placement


def _compare(first: Floats, second: Floats, placement: Floats, fine: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Correlation of the details of each pair, and the root mean square of what differs after the best gain."""
    moved, inside = _sampled(first, placement)
    one, other = _details(moved, fine), _details(second, fine)
    weight = inside.sum(axis=(1, 2)) + 1e-6
    one = (one - _mean(one * inside, weight)) * inside
    other = (other - _mean(other * inside, weight)) * inside
    squares_one, squares_other = (one * one).sum(axis=(1, 2)), (other * other).sum(axis=(1, 2))
    products = (one * other).sum(axis=(1, 2))
    correlation = products / np.sqrt(squares_one * squares_other + 1e-6)
    rest = squares_other - products**2 / (squares_one + 1e-6)
    return correlation.astype(np.float32), np.sqrt(np.maximum(0, rest) / weight).astype(np.float32)


def _mean(values: Floats, weight: Floats) -> Floats:
    return np.asarray((values.sum(axis=(1, 2)) / weight)[:, None, None])


def _details(pictures: Floats, fine: npt.NDArray[np.float64]) -> Floats:
    """What lies between the scale `fine` [n] of each picture and the coarse one."""
    side = pictures.shape[-1]
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    weights = np.exp(-(distance**2) / (2 * (fine[:, None, None] * side) ** 2))
    sharp = (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)
    coarse = _blur(side, _COARSE * side)
    return np.asarray(sharp @ pictures @ sharp.transpose(0, 2, 1) - coarse @ pictures @ coarse.T)


def _sampled(pictures: Floats, placement: Floats) -> tuple[Floats, Floats]:
    """Pictures at their placement, bilinear, and 1 where that lies inside them, else 0."""
    side = pictures.shape[-1]
    rows, inside_rows = _interpolation(side, placement[:, 2:4])
    columns, inside_columns = _interpolation(side, placement[:, 0:2])
    inside = inside_rows[:, :, None] & inside_columns[:, None, :]
    return np.asarray(rows @ pictures @ columns.transpose(0, 2, 1)), inside.astype(np.float32)


def _interpolation(side: int, placement: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Weights [n, side, side] of the old places for each new one, and which new ones lie inside."""
    where = (placement[:, :1] * _places(side) + placement[:, 1:] + 0.5) * side - 0.5
    inside = (where >= -0.5) & (where <= side - 0.5)
    distance = np.abs(np.clip(where, 0, side - 1)[:, :, None] - np.arange(side, dtype=np.float32))
    return np.maximum(0, 1 - distance), inside


@cache
def _places(side: int) -> Floats:
    """The middles of pixels, in parts of the side from the middle of the picture."""
    return ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)


@cache
def _blur(side: int, deviation: float) -> Floats:
    """A Gaussian along one direction as a matrix [side, side]; at the border its weights are scaled up to one."""
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    weights = np.exp(-(distance**2) / (2 * deviation**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def likeness(pictures: npt.NDArray[np.uint8]) -> float:
    """How much pictures [n, 64, 64] share: the mean correlation of the details of two of them, as they lie."""
    details = _details(pictures.astype(np.float32), np.full(len(pictures), _FINE)).reshape(len(pictures), -1)
    details -= details.mean(axis=1, keepdims=True)
    details /= np.linalg.norm(details, axis=1, keepdims=True) + 1e-6
    count = len(details)
    # The square of a sum holds each pair twice and each picture with itself once.
    return float((np.square(details.sum(axis=0)).sum() - count) / (count * (count - 1)))
