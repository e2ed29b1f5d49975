"""How often a network is right where it is so sure: the reliability curve behind the calibration error."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afield.scoring.one_class import BINS, confidence_gaps
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import ratio


def reliability(predictions: Predictions) -> pd.DataFrame:
    """A row a bin of confidence, in order: `low`, `high` (its edges), `n`, `confidence` and `accuracy` (means over its
    samples, NaN in an empty bin).

    The bins are those of `one_class.calibration_error` (Guo et al. 2017, section 2): the error is the mean of
    |accuracy - confidence| over bins, weighted by `n`. For one class a sample. AfieldError where a logit is NaN or
    infinite.
    """
    bins, gap = confidence_gaps(predictions)  # confidence - 1 where it is right, else confidence
    right = (gap <= 0).astype(np.float64)
    n, confident, hits = (
        np.bincount(bins, each, minlength=BINS).astype(np.float64) for each in (np.ones_like(gap), gap + right, right)
    )
    edges = np.linspace(0, 1, BINS + 1)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "n": n.astype(np.int64),
            "confidence": ratio(confident, n),
            "accuracy": ratio(hits, n),
        }
    )
