"""Cut points between grades, chosen on validation, for a network that gives one number a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from afield.scoring.decisions import finite
from afield.scoring.metric import Floats, Metric
from afield.scoring.predictions import Predictions

CANDIDATES = 30
"""places that are compared for a cut point in one round"""
ROUNDS = 10
"""at most; usually two or three change something"""


def grade_offsets(validation: Predictions, leading: Metric) -> npt.NDArray[np.float32]:
    """What to take from the logits of each grade, [grades], so that the leading metric on validation is best.

    The logits are k * r - k * k / 2 of the grades k, r being what the network gave. The cut points begin at the halves.
    Round by round, from the lowest on, each is moved to the best place between its neighbours, until no move makes the
    metric higher. Places are half-way between neighbouring outputs, at most CANDIDATES of them, evenly among the ranks;
    of equal ones the nearest to where the cut point is, of two as near the lower. A cut point that no move improves
    stays.
    """
    logits = finite(validation)
    outputs = np.unique(logits[:, 1].astype(np.float64) + 0.5)
    places = (outputs[1:] + outputs[:-1]) / 2
    cuts = np.arange(1, len(validation.classes)) - 0.5
    best = _value(validation, leading, cuts)
    for _ in range(ROUNDS):
        before = best
        for index in range(len(cuts)):
            options = [_with(cuts, index, place) for place in _candidates(places, cuts, index)]
            values = [_value(validation, leading, option) for option in options]
            highest = max(values, default=best)
            if highest > best:
                best, cuts = highest, options[values.index(highest)]
        if not best > before:
            break
    return _offsets(cuts)


def _candidates(places: Floats, cuts: Floats, index: int) -> list[float]:
    """Places between a cut point's neighbours, the nearest first, of two as near the lower."""
    low = cuts[index - 1] if index > 0 else -np.inf
    high = cuts[index + 1] if index + 1 < len(cuts) else np.inf
    between = places[(places > low) & (places < high)]
    if len(between) > CANDIDATES:
        between = between[np.linspace(0, len(between) - 1, CANDIDATES).round().astype(np.intp)]
    return sorted(between.tolist(), key=lambda place: (abs(place - cuts[index]), place))


def _with(cuts: Floats, index: int, place: float) -> Floats:
    moved = cuts.copy()
    moved[index] = place
    return moved


def _value(validation: Predictions, leading: Metric, cuts: Floats) -> float:
    """The metric with these cut points; the worst there is where the labels do not define it."""
    cut = replace(validation, logits=validation.logits - _offsets(cuts))
    value = leading.on(cut).compute(cut)
    return -np.inf if np.isnan(value) else value


def _offsets(cuts: Floats) -> npt.NDArray[np.float32]:
    """Cut points [grades - 1] as offsets of the logits, 0 of the lowest grade."""
    halves = np.arange(1, len(cuts) + 1) - 0.5
    return np.concatenate([[0.0], np.cumsum(cuts - halves)]).astype(np.float32)
