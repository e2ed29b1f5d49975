"""The metrics by name: one number from predictions by scikit-learn, and the same for many resamples at once.

What the labels cannot define (AUROC with one class, anything of no sample) is NaN, never a number that looks fine.
Each metric's definition and source: docs/metrics.md.
"""

from __future__ import annotations

import math
from dataclasses import replace

from afield.base.errors import InputError, nearest
from afield.base.extensions import is_own
from afield.scoring import one_class, rankings, settling, several
from afield.scoring.metric import Direction, Floats, Metric
from afield.scoring.predictions import Predictions


def metric(name: str) -> Metric:
    """The metric of that name; InputError with the nearest names where there is none."""
    if name not in METRICS:
        raise InputError(f"{name}: unknown metric; {nearest(name, METRICS)}")
    return METRICS[name]


def direction(name: str) -> Direction:
    """Whether higher or lower is better; of one's own, which always leads, higher."""
    return "higher" if is_own(name) else metric(name).direction


def in_points(name: str) -> bool:
    """Whether differences of a metric are told in points, a hundredth of its range of 0..1."""
    return name in METRICS and METRICS[name].range == (0, 1)


def metric_title(name: str) -> str:
    """A metric's name as one writes it in a sentence.

    >>> metric_title("macro_f1"), metric_title("balanced_accuracy")
    ('macro F1', 'balanced accuracy')
    """
    return _TITLES.get(name, name.rpartition(":")[2].replace("_", " "))


_TITLES = {
    "accuracy_by_unit": "accuracy of whole units",
    "macro_f1": "macro F1",
    "macro_f1_global": "macro F1 (one threshold)",
    "macro_f1_per_class": "macro F1 (thresholds by class)",
    "macro_f1_by_ratio": "macro F1 (thresholds by label ratio)",
    "auroc": "AUROC",
    "log_loss": "log-loss",
    "log_loss_scaled": "log-loss after temperature scaling",
    "qwk": "quadratic weighted kappa",
    "map_11": "11-point mAP",
    "brier": "Brier score",
    "calibration_error_scaled": "calibration error after temperature scaling",
    "sensitivity_at_90": "sensitivity at a specificity of 0.90",
}


def _macro_f1(predictions: Predictions) -> float:
    return several.macro_f1(predictions) if predictions.several else one_class.macro_f1(predictions)


def _resampled_macro_f1(predictions: Predictions, weights: Floats) -> Floats:
    measure = several.resampled_macro_f1 if predictions.several else one_class.resampled_macro_f1
    return measure(predictions, weights)


def _log_loss(predictions: Predictions) -> float:
    return several.log_loss(predictions) if predictions.several else one_class.log_loss(predictions)


def _resampled_log_loss(predictions: Predictions, weights: Floats) -> Floats:
    measure = several.resampled_log_loss if predictions.several else one_class.resampled_log_loss
    return measure(predictions, weights)


_MACRO_F1 = Metric(name="macro_f1", compute=_macro_f1, range=(0, 1), resampled=_resampled_macro_f1)
_LOG_LOSS = Metric(
    name="log_loss", compute=_log_loss, range=(0, math.inf), direction="lower", resampled=_resampled_log_loss
)
_CALIBRATION_ERROR = Metric(
    name="calibration_error",
    compute=one_class.calibration_error,
    range=(0, 1),
    direction="lower",
    resampled=one_class.resampled_calibration_error,
)

METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        Metric(name="accuracy", compute=one_class.accuracy, range=(0, 1), resampled=one_class.resampled_accuracy),
        Metric(
            name="accuracy_by_unit",
            compute=one_class.accuracy_by_unit,
            range=(0, 1),
            resampled=one_class.resampled_accuracy_by_unit,
            scores="units",
        ),
        Metric(
            name="balanced_accuracy",
            compute=one_class.balanced_accuracy,
            range=(0, 1),
            resampled=one_class.resampled_balanced_accuracy,
        ),
        _MACRO_F1,
        replace(_MACRO_F1, name="macro_f1_global", settle=settling.global_threshold),
        replace(_MACRO_F1, name="macro_f1_per_class", settle=settling.class_thresholds),
        replace(_MACRO_F1, name="macro_f1_by_ratio", settle=settling.ratio_thresholds),
        Metric(name="auroc", compute=rankings.auroc, range=(0, 1), resampled=rankings.resampled_auroc),
        Metric(
            name="sensitivity_at_90",
            compute=one_class.sensitivity,
            range=(0, 1),
            resampled=one_class.resampled_sensitivity,
            settle=settling.operating_point,
        ),
        Metric(
            name="average_precision",
            compute=rankings.average_precision,
            range=(0, 1),
            resampled=rankings.resampled_average_precision,
        ),
        Metric(name="map_11", compute=rankings.map_11, range=(0, 1), resampled=rankings.resampled_map_11),
        Metric(name="qwk", compute=one_class.qwk, range=(-1, 1), resampled=one_class.resampled_qwk),
        _LOG_LOSS,
        replace(_LOG_LOSS, name="log_loss_scaled", settle=settling.temperature),
        Metric(
            name="brier", compute=one_class.brier, range=(0, 2), direction="lower", resampled=one_class.resampled_brier
        ),
        _CALIBRATION_ERROR,
        replace(_CALIBRATION_ERROR, name="calibration_error_scaled", settle=settling.temperature),
    )
}
