"""Means of networks' weights, and which networks go into one (Wortsman et al. 2022, arXiv 2203.05482).

All tensors of numbers with a point are averaged, BatchNorm's running mean and variance among them: they are not taken
anew on training images, so what validation says of a soup is said of exactly these tensors. Whole numbers (BatchNorm's
count of batches) are those of the first network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from afield.base.errors import InputError
from afield.training.checkpoint import Tensors


@dataclass(frozen=True)
class Tasted:
    """A network with what it says of the validation split."""

    network: Tensors
    """with what validation settles in it (cut points)"""
    metric: float
    """higher is better"""
    loss: float
    """log-loss"""
    logits: torch.Tensor
    """float32 [n, classes]"""


@dataclass(frozen=True)
class Tried:
    """One network that was held against a soup."""

    place: int
    """among the networks that were offered"""
    metric: float
    """of the average with it"""
    taken: bool


@dataclass(frozen=True)
class Sum:
    """A sum of networks in float64: exact for float32, so that the mean of equal networks is that network."""

    total: Tensors
    first: Tensors
    """the first network: types, and all tensors that are not summed"""
    count: int = 1

    @staticmethod
    def of(network: Tensors) -> Sum:
        """The sum of one."""
        return Sum({name: tensor.double() for name, tensor in network.items() if tensor.is_floating_point()}, network)

    def plus(self, network: Tensors, name: str) -> Sum:
        """With one more, which complaints call `name`. Raises InputError where its tensors are others."""
        for tensor in sorted(self.first.keys() | network.keys()):
            shapes = [tuple(side[tensor].shape) if tensor in side else None for side in (self.first, network)]
            if shapes[0] != shapes[1]:
                raise InputError(
                    f"{name}: its network cannot be averaged with the first: {tensor} is {shapes[1] or 'missing'} in "
                    f"it and {shapes[0] or 'missing'} there; leave it out of the soup"
                )
        total = {key: tensor + network[key] for key, tensor in self.total.items()}
        return Sum(total, self.first, self.count + 1)

    def mean(self) -> Tensors:
        """The average, in the types of the first network."""
        averaged = {key: (tensor / self.count).to(self.first[key].dtype) for key, tensor in self.total.items()}
        return {**self.first, **averaged}


Load = Callable[[], Tensors]
"""a network's tensors, read when they are wanted: a few are in memory at once"""
Taste = Callable[[Tensors], Tasted]


def uniform(networks: Sequence[tuple[str, Load]], taste: Taste) -> tuple[Tasted, tuple[Tried, ...]]:
    """The mean of all networks, each with a name for complaints, as validation sees it."""
    (_, load), *others = networks
    total = Sum.of(load())
    for name, load_next in others:
        total = total.plus(load_next(), name)
    found = taste(total.mean())
    return found, tuple(Tried(place, found.metric, taken=True) for place in range(len(networks)))


def greedy(networks: Sequence[tuple[str, Load]], taste: Taste) -> tuple[Tasted, tuple[Tried, ...]]:
    """The first network, and each next one with which the average's validation metric does not fall.

    Networks come the best first. `taste` may raise to stop.
    """
    (_, load), *others = networks
    total = Sum.of(load())
    best = taste(total.mean())
    tried = [Tried(0, best.metric, taken=True)]
    for place, (name, load_next) in enumerate(others, start=1):
        more = total.plus(load_next(), name)
        found = taste(more.mean())
        taken = found.metric >= best.metric
        tried.append(Tried(place, found.metric, taken))
        if taken:
            total, best = more, found
    return best, tuple(tried)
