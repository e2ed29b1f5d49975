"""Two metrics of one's own: how well the worst site is served, and what the errors cost."""

import numpy as np

from afield import Metric, Predictions

MISSED, FALSE_ALARM = 10.0, 1.0
"""what it costs to take an image of the second class for another, and another for the second"""


def worst_site_accuracy(predictions: Predictions) -> float:
    """Accuracy of whatever site has the least of it; images whose site nobody wrote down count for none."""
    right = predictions.logits.argmax(axis=1) == predictions.label
    site = predictions.columns["site"]
    return min((float(right[site == name].mean()) for name in np.unique(site[site != ""])), default=float("nan"))


def cost(predictions: Predictions) -> float:
    """Mean cost of an image."""
    if not len(predictions.label):
        return float("nan")
    said, is_second = predictions.logits.argmax(axis=1) == 1, predictions.label == 1
    return float(np.mean(MISSED * (is_second & ~said) + FALSE_ALARM * (said & ~is_second)))


worst_site = Metric(compute=worst_site_accuracy, range=(0, 1), needs=("site",))
mean_cost = Metric(compute=cost, range=(0, MISSED), direction="lower")
