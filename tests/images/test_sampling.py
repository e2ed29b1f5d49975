"""Groups shown equally often: as many of each as can be, all of a group before one comes again."""

import numpy as np
import pytest

from afield.images.sampling import Alike, each_once, groups_alike, times_before

GROUPS = Alike(np.repeat([0, 1, 2], [100, 20, 2]))


@pytest.mark.parametrize("epoch", [0, 3])
def test_groups_come_equally_often_in_an_epoch_of_the_same_length(epoch: int) -> None:
    order = groups_alike(5, epoch, GROUPS)
    shown = np.bincount(GROUPS.group[order])
    assert shown.sum() == 122
    assert shown.max() - shown.min() == 1
    times = np.bincount(order, minlength=122)
    assert times[:100].max() == 1
    for members in (slice(100, 120), slice(120, 122)):  # none once more before all came
        assert times[members].max() - times[members].min() <= 1


def test_an_order_depends_on_seed_and_epoch_alone() -> None:
    again = Alike(GROUPS.group.copy())
    assert np.array_equal(groups_alike(5, 1, GROUPS), groups_alike(5, 1, again))
    orders = {tuple(groups_alike(seed, epoch, GROUPS).tolist()) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


def test_over_epochs_all_of_a_large_group_are_seen() -> None:
    seen = {index for epoch in range(12) for index in groups_alike(0, epoch, GROUPS).tolist()}
    assert len(seen) == 122


def test_more_groups_than_samples_an_epoch_has_room_for() -> None:
    assert sorted(groups_alike(0, 0, Alike(np.arange(7))).tolist()) == list(range(7))


def test_each_showing_of_a_sample_has_its_number() -> None:
    order, before = groups_alike(5, 0, GROUPS), times_before(5, 0, GROUPS)
    for sample in (0, 100, 121):
        assert before[order == sample].tolist() == list(range((order == sample).sum()))


def test_without_groups_each_comes_once() -> None:
    assert sorted(each_once(0, 0, 9).tolist()) == list(range(9))
