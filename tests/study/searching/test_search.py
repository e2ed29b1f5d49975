"""The search as a pure function: what it asks for, whom it keeps, whom it chooses."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.study.searching.search import Ask, Chosen, Seen, ask, asked, best_so_far, rung_sizes
from afield.study.searching.search_choice import SearchChoice

HALVING = SearchChoice(method="halving", rungs=(1, 3), reduction=3.0)


def seen(*metrics: float, loss: float = 0.5, failed: bool = False) -> Seen:
    rows = tuple({"epoch": n, "validation": value, "validation_loss": loss} for n, value in enumerate(metrics, 1))
    return Seen(rows, failed)


def test_the_study_s_twenty_cells_take_a_quarter_of_the_grid() -> None:
    """DESIGN.md: 20 -> 7 -> 2 at epochs 3 / 10 / 30 = 24.8 % of the grid's epochs."""
    sizes = rung_sizes(SearchChoice(), 20, 30)
    assert sizes == [(3, 20), (10, 7), (30, 2)]
    spent = 3 * 20 + 7 * 7 + 20 * 2
    assert spent / 600 == pytest.approx(0.248, abs=5e-4)


def test_rungs_are_synchronous() -> None:
    assert ask(HALVING, [Seen(), Seen(), Seen()], 3) == Ask((0, 1, 2), 1, alive=(0, 1, 2))
    assert ask(HALVING, [seen(0.5), Seen(), seen(0.6)], 3) == Ask((1,), 1, alive=(0, 1, 2))
    assert ask(HALVING, [seen(0.5), seen(0.4), seen(0.6)], 3) == Ask((2,), 3, alive=(2,))
    assert ask(HALVING, [seen(0.5), seen(0.4), seen(0.6, 0.1, 0.1)], 3) == Chosen(2)


def test_ties_go_to_the_lower_loss_then_to_the_earlier_cell() -> None:
    assert ask(HALVING, [seen(0.5, loss=0.7), seen(0.5, loss=0.6), seen(0.5, loss=0.6)], 3) == Ask((1,), 3, alive=(1,))


def test_the_best_epoch_so_far_is_the_earliest_of_equals() -> None:
    history = [
        {"validation": v, "validation_loss": loss} for v, loss in ((0.5, 9.0), (0.7, 1.0), (0.7, 0.5), (0.9, 0.1))
    ]
    assert best_so_far(history, 3) == (0.7, 1.0)


def test_a_failed_cell_drops_out_and_its_retry_reopens_the_rung() -> None:
    others = [seen(0.5), seen(0.6, 0.6, 0.6)]
    assert ask(HALVING, [seen(failed=True), *others], 3) == Chosen(2)
    assert ask(HALVING, [Seen(), *others], 3) == Ask((0,), 1, alive=(0, 1, 2))
    assert ask(HALVING, [seen(0.9), *others], 3) == Ask((0,), 3, alive=(0,))
    assert ask(HALVING, [seen(failed=True)] * 3, 3) == Chosen(None)


def test_what_a_search_cost_ends_at_the_rung_that_it_asked_for() -> None:
    """Another study in the folder may have brought a cell further."""
    assert asked(HALVING, [seen(0.5, 0.9, 0.9), Seen(), seen(0.6)], 3) == (1, 1, 1)
    assert asked(HALVING, [seen(0.5, 0.9, 0.9), seen(0.4), seen(0.6, 0.1, 0.1)], 3) == (1, 1, 3)
    assert asked(SearchChoice(method="grid"), [seen(0.5), seen(0.4)], 3) == (3, 3)


@pytest.mark.slow
@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=9),
    st.sampled_from(["grid", "halving"]),
)
@settings(deadline=None)
def test_a_search_always_ends_and_never_trains_twice(
    curves: list[list[float]], method: Literal["grid", "halving"]
) -> None:
    search = SearchChoice(method=method, rungs=(1, 2), reduction=2.0)
    state = [Seen() for _ in curves]
    told: list[tuple[int, int]] = []
    while isinstance(step := ask(search, state, 3), Ask):
        for cell in step.cells:
            assert (cell, step.until) not in told
            told.append((cell, step.until))
            state[cell] = seen(*curves[cell][: step.until])
    assert step.cell is not None
    assert len(state[step.cell].history) == 3
    if method == "grid":
        assert max(curves[step.cell]) == max(max(curve) for curve in curves)
