"""How a search grows, as a pure function: what `extend` adds, what a sampler proposes, and that nothing depends on when
a search was stopped.
"""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.errors import InputError
from afield.study.running.growing import settled_in
from afield.study.searching import proposals
from afield.study.searching.growth import beyond, follows, grow, has_ended
from afield.study.searching.proposals import check_sampler, propose
from afield.study.searching.search import Ask, Chosen, Seen, ask, asked, epochs_asked, finalists
from afield.study.searching.search_choice import Point, SearchChoice

GRID = SearchChoice(method="grid", grid={"learning_rate": (1e-4, 1e-3, 1e-2)}, extend=True)
TPE = SearchChoice.model_validate(
    {
        "method": "optuna",
        "trials": 14,
        "batch": 4,
        "space": {"learning_rate": {"low": 1e-5, "high": 1e-1}, "weight_decay": (0.0, 1e-4)},
    }
)
EPOCHS = 3

Curve = Callable[[Point], tuple[float, ...] | None]
"""of a cell its metric by epoch; None where it fails"""


def best_at(learning_rate: float, weight_decay: float = 1e-4) -> Curve:
    """Trainings whose last epoch is the better the nearer they are to that recipe."""

    def curve(point: Point) -> tuple[float, ...]:
        distance = abs(math.log10(point["learning_rate"] / learning_rate))
        distance += abs(math.log10(point.get("weight_decay", weight_decay) / weight_decay)) if weight_decay else 0
        return tuple(-distance - (EPOCHS - epoch) for epoch in range(1, EPOCHS + 1))

    return curve


def seen(curve: tuple[float, ...] | None, until: int) -> Seen:
    if curve is None:
        return Seen(failed=True)
    return Seen(tuple({"epoch": n, "validation": v, "validation_loss": 0.5} for n, v in enumerate(curve[:until], 1)))


def play(search: SearchChoice, curve: Curve) -> tuple[list[Point], list[Seen], int]:
    """A whole search without a stop: its cells, what they showed, and how many are of the first generation."""
    points = list(search.first_points(0))
    first, state = len(points), [Seen() for _ in points]
    while True:
        step = ask(search, state, EPOCHS, first)
        if isinstance(step, Ask):
            for cell in step.cells:
                state[cell] = seen(curve(points[cell]), step.until)
            continue
        fresh = grow(search, points, state, EPOCHS, 0, first)
        if not fresh:
            return points, state, first
        points += fresh
        state += [Seen() for _ in fresh]


def chosen(search: SearchChoice, curve: Curve) -> Point:
    points, state, first = play(search, curve)
    ended = has_ended(search, points, state, EPOCHS, first)
    assert ended is not None
    assert ended.cell is not None
    return points[ended.cell]


@pytest.mark.parametrize("method", ["grid", "halving"])
def test_a_choice_at_the_border_adds_the_next_value_and_is_made_again(method: str) -> None:
    search = GRID.model_copy(update={"method": method, "rungs": (1,)})
    points, state, first = play(search, best_at(0.1))
    assert (first, [point["learning_rate"] for point in points]) == (3, [1e-4, 1e-3, 1e-2, 0.1, 1.0])
    assert chosen(search, best_at(0.1)) == {"learning_rate": 0.1}
    assert all(len(state[cell].history) == EPOCHS for cell in (3, 4)), "what is added is trained to the end"
    spent = sum(asked(search, state, EPOCHS, first))
    assert spent == epochs_asked(search, 5, EPOCHS, first) == (15 if method == "grid" else 3 + 2 + 6)
    assert finalists(search, state, EPOCHS, first) == ((0, 1, 2, 3, 4) if method == "grid" else (2, 3, 4))


def test_it_goes_on_at_most_so_many_times_and_not_at_all_inside() -> None:
    assert len(play(GRID, best_at(1e-3))[0]) == 3
    assert [p["learning_rate"] for p in play(GRID, best_at(1e-9))[0]][3:] == [1e-5, 1e-6]
    once = GRID.model_copy(update={"extend_steps": 1})
    assert [p["learning_rate"] for p in play(once, best_at(1e9))[0]][3:] == [0.1]
    assert chosen(once, best_at(1e9)) == {"learning_rate": 0.1}, "still at the border, and told so"
    assert len(play(GRID.model_copy(update={"extend": False}), best_at(1e9))[0]) == 3


def test_a_value_that_fails_is_the_end() -> None:
    near = best_at(1.0)
    points, *_ = play(GRID, lambda point: None if point["learning_rate"] > 0.01 else near(point))
    assert [point["learning_rate"] for point in points[3:]] == [0.1]
    assert play(GRID, lambda point: None)[0] == list(GRID.first_points(0)), "nothing goes beyond a choice of none"


def test_in_a_corner_each_key_goes_on_and_zero_has_nothing_below() -> None:
    search = GRID.model_copy(update={"grid": {**GRID.grid, "weight_decay": (0.0, 1e-5, 1e-4)}})
    points = list(search.first_points(0))
    corner = points.index({"learning_rate": 1e-2, "weight_decay": 1e-4})
    assert beyond(search, points, corner, 9) == (
        {"learning_rate": 0.1, "weight_decay": 1e-4}, {"learning_rate": 1e-2, "weight_decay": 1e-3}
    )  # fmt: skip
    at_zero = points.index({"learning_rate": 1e-3, "weight_decay": 0.0})
    assert beyond(search, points, at_zero, 9) == ()


@given(st.lists(st.floats(0, 1), min_size=3, max_size=9), st.booleans())
@settings(max_examples=50, deadline=None)
def test_extending_ends_and_changes_no_index(curves: list[float], halved: bool) -> None:
    """Whatever the cells reach: at most `extend_steps` values beyond each end, and the grid as it was."""
    search = GRID.model_copy(update={"method": "halving" if halved else "grid", "rungs": (1, 2), "reduction": 2.0})
    luck = {rate: curves[place % len(curves)] for place, rate in enumerate((1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0))}
    points, state, first = play(search, lambda point: (luck[point["learning_rate"]],) * EPOCHS)
    assert points[:first] == list(search.first_points(0))
    assert len(points) <= first + 2 * search.extend_steps
    assert isinstance(has_ended(search, points, state, EPOCHS, first), Chosen)


@pytest.mark.slow
def test_proposals_follow_from_what_earlier_batches_reached_alone() -> None:
    """A search that is stopped anywhere and read again comes to the same cells."""
    points, state, first = play(TPE, best_at(1e-2, 0))
    assert (len(points), first) == (14, 4)
    assert len({tuple(point.items()) for point in points}) == 14
    for begun in (4, 8, 12):
        assert grow(TPE, points[:begun], state[:begun], EPOCHS, 0, first) == tuple(points[begun : begun + 4])
        assert grow(TPE, points[:begun], [*state[: begun - 1], Seen()], EPOCHS, 0, first) == (), "one is under way"
    assert has_ended(TPE, points[:12], state[:12], EPOCHS, first) is None
    assert play(TPE, best_at(1e-2, 0))[0] == points
    assert play(TPE, best_at(1e-5, 0))[0][8:] != points[8:]
    few = TPE.model_copy(update={"trials": 9})
    assert play(few, best_at(1e-2, 0))[0] == points[:9], "a search with fewer trials is the beginning of one with more"


def test_a_failed_cell_is_told_as_failed_and_a_retry_is_another_story() -> None:
    told = [None, 0.5, 0.6, 0.7]
    assert propose(TPE, 0, told) == propose(TPE, 0, told)
    assert len(propose(TPE, 0, [None] * 4)) == 4, "the search goes on where all failed"
    state = [seen(None, EPOCHS), *(seen((value,) * EPOCHS, EPOCHS) for value in (0.5, 0.6, 0.7))]
    again = [seen((0.9,) * EPOCHS, EPOCHS), *state[1:]]
    assert follows(TPE, state, EPOCHS, 0, 4) != follows(TPE, again, EPOCHS, 0, 4)
    unscored = [Seen(again[0].history, failed=True), *again[1:]]
    assert follows(TPE, unscored, EPOCHS, 0, 4) == follows(TPE, again, EPOCHS, 0, 4), "trained, though not scored"


def test_no_cell_comes_twice_from_a_small_space() -> None:
    small = TPE.model_copy(update={"space": {"weight_decay": (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)}, "trials": 6})
    points, *_ = play(small, lambda point: (point["weight_decay"],) * EPOCHS)
    assert sorted(point["weight_decay"] for point in points) == [0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


@pytest.mark.parametrize("sampler", ["RandomSampler", "GPSampler", "QMCSampler", "NSGAIISampler"])
def test_other_samplers_resume_alike(sampler: str) -> None:
    search = TPE.model_copy(update={"sampler": sampler, "trials": 8})
    check_sampler(search)
    points, state, first = play(search, best_at(1e-2, 0))
    assert grow(search, points[:4], state[:4], EPOCHS, 0, first) == tuple(points[4:])


def test_samplers_that_cannot_do_it_and_an_absent_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for sampler, words in (
        ("TPESamplr", "optuna has no such sampler; did you mean TPESampler"),
        ("GridSampler", "cannot be made from a seed alone"),
        ("BruteForceSampler", "cannot propose cells of this search.space"),
    ):
        with pytest.raises(InputError, match=words):
            check_sampler(TPE.model_copy(update={"sampler": sampler}))
    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'afield\[optuna\]'"):
        check_sampler(TPE)
    check_sampler(GRID)


@pytest.mark.parametrize(
    "recipe", [{}, {"learning_rate": "x"}, {"learning_rate": math.nan}, {"learning_rate": 10**400}]
)
def test_of_a_stored_plan_only_what_can_have_been_proposed_stands(recipe: dict[str, object]) -> None:
    search = SearchChoice(method="grid", grid={"learning_rate": (1e-3,)})
    generations = [{"cells": 1, "follows": ""}, {"cells": 1, "follows": "this"}, {"cells": 1, "follows": "that"}]
    recipes = {"a": {"learning_rate": 1e-3}, "b": {"learning_rate": 1e-2}, "c": recipe}
    trials = {key: {"recipe": each} for key, each in recipes.items()}
    plan = {"searches": [{"cells": [*"abc"], "generations": generations}], "trials": trials}
    assert settled_in(plan, search) == {"this": ({"learning_rate": 1e-2},)}
