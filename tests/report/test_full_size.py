"""The page of a study as large as the published one: six tasks, 19 backbones, 2,280 trainings of 30 epochs."""

from dataclasses import replace

import pytest

from afield.backbones.sets import PAPER
from afield.report.page import render
from tests.fixtures.records import joined, make_record
from tests.report.test_page import specifications


@pytest.mark.slow
@pytest.mark.long
def test_the_page_of_the_full_study_stays_below_five_megabytes():
    parts = {
        f"task{place}": make_record(
            strength={name: 0.6 + 0.1 * at for at, name in enumerate(PAPER)},
            seeds=(0,),
            metrics=("accuracy", "log_loss"),
            simulation=place,
            n_test=200,
            learning_rates=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
            weight_decays=(1e-6, 1e-5, 1e-4, 1e-3),
            epochs=30,
        )
        for place in range(6)
    }
    record = joined(**parts)
    every = tuple(
        # as a full grid, where every training goes to its end: more to draw than halving leaves
        replace(search, cells=tuple(_to_the_end(cell, search) for cell in search.cells))
        for search in record.searches
    )
    record = replace(record, searches=every)
    assert sum(len(search.cells) for search in record.searches) == 2280
    assert sum(len(cell.history) for search in record.searches for cell in search.cells) > 2280 * 29
    page = render(record)
    assert len(page.encode()) < 5_000_000
    assert len(specifications(page)) > 6 * 19 * 3


def _to_the_end(cell, search):
    """The training with the epochs of one that was finished."""
    whole = next(each.history for each in search.cells if each.state == "finished")
    return replace(cell, state="finished", history=whole) if cell.history else cell
