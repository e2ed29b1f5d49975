"""The metrics of one network."""

import numpy as np
import pytest

from afield.scoring.metrics import METRICS
from afield.scoring.predictions import select
from afield.study.measured import measured, measured_all
from tests.scoring.test_metrics import random_predictions


@pytest.mark.parametrize("samples", [0, 1, 40])
def test_metrics_together_are_each_alone(samples: int) -> None:
    """They share their resamples, which each draws alike."""
    validation, test = random_predictions(1, 40, 3), select(random_predictions(2, 40, 3), np.arange(samples))
    alone = {name: measured(METRICS[name], validation, test) for name in ("accuracy", "macro_f1", "log_loss_scaled")}
    together = measured_all({name: METRICS[name] for name in alone}, validation, test)
    assert repr(together) == repr(alone), "NaN is not equal to itself"
