"""The metrics of one network."""

from pathlib import Path

import numpy as np
import pytest

from afield.scoring.intervals import RESAMPLES, bootstrap_weights, resampled_values
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions, select
from afield.study.folder.sealed import write_parquet
from afield.study.measured import keep_measured, measured, measured_all, read_measured, source_of
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.scoring.test_metrics import random_predictions


@pytest.mark.parametrize("samples", [0, 1, 40])
def test_metrics_together_are_each_alone(samples: int) -> None:
    """They share their resamples, which each draws alike."""
    validation, test = random_predictions(1, 40, 3), select(random_predictions(2, 40, 3), np.arange(samples))
    alone = {name: measured(METRICS[name], validation, test) for name in ("accuracy", "macro_f1", "log_loss_scaled")}
    together = measured_all({name: METRICS[name] for name in alone}, validation, test)
    assert repr(together) == repr(alone), "NaN is not equal to itself"


def test_a_leading_metric_of_one_s_own_is_computed_once_a_resample(tmp_path: Path) -> None:
    """Its code may take its time; what is kept is what it would be alone."""
    calls = []

    def share(predictions: Predictions) -> float:
        calls.append(1)
        return float(np.mean(predictions.label == 0))

    own = Metric(name="lab:share", compute=share, range=(0, 1), direction="lower")
    validation, test = random_predictions(1, 20, 3), random_predictions(2, 20, 3)
    alone = measured(own, validation, test)
    calls.clear()
    store = Store.create(tmp_path / "out")
    frame = validation.to_frame(key="k", split="validation", view="plain")
    write_parquet(store.trial_folder("k") / "predictions.parquet", frame)
    store.scores.write("k", TEST, test)
    keep_measured(store, "k", test.classes, ["lab:share", "accuracy"], own)
    assert len(calls) == RESAMPLES + 2, "on test and on validation beside"
    kept = read_measured(store.scores.folder("k") / "metrics.json", source_of(store, "k", TEST))
    assert kept["lab:share"] == alone
    assert kept["accuracy"].n == 20
    expected = resampled_values(own, test, bootstrap_weights(test.cluster))
    np.testing.assert_array_equal(store.scores.resampled("k"), expected)
