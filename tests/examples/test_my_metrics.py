"""The example of metrics of one's own: right by hand, and accepted by the check."""

from pathlib import Path

import numpy as np
import pytest

from afield.backbones.weights import Sources
from afield.base.extensions import find_object, load_extension
from afield.scoring.metric import Metric
from afield.scoring.predictions import Predictions
from afield.study.check import check_extension

EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "my_metrics.py"


def value(name: str, said: str, label: str, site: str) -> float:
    """A metric of samples of two classes, a letter each: what is said, what is true, and where it is from."""
    own = find_object(f"my_metrics:{name}", {"my_metrics": load_extension(EXAMPLE)}, Metric)
    names = np.array([f"s{row}" for row in range(len(said))], np.str_)
    logits = np.eye(2, dtype=np.float32)[["ab".index(letter) for letter in said]]
    labels = np.array(["ab".index(letter) for letter in label], np.int64)
    columns = {"site": np.array([letter.strip() for letter in site], np.str_)}
    return own.compute(Predictions(("a", "b"), names, names, names, labels, logits, columns))


def test_the_worst_site_is_the_one_with_the_least_accuracy() -> None:
    assert value("worst_site", "aabb", "abbb", "xxyy") == 0.5
    assert value("worst_site", "aabb", "abba", "xyy ") == 0.5, "who is from nowhere counts for none"
    assert np.isnan(value("worst_site", "ab", "ab", "  "))


def test_what_is_missed_costs_more_than_what_is_feared() -> None:
    assert value("mean_cost", "aabb", "abab", "xxxx") == pytest.approx((10 + 1) / 4)
    assert value("mean_cost", "ab", "ab", "xx") == 0


def test_both_pass_the_check_and_the_cost_cannot_lead() -> None:
    found = {check.name: check for check in check_extension(EXAMPLE, Sources())}
    assert {check.outcome for check in found.values()} == {"ok"}
    assert "for study.metrics alone, it cannot lead (needs site;" in found["my_metrics:worst_site"].words
    assert "it cannot lead (is better when lower" in found["my_metrics:mean_cost"].words
