"""How long lines of stages take on slots: by hand, within the bounds of every schedule, and growing with the work."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afield.study.planning.makespan import MANY, Line, alone, total_seconds, wall_seconds

JOBS = st.lists(st.floats(0.1, 20), min_size=1, max_size=6).map(tuple)
# no test may hang on how fast a shared machine is
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
LINES = st.lists(st.lists(JOBS, min_size=1, max_size=4).map(tuple), min_size=1, max_size=6)


def halving(epoch: float) -> Line:
    """Four cells to epoch 1, one of them to epoch 3, one repeat of three epochs beside a score of one second."""
    return (epoch,) * 4, (2 * epoch,), (1.0, 3 * epoch + 1.0)


@pytest.mark.parametrize(
    ("lines", "slots", "seconds"),
    [
        ([], 2, 0.0),
        ([((), ())], 2, 0.0),
        ([halving(10.0)], 1, 40 + 20 + 1 + 31),
        ([halving(10.0)], 2, 20 + 20 + 31),  # the score fits beside the repeat
        ([halving(10.0)], 9, 10 + 20 + 31),
        # Two alike on two slots. Eight cells take 40 s, both survivors 20 s side by side, then both repeats; the two
        # scores wait for these, since they hold nobody up: one second more.
        ([halving(10.0), halving(10.0)], 2, 40 + 20 + 31 + 1),
        ([((3.0,),)] * 3, 2, 6.0),
        ([((1.0,),), ((5.0,),), ((1.0,),)], 2, 5.0),  # the longest first
    ],
)
def test_by_hand(lines: list[Line], slots: int, seconds: float) -> None:
    assert wall_seconds(lines, slots) == pytest.approx(seconds)


@pytest.mark.slow
@patient
@given(LINES, st.integers(1, 5))
def test_no_schedule_is_shorter_than_its_bounds_and_this_one_never_idles_while_work_waits(
    lines: list[Line], slots: int
) -> None:
    longest = max(sum(max(stage) for stage in line) for line in lines)
    found = wall_seconds(lines, slots)
    assert found >= max(total_seconds(lines) / slots, longest) - 1e-9
    assert found <= total_seconds(lines) / slots + longest * (1 - 1 / slots) + 1e-9, "Graham 1969"


@pytest.mark.slow
@patient
@given(LINES, JOBS)
def test_on_one_slot_more_cells_never_take_less(lines: list[Line], more: tuple[float, ...]) -> None:
    longer = [(*lines[0][:-1], (*lines[0][-1], *more)), *lines[1:]]
    assert wall_seconds(longer, 1) >= wall_seconds(lines, 1)


@patient
@given(st.integers(1, 40), st.integers(1, 8), st.floats(0.1, 9))
def test_of_one_search_more_cells_never_take_less_nor_more_slots_more(cells: int, slots: int, epoch: float) -> None:
    def line(count: int) -> Line:
        return (epoch,) * count, (2 * epoch,) * max(1, count // 3)

    by_cells = [wall_seconds([line(count)], slots) for count in range(cells, cells + 4)]
    by_slots = [wall_seconds([line(cells)], more) for more in range(slots, slots + 4)]
    assert all(fewer <= more + 1e-9 for fewer, more in pairwise(by_cells))
    assert all(fewer >= more - 1e-9 for fewer, more in pairwise(by_slots))
    assert wall_seconds([line(cells)], slots) == pytest.approx(alone(line(cells), slots))


def test_many_jobs_are_summed_up_not_followed() -> None:
    lines = [((2.0,) * 30, (1.0,))] * (MANY // 10)
    assert wall_seconds(lines, 4) == pytest.approx(total_seconds(lines) / 4)
    assert wall_seconds([*lines, ((1e6,),)], 4) == pytest.approx(1e6)
