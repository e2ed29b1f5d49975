"""The race as a pure function: what it asks of each search, whom it goes on without, who wins."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.study.searching.race import Race, evenly, shares
from afield.study.searching.search import Ask, Chosen, Seen, epochs_asked, epochs_through
from afield.study.searching.search_choice import SearchChoice

RACE = SearchChoice(method="race", rungs=(1, 3), reduction=2.0)


def seen(*metrics: float, failed: bool = False) -> Seen:
    rows = tuple({"epoch": n, "validation": value, "validation_loss": 0.5} for n, value in enumerate(metrics, 1))
    return Seen(rows, failed)


def race(*searches: tuple[Seen, ...], search: SearchChoice = RACE) -> Race:
    return Race(search, searches, 3)


def test_a_search_waits_at_a_rung_for_those_of_the_other_backbones() -> None:
    begun = race((seen(0.5), seen(0.6)), (Seen(), seen(0.7)))
    assert begun.step_of(0) == Ask((), 1, alive=(0, 1))
    assert begun.step_of(1) == Ask((0,), 1, alive=(0, 1))
    assert begun.asked_of(0) == begun.asked_of(1) == (1, 1)


def test_the_best_of_all_backbones_go_on_and_the_race_goes_on_without_the_others() -> None:
    rung = race((seen(0.5), seen(0.6)), (seen(0.8), seen(0.7)))
    assert rung.step_of(0) == Chosen(None), "both of its recipes dropped out"
    assert rung.step_of(1) == Ask((0, 1), 3, alive=(0, 1))
    assert (rung.asked_of(0), rung.asked_of(1)) == ((1, 1), (3, 3))


def test_one_backbone_wins_whatever_the_others_reached_before() -> None:
    ended = race((seen(0.5), seen(0.9, 0.9, 0.9)), (seen(0.8, 0.8, 0.95), seen(0.7)))
    assert ended.step_of(0) == Chosen(None)
    assert ended.step_of(1) == Chosen(0)


def test_equals_are_decided_by_the_order_of_the_study() -> None:
    ended = race((seen(0.9, 0.9, 0.9), seen(0.1)), (seen(0.9, 0.9, 0.9), seen(0.1)))
    assert (ended.step_of(0), ended.step_of(1)) == (Chosen(0), Chosen(None))


def test_a_backbone_all_of_whose_recipes_failed_is_out_and_a_race_of_failures_has_no_winner() -> None:
    assert race((seen(failed=True),), (Seen(),)).step_of(0) == Chosen(None)
    failed = race((seen(failed=True),), (seen(failed=True),))
    assert (failed.step_of(0), failed.step_of(1)) == (Chosen(None), Chosen(None))


def test_what_is_still_to_come_falls_to_those_that_are_still_there() -> None:
    begun = race((Seen(), Seen()), (Seen(), Seen()))
    assert begun.share_of(0).sizes == begun.share_of(1).sizes == ((1, 2), (3, 1))
    assert (begun.share_of(0).chooses, begun.share_of(1).chooses) == (True, False)
    later = race((seen(0.5), seen(0.6)), (seen(0.8), seen(0.7)))
    assert not later.share_of(0).chooses
    assert later.share_of(1).chooses


@pytest.mark.slow
@given(
    cells=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    metrics=st.lists(st.floats(0, 1), min_size=45, max_size=45),
)
@settings(max_examples=60, deadline=None)
def test_a_race_is_halving_over_all_cells_at_once(cells: list[int], metrics: list[float]) -> None:
    """Played to its end: one search alone chooses, and all together train what one halving of all cells would."""
    search = SearchChoice(method="race", rungs=(1, 3), reduction=3.0)
    reached = [[0] * number for number in cells]
    begins = (0, *accumulate(cells))

    def known(place: int, cell: int) -> Seen:
        value = metrics[begins[place] + cell]
        return seen(*(value for _ in range(reached[place][cell])))

    def now() -> Race:
        return Race(search, tuple(tuple(known(place, cell) for cell in range(n)) for place, n in enumerate(cells)), 5)

    while asks := [
        (place, step) for place in range(len(cells)) if isinstance(step := now().step_of(place), Ask) and step.cells
    ]:
        for place, step in asks:
            assert all(reached[place][cell] < step.until for cell in step.cells)
            for cell in step.cells:
                reached[place][cell] = step.until
    steps = [now().step_of(place) for place in range(len(cells))]
    assert all(isinstance(step, Chosen) for step in steps)
    assert sum(isinstance(step, Chosen) and step.cell is not None for step in steps) == 1
    assert sum(map(sum, reached)) == epochs_asked(search, sum(cells), 5)
    assert [now().asked_of(place) for place in range(len(cells))] == [tuple(each) for each in reached]


@pytest.mark.slow
@given(
    cells=st.lists(st.integers(1, 20), min_size=1, max_size=8),
    works=st.lists(st.floats(0.1, 100), min_size=8, max_size=8),
)
def test_shares_add_up_to_the_race(cells: list[int], works: list[float]) -> None:
    parts = shares(SearchChoice(method="race"), cells, works[: len(cells)], 30)
    assert sum(epochs_through(part.sizes) for part in parts) == epochs_asked(SearchChoice(), sum(cells), 30)
    assert [part.sizes[0] for part in parts] == [(3, number) for number in cells]
    assert all(before >= after for part in parts for (_, before), (_, after) in pairwise(part.sizes))
    dearest = max(range(len(cells)), key=lambda place: works[place])
    assert [place for place, part in enumerate(parts) if part.chooses] == [dearest]


@pytest.mark.parametrize(
    ("number", "room", "parts"), [(0, [3], [0]), (5, [2, 2], [2, 2]), (4, [1, 9, 9], [1, 2, 1]), (3, [], [])]
)
def test_a_number_in_parts(number: int, room: list[int], parts: list[int]) -> None:
    assert evenly(number, room) == parts
