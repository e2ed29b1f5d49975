import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.scoring.metrics import METRICS
from afield.scoring.reliability import reliability
from afield.scoring.settling import temperature
from tests.scoring.test_metrics import predictions, random_predictions


def sure(probability: float) -> list[float]:
    """Logits of two classes with that probability of the first."""
    return [float(np.log(probability / (1 - probability))), 0.0]


def test_a_table_worked_by_hand() -> None:
    # bins of 1/15: 0.61 and 0.65 lie in 0.6 to 0.667 (one of two right), 0.9 in 0.867 to 0.933 (right)
    table = reliability(predictions([0, 1, 0], [sure(0.61), sure(0.65), sure(0.9)]))
    assert len(table) == 15
    filled = table[table["n"] > 0]
    assert list(filled["n"]) == [2, 1]
    np.testing.assert_allclose(filled["low"], [9 / 15, 13 / 15])
    np.testing.assert_allclose(filled["high"], [10 / 15, 14 / 15])
    np.testing.assert_allclose(filled["confidence"], [0.63, 0.9], rtol=1e-6)
    np.testing.assert_allclose(filled["accuracy"], [0.5, 1])
    assert table.loc[table["n"] == 0, ["confidence", "accuracy"]].isna().all(axis=None)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 200), classes=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_weighted_gap_is_the_calibration_error(seed: int, n: int, classes: int) -> None:
    many = random_predictions(seed, n, classes)
    table = reliability(many)
    gap = np.nansum((table["accuracy"] - table["confidence"]).abs() * table["n"]) / n
    assert gap == pytest.approx(METRICS["calibration_error"].compute(many), abs=1e-12)
    assert table["n"].sum() == n


def test_a_temperature_changes_how_sure_it_is_and_not_how_often_it_is_right() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 2000)
    logits = generator.normal(size=(2000, 3)) + np.eye(3)[labels]
    many = predictions(labels, 4 * logits)  # four times too sure
    before, after = reliability(many), reliability(temperature(many)(many))

    def mean(table, column: str) -> float:
        return float(np.nansum(table[column] * table["n"]) / 2000)

    assert mean(before, "accuracy") == pytest.approx(mean(after, "accuracy"))
    assert mean(before, "confidence") > mean(before, "accuracy") + 0.1
    assert mean(after, "confidence") == pytest.approx(mean(after, "accuracy"), abs=0.03)


def test_no_sample_gives_no_number() -> None:
    table = reliability(predictions(np.zeros(0, np.int64), np.zeros((0, 2))))
    assert table["n"].sum() == 0
    assert table[["confidence", "accuracy"]].isna().all(axis=None)
