"""A metric in each subgroup of the samples: by sex, by site, by camera."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from afield.scoring.intervals import LEVEL, RESAMPLES, Interval, metric_interval
from afield.scoring.metric import Metric
from afield.scoring.predictions import Predictions, select

LEAST = 10
"""samples, and clusters of them, that a subgroup needs before a number is told of it: resamples of fewer clusters miss
the truth far too often (docs/metrics.md)"""
TAIL = 10
"""resamples that an interval needs beyond each limit as it would be of many clusters, so that it is more than the
extreme of a few; of few clusters limits lie farther out (`percentile_interval`), at most where the resamples end"""
MOST = 20_000
"""resamples at most; with more subgroups than they serve, limits are not told"""
NOT_KNOWN = "not known"
"""the subgroup of the samples that have no value"""


def by_subgroup(
    predictions: Predictions,
    values: pd.Series,
    metric: Metric,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """A row a value, in their order: `subgroup`, `n`, `n_clusters`, `value`, `low`, `high`, `why`.

    `values`: of each sample, in the order of the predictions; those without one are the subgroup NOT_KNOWN, the last.
    `metric`: with everything settled (`Metric.on`). All intervals of a table hold together at `level` (Bonferroni over
    the subgroups that have a number), so that the lowest of many is not taken for a finding. `why` tells in words
    why a subgroup has no number: fewer than LEAST samples or clusters, or labels that do not define the metric.

    >>> from afield.scoring.metrics import METRICS
    >>> label = np.arange(40) % 2
    >>> names = np.arange(40).astype(str)
    >>> all_right = Predictions(("a", "b"), names, names, names, label, np.eye(2, dtype=np.float32)[label])
    >>> sites = pd.Series(["north"] * 30 + ["south"] * 9 + [None])
    >>> by_subgroup(all_right, sites, METRICS["accuracy"])[["subgroup", "n", "value", "why"]]
        subgroup   n  value                      why
    0      north  30    1.0
    1      south   9    NaN  fewer than ten samples
    2  not known   1    NaN  fewer than ten samples
    """
    groups = [(name, np.flatnonzero(rows)) for name, rows in _groups(values)]
    parts = [(name, select(predictions, rows)) for name, rows in groups]
    told = sum(not _too_small(part) for _, part in parts)
    each = 1 - (1 - level) / max(told, 1)
    resamples = min(max(resamples, math.ceil(2 * TAIL / (1 - each))), MOST)
    rows = []
    for name, part in parts:
        why, interval = _too_small(part), Interval(math.nan, math.nan, math.nan)
        if not why:
            interval = metric_interval(metric, part, level=each, resamples=resamples, seed=seed)
            exact = metric.name == "accuracy" and len(part.label) == len(np.unique(part.cluster))
            if not exact and (1 - each) / 2 * resamples < TAIL - 1e-6:
                interval = Interval(interval.value, math.nan, math.nan)
            why = "not defined by their labels" if math.isnan(interval.value) else ""
        clusters = len(np.unique(part.cluster))
        rows.append((name, len(part.label), clusters, interval.value, interval.low, interval.high, why))
    return pd.DataFrame(rows, columns=["subgroup", "n", "n_clusters", "value", "low", "high", "why"])


def _groups(values: pd.Series) -> list[tuple[str, pd.Series]]:
    """Each value as text with its samples: numbers by size, text by the alphabet, what is missing or blank last."""
    missing = values.isna() | (values.astype(str).str.strip() == "")
    order = sorted(values[~missing].unique(), key=lambda value: (isinstance(value, str), value))
    groups = [(_text(value), values == value) for value in order]
    return [*groups, (NOT_KNOWN, missing)] if missing.any() else groups


def _text(value: object) -> str:
    """A value as one writes it; whole numbers, which a column with gaps keeps as floats, have no decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _too_small(part: Predictions) -> str:
    if len(part.label) < LEAST:
        return "fewer than ten samples"
    return "fewer than ten clusters" if len(np.unique(part.cluster)) < LEAST else ""
