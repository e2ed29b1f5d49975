"""Features boiled down batch by batch are those of all rows at once, and files say what they are."""

from pathlib import Path

import numpy as np
import pytest

from afield.base.errors import InputError
from afield.probing.summary import FIRST, KEPT, Gathering, Moments, Summary, read_summary

ABOUT = {"source": "moths", "backbone": "b"}


def rows_of(n: int, features: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 2, (n, features)).astype(np.float32)


def gathered(rows: np.ndarray, batch: int = 37) -> Summary:
    gathering = Gathering()
    for start in range(0, len(rows), batch):
        gathering.add(rows[start : start + batch])
    return gathering.summary(ABOUT)


def same(found: Moments, rows: np.ndarray) -> None:
    exact = rows.astype(np.float64)
    assert found.n == len(rows)
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(exact, rowvar=False), rtol=1e-10)


@pytest.mark.parametrize("batch", [1, 37, 250, 4_000])
def test_moments_are_those_of_all_rows_at_once_whatever_the_batches(batch: int) -> None:
    rows = rows_of(2_300)
    summary = gathered(rows, batch)
    assert (summary.n, summary.sizes()) == (2_300, [500, 1_000, 2_000])
    assert [each.n for each in summary.segments] == [250, 250, 500, 1_000, 300]
    for size in summary.sizes():
        same(summary.first(size), rows[:size])
        for half, part in zip(summary.halves(size), (rows[: size // 2], rows[size // 2 : size]), strict=True):
            same(half, part)
    assert np.array_equal(summary.rows, rows)
    for size in (300, 4_000):
        with pytest.raises(ValueError, match=f"{size}: can be one of"):
            summary.halves(size)


def test_of_many_rows_only_the_first_are_kept_and_memory_stays_small() -> None:
    rows = rows_of(KEPT + 700, 2)
    summary = gathered(rows, 900)
    assert np.array_equal(summary.rows, rows[:KEPT])
    assert len(summary.segments) == 6
    assert gathered(rows_of(FIRST, 2)).sizes() == []


def test_a_file_gives_back_what_was_written_and_nothing_else_is_read(tmp_path: Path) -> None:
    summary = gathered(rows_of(1_100))
    summary.write(tmp_path / "a.npz")
    again = read_summary(tmp_path / "a.npz")
    assert again.about == ABOUT
    assert np.array_equal(again.rows, summary.rows)
    for one, other in zip(again.segments, summary.segments, strict=True):
        assert (one.n, one.mean.tolist()) == (other.n, other.mean.tolist())
        assert np.array_equal(one.scatter, other.scatter)
    for name, content in (("none.npz", None), ("cut.npz", (tmp_path / "a.npz").read_bytes()[:-50]), ("text.npz", b"x")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: cannot be read as features of a data set.*afield features"):
            read_summary(tmp_path / name)
    arrays = dict(np.load(tmp_path / "a.npz"))
    for change, words in (
        ({"about": np.frombuffer(b'{"version": 99}', np.uint8)}, "is of version 99, and this afield reads 1"),
        ({"mean": arrays["mean"][:, :2]}, "its tables do not fit each other"),
        ({"scatter": arrays["scatter"] * np.nan}, "its tables do not fit each other"),
        ({"rows": np.array([object()])}, "cannot be read"),
    ):
        np.savez(tmp_path / "b.npz", **{**arrays, **change})
        with pytest.raises(InputError, match=words):
            read_summary(tmp_path / "b.npz")
