"""What distances between data sets need of their frozen features, gathered batch by batch: moments and a few rows.

The moments are kept in segments that double (the first 250 images, the next 250, the next 500, ...), so a million
images need a dozen small tables, any 250 x 2^k first images can be compared with as many of another set, and so can
their halves, which share no image. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.base.files import write_atomic

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

FIRST = 250
"""images of the first segment"""
KEPT = 5_000
"""rows that are kept as they are: the first ones"""
SUMMARY_VERSION = 1
"""raised whenever the same images would give another summary"""


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of n rows of f features."""

    n: int
    mean: Floats
    """[f]"""
    scatter: Floats
    """[f, f] sum over rows of the products of deviations from the mean"""

    @staticmethod
    def of(rows: npt.NDArray[np.floating]) -> Moments:
        """Those of rows [n, f], n at least 1."""
        exact = rows.astype(np.float64)
        mean = exact.mean(axis=0)
        return Moments(len(exact), mean, (exact - mean).T @ (exact - mean))

    def with_(self, other: Moments) -> Moments:
        """Those of both, which share no row (Chan, Golub, LeVeque 1983, The American Statistician 37, equation 2.1)."""
        n, apart = self.n + other.n, other.mean - self.mean
        scatter = self.scatter + other.scatter + self.n * other.n / n * np.outer(apart, apart)
        return Moments(n, self.mean + other.n / n * apart, scatter)

    @property
    def covariance(self) -> Floats:
        """[f, f], over n - 1."""
        return self.scatter / (self.n - 1)


@dataclass(frozen=True)
class Summary:
    """The features of a data set's images, taken in a random order."""

    about: Mapping[str, str]
    """`source`, and what features depend on: `backbone`, `weights` (sha256), `image_size`, `interpolation`, ..."""
    segments: tuple[Moments, ...]
    rows: Rows
    """[at most KEPT, f] the first of them"""

    @property
    def n(self) -> int:
        """Images."""
        return sum(each.n for each in self.segments)

    @property
    def features(self) -> int:
        """Numbers an image."""
        return int(self.rows.shape[1])

    @property
    def source(self) -> str:
        """Which data set."""
        return self.about["source"]

    def sizes(self) -> list[int]:
        """How many first images can be taken so that there are halves of them, rising."""
        return [size for size in _doubling(len(self.segments)) if FIRST < size <= self.n]

    def first(self, size: int) -> Moments:
        """The first images, so many of them: one of `sizes`, or a half of one."""
        found = self.segments[0]
        for each in self.segments[1:]:
            if found.n >= size:
                break
            found = found.with_(each)
        if found.n != size:
            raise ValueError(f"{size}: can be one of {self.sizes()} or a half of one")
        return found

    def halves(self, size: int) -> tuple[Moments, Moments]:
        """The first and the second half of the first images, so many of them: one of `sizes`."""
        if size not in self.sizes():
            raise ValueError(f"{size}: can be one of {self.sizes()}")
        return self.first(size // 2), self.segments[self.sizes().index(size) + 1]

    def write(self, path: Path) -> None:
        """Write it as .npz, whole or not at all. Raises StoreError where that cannot be."""
        lower = np.tril_indices(self.features)
        about = json.dumps({**self.about, "version": SUMMARY_VERSION}).encode()

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:  # given a name, numpy would write beside it
                np.savez(
                    stream,
                    about=np.frombuffer(about, np.uint8),
                    n=np.array([each.n for each in self.segments], np.int64),
                    mean=np.stack([each.mean for each in self.segments]),
                    scatter=np.stack([each.scatter[lower] for each in self.segments]),
                    rows=self.rows,
                )

        write_atomic(path, write)


class Gathering:
    """A summary in the making."""

    def __init__(self) -> None:
        self._segments = list[Moments]()
        self._open: Moments | None = None
        self._rows = list[Rows]()
        self._kept = 0

    def add(self, rows: Rows) -> None:
        """Take further rows [n, f]."""
        if self._kept < KEPT:
            self._rows.append(rows[: KEPT - self._kept].copy())
            self._kept += len(self._rows[-1])
        while len(rows):
            room = self._size() - (0 if self._open is None else self._open.n)
            part, rows = Moments.of(rows[:room]), rows[room:]
            self._open = part if self._open is None else self._open.with_(part)
            if self._open.n == self._size():
                self._segments.append(self._open)
                self._open = None

    def summary(self, about: Mapping[str, str]) -> Summary:
        """What was gathered. Raises ValueError where that is nothing."""
        if not self._kept:
            raise ValueError("no rows were added")
        rest = () if self._open is None else (self._open,)
        return Summary(dict(about), (*self._segments, *rest), np.concatenate(self._rows))

    def _size(self) -> int:
        """Of the segment that is being filled."""
        return _doubling(max(1, len(self._segments)))[-1]


def _doubling(many: int) -> list[int]:
    """FIRST, twice that, four times that, ...

    >>> _doubling(4)
    [250, 500, 1000, 2000]
    """
    return [FIRST << power for power in range(many)]


def read_summary(path: Path) -> Summary:
    """A summary that `Summary.write` wrote. Raises InputError for what is none, or another version's."""
    remedy = "make it anew with `afield features`"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            about = json.loads(content["about"].tobytes())
            n, mean, scatter, rows = (content[name] for name in ("n", "mean", "scatter", "rows"))
    # what zip and numpy raise on damaged files is of many kinds
    except Exception as error:
        raise InputError(f"{path}: cannot be read as features of a data set ({error}); {remedy}") from error
    version = about.pop("version", None) if isinstance(about, dict) else None
    if version != SUMMARY_VERSION:
        raise InputError(f"{path}: is of version {version}, and this afield reads {SUMMARY_VERSION}; {remedy}")
    if not _fits(about, n, mean, scatter, rows):
        raise InputError(f"{path}: its tables do not fit each other; {remedy}")
    lower = np.tril_indices(rows.shape[1])

    def square(flat: Floats) -> Floats:
        half = np.zeros((rows.shape[1], rows.shape[1]))
        half[lower] = flat
        return half + np.tril(half, -1).T

    moments = tuple(Moments(int(count), mean[place], square(scatter[place])) for place, count in enumerate(n))
    return Summary(about, moments, rows)


def _fits(
    about: Mapping[str, Any],
    n: npt.NDArray[Any],
    mean: npt.NDArray[Any],
    scatter: npt.NDArray[Any],
    rows: npt.NDArray[Any],
) -> bool:
    """Whether the tables of a file are those of one summary: segments that double, numbers in place of all else."""
    if not all(isinstance(about.get(name), str) for name in ("source", "backbone")):
        return False
    if any(array.dtype.kind != kind for array, kind in ((n, "i"), (mean, "f"), (scatter, "f"), (rows, "f"))):
        return False
    if n.ndim != 1 or rows.ndim != 2 or not len(n) or not rows.shape[1]:
        return False
    width, whole = rows.shape[1], [_doubling(max(1, place))[-1] for place in range(len(n))]
    if list(n[:-1]) != whole[:-1] or not 1 <= n[-1] <= whole[-1] or len(rows) != min(int(n.sum()), KEPT):
        return False
    shapes = [(mean, (len(n), width)), (scatter, (len(n), width * (width + 1) // 2))]
    return all(array.shape == shape for array, shape in shapes) and all(
        bool(np.isfinite(array).all()) for array in (mean, scatter, rows)
    )
