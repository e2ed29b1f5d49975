"""Cut points by hand and against a search of all places; what stays, and how ties go."""

from itertools import combinations

import numpy as np
import pytest

from afield.scoring.cut_points import grade_offsets
from afield.scoring.decisions import most_likely
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.training.grades import cut_points


def said(outputs: list[float], grades: list[int], classes: int) -> Predictions:
    """Predictions of a network that gave one number a sample."""
    r, k = np.array(outputs, np.float32)[:, None], np.arange(classes, dtype=np.float32)
    names = np.array([str(i) for i in range(len(outputs))])
    titles = tuple(map(str, range(classes)))
    return Predictions(titles, names, names, names, np.array(grades), (r * k - k * k / 2).astype(np.float32))


def cut(predictions: Predictions, metric: str = "qwk") -> tuple[list[float], list[int]]:
    """Cut points, and what is then said."""
    offsets = grade_offsets(predictions, METRICS[metric])
    shifted = Predictions(**{**vars(predictions), "logits": predictions.logits - offsets})
    return cut_points(offsets), most_likely(shifted).tolist()


def test_at_the_halves_the_nearest_grade_is_said() -> None:
    outputs = [-0.7, 0.49, 0.51, 1.49, 1.51, 9.0]
    predictions = said(outputs, [0, 0, 1, 1, 2, 2], 3)
    assert most_likely(predictions).tolist() == [0, 0, 1, 1, 2, 2]
    assert cut(predictions) == ([0.5, 1.5], [0, 0, 1, 1, 2, 2])  # nothing is better, so they stay


def test_a_network_that_shrinks_its_grades_is_cut_where_they_part() -> None:
    outputs = [0.3, 0.35, 0.6, 0.65, 0.9, 1.0]
    points, decided = cut(said(outputs, [0, 0, 1, 1, 2, 2], 3), "accuracy")
    assert decided == [0, 0, 1, 1, 2, 2]
    assert points == pytest.approx([0.5, 0.775], abs=1e-6)  # the first was right where it stood


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_one_move_reaches_is_better(seed: int) -> None:
    """Against all pairs of places: never better than the best of them, and never worse than the halves."""
    generator = np.random.default_rng(seed)
    grades = np.arange(24) % 3
    outputs = (grades * 0.4 + generator.normal(scale=0.25, size=24)).tolist()
    predictions = said(outputs, grades.tolist(), 3)
    ordered = np.sort(outputs)
    places = (ordered[1:] + ordered[:-1]) / 2

    def accuracy(cuts: tuple[float, float]) -> float:
        return float(np.mean(np.searchsorted(np.array(cuts), outputs) == grades))

    found = tuple(cut(predictions, "accuracy")[0])
    assert len(found) == 2
    best = max(accuracy(pair) for pair in combinations(places, 2))
    assert accuracy((0.5, 1.5)) <= accuracy(found) <= best
    moves = [(place, found[1]) for place in places if place < found[1]]
    moves += [(found[0], place) for place in places if place > found[0]]
    assert max(accuracy(move) for move in moves) <= accuracy(found)


def test_of_equal_places_the_nearest_is_taken() -> None:
    """A cut anywhere between 0.6 and 1.4 parts the grades equally well: the place there is half-way."""
    assert cut(said([0.55, 0.6, 1.4, 1.5], [0, 0, 1, 1], 2), "accuracy")[0] == pytest.approx([1.0])


def test_where_the_metric_is_not_defined_nothing_moves() -> None:
    assert cut(said([0.1, 2.0], [1, 1], 3), "auroc")[0] == [0.5, 1.5]
