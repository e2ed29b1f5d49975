"""Named random streams: each is a pure function of a seed and a name, so nothing depends on what ran before."""

from __future__ import annotations

import hashlib

import numpy as np


def stream_seed(seed: int, *name: str | int) -> int:
    """A 63-bit seed derived from a seed and a name; equal on every machine.

    >>> stream_seed(0, "order", 1) == stream_seed(0, "order", 1) != stream_seed(0, "order", 2)
    True
    """
    text = "/".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """A generator for the stream of that name."""
    return np.random.Generator(np.random.Philox(key=stream_seed(seed, *name)))


def hash_rank(seed: int, name: str, ids: list[str]) -> list[int]:
    """Positions of `ids` in an order that depends on the seed and each id alone, not on a library's shuffling.

    Removing an id leaves the order of the others as it was, so subsets are nested.

    >>> sorted(hash_rank(0, "split", ["a", "b", "c"]))
    [0, 1, 2]
    """

    def place(index: int) -> tuple[bytes, str]:
        return hashlib.blake2b(f"{seed}/{name}/{ids[index]}".encode(), digest_size=16).digest(), ids[index]

    return sorted(range(len(ids)), key=place)
