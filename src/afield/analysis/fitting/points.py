"""From a results table to a point a backbone: ImageNet accuracy, the metric, and how uncertain that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from afield.analysis.fitting.ceiling import ceiling_of
from afield.analysis.fitting.observations import Observations
from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats

LEADING = {"split": ("test",), "view": ("plain",), "kind": ("single", "fold")}
"""of the columns that say what was scored the values that lead; all else stands beside them and is never fitted, the
winners of races among it: the backbones that dropped out would be missing"""
FROM_PRETRAINED = ("pretrained", "probe")
"""initialisations whose bodies start from pretrained weights; the head of one from a `probe` does too, in a way: it was
fitted on that body's features (docs/decisions/0010)"""


def has_points(metric: str, own_range: tuple[float, float] | None = None) -> bool:
    """Whether a hundredth of the metric is a point that verdicts can read: of all that come with afield, and of one's
    own where its range, as far as it is known, lies within -1..1.

    >>> has_points("accuracy"), has_points("my_lab:euros", (0, 1000)), has_points("my_lab:f2", (0, 1))
    (True, False, True)
    """
    return not is_own(metric) or (own_range is not None and min(own_range) >= -1 and max(own_range) <= 1)


def leading_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Those of single networks on test, shown plainly, as far as the table says what was scored."""
    for column, leading in LEADING.items():
        if column in results:
            results = results[results[column].isin(leading)]
    return results


def rows_to_fit(results: pd.DataFrame, intervention: str) -> pd.DataFrame:
    """The leading rows of pretrained backbones under an intervention, of metrics that are better when higher. All of a
    task have one initialisation, for a line through two would tell of both at once.

    Raises InputError where a (task, metric, backbone, seed) stands twice, a task has two initialisations from
    pretrained weights, a backbone has two ImageNet accuracies, or a direction is neither "higher" nor "lower".
    """
    for direction in results["direction"].unique():
        if direction not in ("higher", "lower"):
            raise InputError(f'results table: direction {direction} is unknown; it is "higher" or "lower"')
    results = leading_rows(results)
    rows = results[
        (results["intervention"] == intervention)
        & results["initialisation"].isin(FROM_PRETRAINED)
        & (results["direction"] == "higher")
    ]
    for task, starts in rows.groupby("task", sort=False)["initialisation"]:
        if starts.nunique() > 1:
            raise InputError(
                f"results table: {task} under {intervention}: some networks start from pretrained weights with a new "
                "head, some with a probed one (initialisation pretrained and probe), and one line must not mix them; "
                "give each of the two an intervention of its own"
            )
    place = ["task", "metric", "backbone", "seed"]
    twice = rows[rows.duplicated(place)]
    if len(twice):
        raise InputError(
            f"results table: two rows for {', '.join(str(part) for part in twice[place].iloc[0])} "
            f"under {intervention}; keep one a task, metric, backbone and seed"
        )
    accuracies = rows.groupby("backbone")["imagenet_top1"].nunique()
    for backbone in accuracies.index[accuracies > 1]:
        raise InputError(f"results table: {backbone} has several values of imagenet_top1; keep one a backbone")
    return rows


def points_of(rows: pd.DataFrame, covariance: pd.DataFrame | None) -> tuple[pd.DataFrame, Floats, list[str]]:
    """A row a backbone by ImageNet accuracy (columns: TransferFit.points); the covariance of the values' errors; and
    the backbones left out for want of a number.

    A value is the mean over seeds, and no number where one seed has none. `covariance`, by backbone, counts where it is
    complete; else the errors are those that the table tells of.
    """
    points = (
        rows.assign(sampling=((rows["high"] - rows["low"]) / (2 * _reach(rows))) ** 2)
        .groupby("backbone", sort=True)
        .agg(
            family=("family", "first"),
            imagenet_top1=("imagenet_top1", "first"),
            value=("value", "mean"),
            low=("low", "mean"),
            high=("high", "mean"),
            seeds=("seed", "size"),  # published tables may not say which
            sampling=("sampling", "mean"),
            known=("value", "count"),
            variance=("value", "var"),
        )
        .assign(
            value=lambda each: each["value"].where(each["known"] == each["seeds"]),
            within=lambda each: each["variance"].fillna(0.0) * (each["known"] - 1).clip(lower=0),
        )
        .reset_index()
        .sort_values(["imagenet_top1", "backbone"], ignore_index=True)
    )
    known = np.isfinite(points[["imagenet_top1", "value"]].to_numpy(np.float64)).all(axis=1)
    lacking = [str(name) for name in points["backbone"][~known]]
    points = points[known].reset_index(drop=True)
    names = points["backbone"]
    known_errors = np.diag(_variances(points))
    if covariance is not None:
        given = covariance.reindex(index=names, columns=names).to_numpy(np.float64)
        known_errors = given if np.isfinite(given).all() else known_errors
    points = points.assign(error=np.sqrt(np.diag(known_errors))).drop(
        columns=["sampling", "within", "known", "variance"]
    )
    return points, known_errors, lacking


def _reach(rows: pd.DataFrame) -> Floats:
    """Standard errors from a value to a limit of its interval, [rows]: Student's of as many clusters as the table tells
    of (`scoring.intervals.percentile_interval`), else the normal one.
    """
    tail = (1 - LEVEL) / 2
    clusters = rows["n_clusters"].to_numpy(np.float64) if "n_clusters" in rows else np.full(len(rows), np.nan)
    several = clusters > 1
    reach: Floats = np.where(several, t.isf(tail, np.where(several, clusters - 1, 1.0)), norm.isf(tail))
    return reach


def _variances(points: pd.DataFrame) -> Floats:
    """Variance of each value, from its interval in the table and from its seeds.

    The part of the test samples is not divided by the seeds, which share them. That of the seeds is pooled over the
    backbones; it is 0 with one seed each. An interval that the table lacks is taken as wide as the widest. Errors of
    two backbones count as independent: what the test samples do to both alike moves no slope, so this is rather too
    much than too little.
    """
    sampling = points["sampling"].fillna(points["sampling"].max()).fillna(0.0).to_numpy(np.float64)
    seeds = points["seeds"].to_numpy(np.float64)
    between = points["within"].sum() / max(seeds.sum() - len(seeds), 1)
    result: Floats = sampling + between / seeds
    return result


def groups_of(points: pd.DataFrame) -> pd.Series:
    """Each point's family; where that is unknown, its own name."""
    return points["family"].where(points["family"] != "", points["backbone"]).astype(str)


def observations_of(points: pd.DataFrame, errors: Floats, clusters: float, smallest_slope: float) -> Observations:
    """Points (columns backbone, family, imagenet_top1, value) with the covariance of the values' errors, and from how
    many clusters of test samples that is known. That smallest slope of interest tells whether they are near a
    ceiling.
    """
    return Observations(
        points["imagenet_top1"].to_numpy(np.float64),
        points["value"].to_numpy(np.float64),
        errors,
        families=groups_of(points).to_numpy(np.str_),
        clusters=clusters,
        ceiling=ceiling_of(points, smallest_slope),
    )


def carrier(points: pd.DataFrame) -> str | None:
    """The backbone at an end of the ImageNet range without which the range would be less than half."""
    x = points["imagenet_top1"].to_numpy(np.float64)
    if len(x) < 3:
        return None
    remaining, place = min((x[-1] - x[1], 0), (x[-2] - x[0], -1))
    return str(points["backbone"].iloc[place]) if remaining < (x[-1] - x[0]) / 2 else None


def range_note(points: pd.DataFrame) -> str:
    """The range of ImageNet accuracies in words."""
    if points.empty:
        return "No backbone has both numbers."
    x, one = points["imagenet_top1"], carrier(points)
    note = f"ImageNet accuracy from {x.min():.1f} to {x.max():.1f} %, a range of {x.max() - x.min():.1f} points"
    if one is None:
        return f"{note}."
    rest = x[points["backbone"] != one]
    return f"{note}; without {one} it would be {rest.max() - rest.min():.1f}."
