import pytest

from afield.scoring.metrics import METRICS
from afield.scoring.panel import fitting


def test_kappa_needs_an_order_and_the_rest_fits_every_single_label() -> None:
    several = {"map_11", "macro_f1_global", "macro_f1_per_class", "macro_f1_by_ratio"}
    assert set(METRICS) - set(fitting(5)) == {"qwk", "sensitivity_at_90", "accuracy_by_unit", *several}
    assert set(fitting(5, ordinal=True)) - set(fitting(5)) == {"qwk"}
    assert set(fitting(2)) - set(fitting(10)) == {"sensitivity_at_90"}


def test_several_labels_have_metrics_that_look_at_each_label() -> None:
    assert fitting(28, multi_label=True) == fitting(1, multi_label=True)
    assert set(fitting(28, multi_label=True)) < set(METRICS)
    assert "accuracy" not in fitting(28, multi_label=True)


@pytest.mark.parametrize("words", [{"classes": 1}, {"classes": 0, "multi_label": True}])
def test_what_is_no_task_is_refused(words: dict) -> None:
    with pytest.raises(ValueError, match="no task"):
        fitting(**words)
    with pytest.raises(ValueError, match="no task"):
        fitting(3, ordinal=True, multi_label=True)
