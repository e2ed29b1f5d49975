"""Pairs of images that are one picture: equal in every pixel, or the same after resizing, cutting and compressing.

A perceptual hash proposes, the pixels decide: whoever's hashes lie within `RADIUS` is laid upon each other
(`registration`). Time and memory grow with the number of images, but for the distances of hashes, which are cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from afield.images.look import BITS, Look
from afield.images.registration import Agreement, agreement, likeness

RADIUS = 96
"""bits of BITS that two hashes may differ in; unrelated pictures differ in about a half"""
NEAREST = 64
"""images with the nearest hashes that an image is compared with"""
ALIKE = 0.3
"""mean correlation of the details of different images from which on near copies cannot be told from the rest: solar
cells, all with the same bars, reach 0.61, skin lesions and hands 0.08"""
_ENOUGH = 200
"""images from which on that is judged, since a few may be copies of one picture"""
_SAMPLE = 500
"""images by which it is judged"""
_ROWS = 512
"""images whose distances to all others are computed at once"""
_BATCH = 2048
"""pairs that are compared before it is looked again who belongs together already"""
_PAIRS = 64
"""pairs that a thread compares at once"""
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Two images that are one picture; `first` comes first in sorted order."""

    first: str
    second: str
    exact: bool
    """equal in every pixel"""
    correlation: float
    """of their details; 1 where exact"""


def similar(
    looks: Mapping[str, Look], kin: Mapping[str, str], threads: int, progress: Callable[[int, int], None]
) -> list[Pair]:
    """As many pairs as link all images that are one picture: k copies of a picture give k - 1 pairs.

    `kin` says by image what it belongs to (a patient, a camera): images of one kin are expected to look alike, so they
    are only compared pixel by pixel for equality. So are blank images, and all where `alike` says that every image
    looks like the others. Equal images give equal
    pairs, in whatever order they come and with however many threads. `progress(done, all)` is told after every block of
    images and may raise to stop.
    """
    exact = _equal(looks)
    later = {pair.second for pair in exact}
    names = sorted(name for name, found in looks.items() if name not in later and not found.blank)
    near = [] if alike(looks) else _near(names, looks, kin, threads, progress)
    return sorted([*exact, *near], key=lambda pair: (pair.first, pair.second))


def alike(looks: Mapping[str, Look]) -> bool:
    """Whether all images share so much of their detail that near copies cannot be told from the others."""
    names = sorted(name for name, found in looks.items() if not found.blank)
    if len(names) < _ENOUGH:
        return False
    sample = names[:: -(-len(names) // _SAMPLE)]
    return likeness(np.stack([looks[name].small for name in sample])) >= ALIKE


def linked(count: int, first: Sequence[int] | Indices, second: Sequence[int] | Indices) -> Indices:
    """A number a thing, equal for all of `count` things that pairs of positions link, directly or over others."""
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _equal(looks: Mapping[str, Look]) -> list[Pair]:
    """Each image that equals an earlier one, with that."""
    earliest: dict[str, str] = {}
    pairs = []
    for name in sorted(looks):
        first = earliest.setdefault(looks[name].pixels, name)
        if first != name:
            pairs.append(Pair(first, name, exact=True, correlation=1.0))
    return pairs


def _near(
    names: Sequence[str],
    looks: Mapping[str, Look],
    kin: Mapping[str, str],
    threads: int,
    progress: Callable[[int, int], None],
) -> list[Pair]:
    if len(names) < 2:
        return []
    small = np.stack([looks[name].small for name in names])
    bits = np.stack([looks[name].bits for name in names])
    sides = np.array([min(looks[name].height, looks[name].width) for name in names])
    _, families = np.unique([kin[name] for name in names], return_inverse=True)
    together = np.arange(len(names))
    ones, others, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    pool = ThreadPoolExecutor(threads)
    try:
        for done, first, second in _candidates(bits, families):
            for start in range(0, len(first), _BATCH):
                batch = slice(start, start + _BATCH)
                apart = together[first[batch]] != together[second[batch]]
                one, other = first[batch][apart], second[batch][apart]
                found = _compared(pool, small, sides, one, other)
                ones.append(one[found.same])
                others.append(other[found.same])
                values.append(found.correlation[found.same])
                together = linked(len(names), np.concatenate(ones), np.concatenate(others))
            progress(done, len(names))
    finally:
        pool.shutdown(cancel_futures=True)
    # Of several ways to link the same images, the surest; weights of zero would be no links.
    weights = 2 - np.concatenate(values).astype(np.float64)
    ends = tuple(np.concatenate(each).astype(np.int32) for each in (ones, others))  # wider ones scipy 1.16 refuses
    links = coo_array((weights, ends), shape=(len(names), len(names)))
    kept = minimum_spanning_tree(links.tocsr()).tocoo()
    pairs = []
    for a, b, weight in zip(*kept.coords, kept.data, strict=True):
        first, second = sorted((names[a], names[b]))
        pairs.append(Pair(first, second, exact=False, correlation=float(2 - weight)))
    return pairs


def _compared(
    pool: ThreadPoolExecutor, small: npt.NDArray[np.uint8], sides: Indices, first: Indices, second: Indices
) -> Agreement:
    """How well pairs of positions agree; a thread works on `_PAIRS` at once."""
    parts = [slice(start, start + _PAIRS) for start in range(0, max(1, len(first)), _PAIRS)]
    smaller = np.minimum(sides[first], sides[second])
    found = list(pool.map(lambda part: agreement(small[first[part]], small[second[part]], smaller[part]), parts))
    return Agreement(
        np.concatenate([result.correlation for result in found]), np.concatenate([result.same for result in found])
    )


def _candidates(bits: npt.NDArray[np.bool_], families: npt.NDArray[np.int64]) -> Iterator[tuple[int, Indices, Indices]]:
    """By blocks of images: how many are done, and the pairs whose hashes are near, the nearest first."""
    signs = np.where(bits, np.float32(1), np.float32(-1))
    count = len(signs)
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        # Whole numbers far below 2**24, so that float32 is exact whatever library multiplies.
        distance = ((BITS - signs[rows] @ signs[start:].T) / 2).astype(np.int16)
        columns = np.arange(start, count)
        near = (distance <= RADIUS) & (columns > rows[:, None]) & (families[columns] != families[rows, None])
        first, second = np.nonzero(near)
        order = np.lexsort((second, distance[first, second], first))
        first, second = first[order], second[order]
        # The place of each candidate in its own image's list.
        place = np.arange(len(first)) - np.searchsorted(first, first)
        first, second = first[place < NEAREST], second[place < NEAREST]
        order = np.argsort(distance[first, second], kind="stable")
        yield int(rows[-1]) + 1, rows[first[order]], columns[second[order]]
