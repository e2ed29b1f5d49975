"""What a search owes to the number of recipes it tried."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.analysis.searches.best_of import best_of, chosen_flatters, expected_best
from afield.study.record import SearchRecord, StudyRecord
from tests.fixtures.records import make_record


@pytest.mark.slow
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=7))
@settings(deadline=None)
def test_it_is_the_mean_over_all_choices_of_so_many(values: list[float]) -> None:
    told = expected_best(np.array(values))
    for n in range(1, len(values) + 1):
        assert told[n - 1] == pytest.approx(np.mean([max(chosen) for chosen in combinations(values, n)]), abs=1e-12)


@pytest.mark.slow
def test_a_large_grid_neither_overflows_nor_drifts() -> None:
    values = np.linspace(0, 1, 2000)
    told = expected_best(values)
    assert told[0] == pytest.approx(0.5)
    assert told[-1] == pytest.approx(1.0)
    assert np.all(np.diff(told) > 0)
    assert expected_best(np.stack([values, values[::-1]], axis=1))[:, 1] == pytest.approx(told), "each column by itself"


def gridded(values: list[float | None], method: str = "grid", spread: float = 0.0) -> tuple[StudyRecord, SearchRecord]:
    """A study with a search whose cells reached those values (None: failed), in resamples give or take a spread."""
    record = make_record(strength={"squeezenet1_1.caffe_in1k": 1.3}, seeds=(0,), n_test=40)
    like = record.searches[0].cells[1]
    cells = tuple(
        replace(like, key=f"cell-{place}", validation=value, state="failed" if value is None else "finished")
        for place, value in enumerate(values)
    )
    ended = tuple(cell.key for cell in cells if cell.validation is not None)
    search = replace(record.searches[0], cells=cells, finalists=ended, chosen=ended[0], generations=(len(cells),))
    luck = np.random.default_rng(0).normal(0, spread, (len(ended), 4000))
    reached = [value for value in values if value is not None]
    resampled = {key: value + noise for key, value, noise in zip(ended, reached, luck, strict=True)}
    choice = record.study.search.model_copy(update={"method": method})
    study = record.study.model_copy(update={"search": choice})
    return replace(record, study=study, searches=(search,), resampled_cells=resampled), search


def test_the_curve_of_a_grid_has_a_band_and_leaves_out_what_failed() -> None:
    found = best_of(*gridded([0.5, None, 0.7, 0.6], spread=0.01))
    assert found is not None
    assert (found.failed, found.expected) == (1, pytest.approx([0.6, 2 / 3, 0.7]))
    assert np.all(found.low < found.expected)
    assert np.all(found.expected < found.high)


def test_there_is_no_curve_where_recipes_are_not_there_at_random() -> None:
    for method in ("halving", "optuna"):
        assert best_of(*gridded([0.5, 0.6, 0.7], method)) is None
    assert best_of(*gridded([0.5, 0.6])) is None
    record, search = gridded([0.5, 0.6, 0.7])
    assert best_of(record, replace(search, chosen=None)) is None
    added = best_of(record, replace(search, cells=(*search.cells, search.cells[0]), generations=(3, 1)))
    assert added is not None
    assert len(added.expected) == 3, "what was added followed from the others"


def test_the_best_of_equals_flatters_itself_by_the_mean_of_the_largest() -> None:
    """Of k independent normal values with one mean the largest exceeds it by 1.163 (k = 5) standard deviations."""
    found = chosen_flatters(*gridded([0.6] * 5, spread=0.01))
    assert found is not None
    assert (found.cells, found.bias) == (5, pytest.approx(0.01163, rel=0.05))
    clear = chosen_flatters(*gridded([0.9, 0.5, 0.5], spread=0.01))
    assert clear is not None
    assert clear.bias == pytest.approx(0, abs=1e-3)
    record, search = gridded([0.6] * 5)
    assert chosen_flatters(replace(record, resampled_cells={}), search) is None
