"""Which metrics fit which task."""

from __future__ import annotations

from afield.scoring.metrics import METRICS


def fitting(classes: int, *, ordinal: bool = False, multi_label: bool = False) -> tuple[str, ...]:
    """Names of all metrics that fit a task; `classes` counts its classes, or labels where a sample may have several.

    ValueError for fewer than two classes (one label), or for classes in an order where a sample has several.
    Kappa needs classes in an order; AUROC, average precision and mAP look at each label for itself, so that they and
    macro F1 fit several labels a sample too. The 11-point mAP, a convention of VOC2007, is named for these alone.

    >>> fitting(28, multi_label=True)
    ('macro_f1', 'auroc', 'average_precision', 'map_11')
    >>> "qwk" in fitting(5, ordinal=True), "qwk" in fitting(5)
    (True, False)
    """
    least = 1 if multi_label else 2
    if classes < least or (ordinal and multi_label):
        raise ValueError(f"no task: {classes} classes, {ordinal=}, {multi_label=}")
    if multi_label:
        return ("macro_f1", "auroc", "average_precision", "map_11")
    return tuple(name for name in METRICS if name != "map_11" and (ordinal or name != "qwk"))
