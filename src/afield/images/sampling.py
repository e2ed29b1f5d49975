"""In which order an epoch shows the samples: each once, or groups of unequal size equally often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from afield.base.streams import stream


@dataclass(frozen=True, eq=False)
class Alike:
    """Groups of samples that an epoch shows equally often."""

    group: npt.NDArray[np.int64]
    """[n] the group of each sample, any numbers"""


@lru_cache(maxsize=4)
def each_once(seed: int, epoch: int, samples: int) -> npt.NDArray[np.int64]:
    """All n samples, shuffled."""
    return stream(seed, "order", epoch).permutation(samples)


@lru_cache(maxsize=4)
def groups_alike(seed: int, epoch: int, groups: Alike) -> npt.NDArray[np.int64]:
    """As many samples as there are, n, shuffled, each group n / groups times (who gets one more is drawn).

    Within a group no sample comes once more before all of it came, so that of a large group another part is seen in
    each epoch.
    """
    generator = stream(seed, "alike", epoch)
    members = [np.flatnonzero(groups.group == group) for group in np.unique(groups.group)]
    share, rest = divmod(len(groups.group), len(members))
    sizes = np.full(len(members), share)
    sizes[generator.permutation(len(members))[:rest]] += 1
    chosen = [
        np.concatenate([generator.permutation(own) for _ in range(-(-size // len(own)))])[:size]
        for own, size in zip(members, sizes.tolist(), strict=True)
        if size
    ]
    return generator.permutation(np.concatenate(chosen))


@lru_cache(maxsize=4)
def times_before(seed: int, epoch: int, groups: Alike) -> npt.NDArray[np.int64]:
    """How often each sample of `groups_alike` came before in that epoch, [n]."""
    order = groups_alike(seed, epoch, groups)
    places = np.argsort(order, kind="stable")
    ordered = order[places]
    first = np.searchsorted(ordered, ordered)
    before = np.empty_like(order)
    before[places] = np.arange(len(order)) - first
    return before
