"""Means of networks, and which go into one."""

from collections.abc import Callable

import pytest
import torch

from afield.base.errors import InputError
from afield.training.checkpoint import Tensors
from afield.training.soup import Load, Sum, Tasted, greedy, uniform


def network(seed: int, **shapes: tuple[int, ...]) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in (shapes or {"weight": (3, 4)}).items()}
    return {**tensors, "batches": torch.tensor(10 * seed)}


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_mean_of_equal_networks_is_that_network_bit_for_bit(count: int) -> None:
    total = Sum.of(network(1))
    for _ in range(count - 1):
        total = total.plus(network(1), "another")
    assert same(total.mean(), network(1))


def test_numbers_with_a_point_are_averaged_and_whole_ones_are_the_first_networks() -> None:
    found = Sum.of(network(1)).plus(network(2), "b").plus(network(3), "c").mean()
    expected = torch.stack([network(seed)["weight"] for seed in (1, 2, 3)]).double().mean(dim=0)
    torch.testing.assert_close(found["weight"].double(), expected, rtol=1e-7, atol=1e-7)
    assert found["weight"].dtype == torch.float32
    assert found["batches"] == 10


@pytest.mark.parametrize("other", [{"weight": (3, 5)}, {"weights": (3, 4)}])
def test_a_network_of_another_shape_is_refused_by_name(other: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(InputError, match=r"^b: its network cannot be averaged with the first: weight"):
        Sum.of(network(1)).plus(network(2, **other), "b")


def flat(*values: float) -> list[tuple[str, Load]]:
    """Networks of one weight each."""

    def load(value: float) -> Load:
        return lambda: {"w": torch.tensor([float(value)])}

    return [(f"n{value:g}", load(value)) for value in values]


def tasting(metric: Callable[[float], float]) -> Callable[[Tensors], Tasted]:
    return lambda tensors: Tasted(tensors, metric(float(tensors["w"])), 0.0, torch.zeros(1, 2))


def test_a_greedy_soup_takes_what_does_not_make_validation_fall() -> None:
    """Best at 1: of 0 and 6 the mean is worse than 0, of 0 and 2 it is right, and 1 leaves it as good."""
    found, tried = greedy(flat(0, 6, 2, 1), tasting(lambda weight: -abs(weight - 1)))
    assert [each.metric for each in tried] == [-1, -2, 0, 0]
    assert [each.taken for each in tried] == [True, False, True, True]
    assert float(found.network["w"]) == 1


def test_a_uniform_soup_takes_all() -> None:
    found, tried = uniform(flat(0, 4, 2, 2), tasting(lambda weight: -abs(weight - 1)))
    assert float(found.network["w"]) == 2
    assert [each.taken for each in tried] == 4 * [True]
    assert found.metric == -1
