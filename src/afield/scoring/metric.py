"""What a metric is: a plain typed object. A built-in metric and a user's own are the same thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.scoring.predictions import Predictions

Direction = Literal["higher", "lower"]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Settled = Callable[[Predictions], Predictions]
"""what was chosen on validation (thresholds, a temperature), put into the logits of any predictions"""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured of predictions."""

    name: str = ""
    """of one's own, in an extension: left out, since its reference (`my_lab:worst_site`) is its name"""
    compute: Callable[[Predictions], float]
    """the metric of predictions, in float64"""
    range: tuple[float, float]
    """least and greatest possible value"""
    direction: Direction = "higher"
    """whether higher or lower is better"""
    resampled: Callable[[Predictions, Floats], Floats] | None = None
    """the metric under sample weights [resamples, n], shape [resamples]; None: `compute` on repeated samples serves"""
    settle: Callable[[Predictions], Settled] | None = None
    """what is chosen on validation before anything is measured (`on`); None: nothing is"""
    scores: Literal["samples", "units"] = "samples"
    """what it is a mean over: samples, or units of several (sequences, examinations)"""
    needs: tuple[str, ...] = ()
    """columns of the samples without which it has no value: `unit` and `cluster`, and of one's own that stands beside
    others any column, which `Predictions.columns` then holds"""

    def on(self, validation: Predictions) -> Metric:
        """The metric with everything settled on the validation predictions of the network that is measured; itself
        where it settles nothing.
        """
        if self.settle is None:
            return self
        settled, plain, many = self.settle(validation), self.compute, self.resampled

        def compute(predictions: Predictions) -> float:
            return plain(settled(predictions))

        def resampled(predictions: Predictions, weights: Floats) -> Floats:
            assert many is not None
            return many(settled(predictions), weights)

        return replace(self, compute=compute, resampled=resampled if many else None, settle=None)

    def settled_by(self, validation: Predictions) -> Settled:
        """What it settles on those predictions, to be put into others of the same network; nothing where it settles
        nothing.
        """
        return (lambda predictions: predictions) if self.settle is None else self.settle(validation)


def check_made(metric: Metric) -> None:
    """Raise InputError for a metric, by its name, of which a part is none of the kind that it must be: nobody checks
    the types of what a user writes.
    """
    span, needs = metric.range, metric.needs
    wrong = {
        "compute: must be a function of predictions": not callable(metric.compute),
        "range: must be two numbers, the least and the greatest value": not _is_span(span),
        'direction: must be "higher" or "lower"': not _is_one(metric.direction, "higher", "lower"),
        "resampled: must be a function of predictions and weights, or None": not _callable_or_none(metric.resampled),
        "settle: must be a function of predictions, or None": not _callable_or_none(metric.settle),
        'scores: must be "samples" or "units"': not _is_one(metric.scores, "samples", "units"),
        'needs: must be names of columns, such as ("site",)': not (
            isinstance(needs, tuple | list) and all(isinstance(name, str) and name for name in needs)
        ),
    }
    found = next((words for words, is_so in wrong.items() if is_so), None)
    if found is not None:
        raise InputError(f"{metric.name}: {found}")


def _is_span(span: object) -> bool:
    if not (isinstance(span, tuple | list) and len(span) == 2):
        return False
    return all(isinstance(end, Real) and not isinstance(end, bool) for end in span) and float(span[0]) < float(span[1])


def _is_one(given: object, *of: str) -> bool:
    return isinstance(given, str) and given in of


def _callable_or_none(given: object) -> bool:
    return given is None or callable(given)


_SLACK = 1e-9
"""how far rounding may carry a mean out of its range"""


def guarded(metric: Metric) -> Metric:
    """One's own metric, which raises InputError where what it gives is no number of its range. NaN passes: it says that
    the labels do not define the metric.
    """
    plain, many = metric.compute, metric.resampled

    def compute(predictions: Predictions) -> float:
        value = plain(predictions)
        if not isinstance(value, Real):
            raise InputError(f"{metric.name}: gives {value!r}; {_wanted(metric)}")
        _check_range(metric, np.array([float(value)]))
        return float(value)

    def resampled(predictions: Predictions, weights: Floats) -> Floats:
        assert many is not None
        values = np.asarray(many(predictions, weights), np.float64)
        if values.shape != (len(weights),):
            raise InputError(
                f"{metric.name}: resampled gives an array of shape {values.shape}; must give a number a resample, "
                f"({len(weights)},)"
            )
        _check_range(metric, values)
        return values

    return replace(metric, compute=compute, resampled=resampled if many else None)


def _check_range(metric: Metric, values: Floats) -> None:
    least, greatest = metric.range
    outside = values[(values < least - _SLACK) | (values > greatest + _SLACK)]
    if len(outside):
        raise InputError(f"{metric.name}: gives {float(outside[0])!r}; {_wanted(metric)}")


def _wanted(metric: Metric) -> str:
    least, greatest = metric.range
    return f"must give a number between {least:g} and {greatest:g}, its range"
