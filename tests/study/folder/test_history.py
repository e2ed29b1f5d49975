"""A history kept as columns is the rows that it was made of."""

import pytest

from afield.study.folder.history import History, column

ROWS = [{"epoch": n, "learning_rate": 0.1 / n, "validation": 0.5 + n / 100} for n in range(1, 6)]


def test_it_reads_as_its_rows_do() -> None:
    history = History.of(ROWS)
    assert history is not None
    assert list(history) == ROWS
    assert all(type(row["epoch"]) is int for row in history)
    assert (history[0], history[-1], len(history)) == (ROWS[0], ROWS[-1], 5)
    assert list(history[:3]) == ROWS[:3]
    assert list(history[1:4][1:]) == ROWS[2:4]
    assert history[::2] == tuple(ROWS[::2])
    assert history == tuple(ROWS)
    assert tuple(ROWS) == history
    assert history != tuple(ROWS[:4])
    assert column(history, "validation") == column(ROWS, "validation") == [row["validation"] for row in ROWS]
    assert column(history[2:], "epoch") == [3, 4, 5]
    with pytest.raises(IndexError):
        history[5]


@pytest.mark.parametrize(
    "row", [{"epoch": 6}, {**ROWS[0], "validation": "high"}, {**ROWS[0], "epoch": 1.5}, {**ROWS[0], "epoch": 2**60}]
)
def test_what_is_no_table_of_numbers_stays_as_it_is(row: dict[str, float]) -> None:
    assert History.of([*ROWS, row]) is None


def test_nothing_has_no_rows() -> None:
    assert History.of([]) == ()
    assert list(History((), frozenset(), ())) == []


def test_before_the_first_epoch_a_column_is_empty() -> None:
    history = History.of(())
    assert history is not None
    assert (column(history, "seconds"), column((), "seconds"), len(history)) == ([], [], 0)
