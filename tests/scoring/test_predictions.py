"""Which tables are those of predictions of a task's classes."""

import numpy as np
import pandas as pd
import pytest

from afield.scoring.predictions import Predictions, misfit

CLASSES = ("a", "b", "c")


def table(label: object) -> pd.DataFrame:
    names = np.array(["one", "two"])
    logits = np.zeros((2, 3), np.float32)
    return Predictions(CLASSES, names, names, names, np.array(label), logits).to_frame(key="k", split="test", view="v")


@pytest.mark.parametrize("label", [[0, 2], [[1, 0, -1], [0, 0, 1]]])
def test_what_was_written_of_them_fits(label: object) -> None:
    frame = table(label)
    assert not misfit(frame, CLASSES)
    assert not misfit(frame.iloc[:0], CLASSES)
    assert "it has 3 logits a sample, and the task 2 classes" in misfit(frame, CLASSES[:2])
    assert "it has 3 logits a sample, and the task 4 classes" in misfit(frame, (*CLASSES, "d"))


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("label", [0, 3], "it has the label 3, and the task 3 classes"),
        ("label", [-1, 0], "it has the label -1, and the task 3 classes"),
        ("label", ["a", "b"], "its labels or logits are no numbers"),
        ("label", [[0, 1], [1, 0]], "its labels are no vectors of 1, 0 and -1, one each class"),
        ("label", [[0, 1, 2], [1, 0, 0]], "its labels are no vectors of 1, 0 and -1, one each class"),
        ("label", [[0, 1, 0], 1], "its labels or logits are no numbers"),
        ("logits", [[0.0, 1.0, 2.0], [0.0]], "it has 1 logits a sample, and the task 3 classes"),
        ("logits", [1.0, 2.0], "its labels or logits are no numbers"),
        ("logits", [["a", "b", "c"]] * 2, "its labels or logits are no numbers"),
    ],
)
def test_what_does_not_fit_is_told(column: str, values: list[object], words: str) -> None:
    frame = table([0, 2])
    frame[column] = pd.Series(values, dtype=object)
    assert misfit(frame, CLASSES) == words


@pytest.mark.parametrize("column", ["sample", "label", "key"])
def test_a_column_that_lacks_is_named(column: str) -> None:
    assert misfit(table([0, 2]).drop(columns=column), CLASSES) == f"it lacks the column {column}"
