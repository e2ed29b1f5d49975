"""Which metrics fit which task."""

from __future__ import annotations

_ONE_CLASS = (
    "accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "log_loss", "log_loss_scaled", "brier",
    "calibration_error", "calibration_error_scaled",
)  # fmt: skip
_SEVERAL = (
    "macro_f1", "macro_f1_global", "macro_f1_per_class", "macro_f1_by_ratio", "auroc", "average_precision", "map_11",
    "log_loss",
)  # fmt: skip

_RANKINGS = ("auroc", "average_precision")
MANY = 50
"""classes; at 397 of them and 20,000 images 2,000 resamples of AUROC take minutes for each network"""


def fitting(classes: int, *, ordinal: bool = False, multi_label: bool = False) -> tuple[str, ...]:
    """Names of all metrics that fit a task; `classes` counts its classes, or labels where a sample may have several.

    ValueError for fewer than two classes (one label), or for classes in an order where a sample has several.
    AUROC and average precision, whose resamples take time with each class, are left out above MANY classes.
    Kappa needs classes in an order, sensitivity at a specificity two of them. The 11-point mAP, a convention of
    VOC2007, and thresholds are for several labels alone.

    >>> fitting(28, multi_label=True)[:4]
    ('macro_f1', 'macro_f1_global', 'macro_f1_per_class', 'macro_f1_by_ratio')
    >>> "qwk" in fitting(5, ordinal=True), "qwk" in fitting(5)
    (True, False)
    """
    least = 1 if multi_label else 2
    if classes < least or (ordinal and multi_label):
        raise ValueError(f"no task: {classes} classes, {ordinal=}, {multi_label=}")
    if multi_label:
        return _SEVERAL
    every = _ONE_CLASS if classes <= MANY else tuple(name for name in _ONE_CLASS if name not in _RANKINGS)
    return (*every, *(("qwk",) if ordinal else ()), *(("sensitivity_at_90",) if classes == 2 else ()))
