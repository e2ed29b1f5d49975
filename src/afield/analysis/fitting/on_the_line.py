"""Accuracy on the line: does better at home mean better elsewhere, and who does better there than that explains?

Miller et al. 2021 (arXiv 2107.04649): over networks the accuracy on another distribution lies close to a line of that
on the usual test split, between probits. What a backbone reaches beyond the line is its effective robustness (Taori et
al. 2020, arXiv 2007.00644), here against the line of the *other* backbones, so that none pulls it to itself, with the
interval of a prediction (Student's t with n - 3 degrees of freedom). Scatter of both sides is in the scatter around the
line; that the usual split is drawn too flattens the line a little, as any least-squares line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from afield.analysis.fitting.fits import line_intervals, no_line, scatter_around, weights_at
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import FROM_PRETRAINED
from afield.analysis.student import holm
from afield.analysis.words import capital, count, listing, signed
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import in_points, metric_title

HOME = "test"
_FEWEST = 5
"""backbones: the line of the four others leaves two degrees of freedom"""


@dataclass(frozen=True)
class OnTheLine:
    """A task's backbones on the usual test split and on another one."""

    task: str
    metric: str
    split: str
    """the other one"""
    points: pd.DataFrame
    """a row a backbone: backbone, home, there (the metric, mean over seeds), expected (by the others' line), low,
    high (95 % limits of that prediction), robustness, robustness_low, robustness_high (there less expected,
    points), p, p_holm"""
    pearson_r: Interval
    slope: Interval
    """both between probits"""
    words: str


def on_the_line(
    results: pd.DataFrame, metrics: Mapping[str, str], *, intervention: str = "plain"
) -> tuple[OnTheLine, ...]:
    """Each task and further test split on which five pretrained backbones or more were scored, too.

    `results`: the results table with the rows of further splits; `metrics`: of each task the metric, of 0..1 and better
    when higher; tasks with another one have no line here, and neither have splits on which a backbone reaches 0 or 1,
    whose probit is infinite.
    """
    rows = results[
        (results["view"] == "plain")
        & results["kind"].isin(("single", "fold"))
        & (results["intervention"] == intervention)
        & results["initialisation"].isin(FROM_PRETRAINED)
        & (results["direction"] == "higher")
        & (results["metric"] == results["task"].map(metrics))
    ]
    found = []
    for task, of_task in rows.groupby("task", sort=False):
        metric = metrics[str(task)]
        if not in_points(metric):
            continue
        means = of_task.groupby(["backbone", "split"], sort=False)["value"].agg(lambda each: each.mean(skipna=False))
        table = means.unstack()
        for split in [each for each in dict.fromkeys(of_task["split"]) if each != HOME and HOME in table]:
            both = table[[HOME, split]].dropna()
            if len(both) >= _FEWEST and both.gt(0).all(axis=None) and both.lt(1).all(axis=None):
                one = _one(str(task), metric, str(split), both)
                found += [] if one is None else [one]
    return tuple(found)


def _one(task: str, metric: str, split: str, both: pd.DataFrame) -> OnTheLine | None:
    home, there = (both[name].to_numpy(np.float64) for name in (HOME, split))
    x, y = norm.ppf(home), norm.ppf(there)
    if no_line(x, y, metric_title(metric)):
        return None
    r, slope = line_intervals(Observations(x, y, np.zeros((len(x), len(x)))), LEVEL)
    predicted, reach, p = np.array([_of_others(x, y, place) for place in range(len(x))]).T
    expected, low, high = (norm.cdf(each) for each in (predicted, predicted - reach, predicted + reach))
    points = pd.DataFrame(
        {
            "backbone": list(both.index),
            "home": home,
            "there": there,
            "expected": expected,
            "low": low,
            "high": high,
            "robustness": 100 * (there - expected),
            "robustness_low": 100 * (there - high),
            "robustness_high": 100 * (there - low),
            "p": p,
            "p_holm": holm(p),
        }
    )
    return OnTheLine(task, metric, split, points, r, slope, _words(metric, split, points, r, slope))


def _of_others(x: Floats, y: Floats, place: int) -> tuple[float, float, float]:
    """What the line of all others expects of a point, how far its 95 % limits reach, and p of what it is; probits."""
    others_x, others_y = np.delete(x, place), np.delete(y, place)
    weights, m = weights_at(others_x, x[place]), len(others_x)
    predicted = float(weights @ others_y)
    error = float(np.sqrt(scatter_around(others_x, others_y) * (1 + weights @ weights)))
    p = 2 * float(t.sf(abs(y[place] - predicted) / error, m - 2)) if error > 0 else np.nan
    return predicted, float(t.isf((1 - LEVEL) / 2, m - 2)) * error, p


def _words(metric: str, split: str, points: pd.DataFrame, r: Interval, slope: Interval) -> str:
    gap = 100 * float((points["there"] - points["home"]).mean())
    head = (
        f"{capital(count(len(points), 'backbone'))}: {metric_title(metric)} on {split} is {signed(gap)} points from "
        f"that on {HOME} on average. Between probits r = {r.value:.2f} ({r.low:.2f} to {r.high:.2f}), slope "
        f"{slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f})."
    )
    far = points[points["p_holm"] < 1 - LEVEL]
    if far.empty:
        return f"{head} Nobody does clearly better or worse there than its {metric_title(metric)} on {HOME} explains."
    told = listing([f"{row['backbone']} ({signed(row['robustness'])})" for row in far.to_dict("records")])
    return f"{head} Better or worse there than its {metric_title(metric)} on {HOME} explains, in points: {told}."
