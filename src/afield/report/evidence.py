"""The evidence of a task as figures and rows: fit, differences, what pretraining brought, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from afield.analysis.clusters import rests_on
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.ranking.compare import Effect, Ranking, RankRow
from afield.analysis.words import count, digits_of_r
from afield.report import charts, words
from afield.report.figures import Figure, Figures
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.intervals import Interval
from afield.scoring.metrics import direction, in_points

Names = Mapping[str, str]
"""a backbone's id to the name that the page calls it"""


def standing(ranking: Ranking, row: RankRow) -> str:
    """Where a backbone stands against the chosen one: one of charts.STANDINGS."""
    if row.backbone == ranking.winner:
        return "chosen"
    if row.difference is None or not finite(row.difference):
        return "not ranked"
    if row.tied:
        return "ties with it"
    return "behind it" if (row.difference.value < 0) == _higher(ranking.metric) else "better on test"


def transfer_figure(fit: TransferFit, figures: Figures, names: Names, ranking: Ranking, metric: str) -> Figure | None:
    """ImageNet accuracy against the metric; None without a point that can be drawn."""
    points = fit.points.dropna(subset=["imagenet_top1", "value", "low", "high"])
    if points.empty:
        return None
    standings = {row.backbone: standing(ranking, row) for row in ranking.rows}
    points = points.assign(
        name=[names.get(name, name) for name in points["backbone"]],
        standing=[standings.get(name, "not ranked") for name in points["backbone"]],
    )
    certain = fit.verdict != "cannot tell"
    chart = charts.transfer_chart(points, fit.band, metric=metric, certain=certain)
    listed = [
        f"{name} {top1:.1f} against {value:.3f}"
        for name, top1, value in zip(points["name"], points["imagenet_top1"], points["value"], strict=True)
    ]
    line = "" if fit.band.empty else "; the line is the straight fit, its grey band 95\u00a0%"
    line += "" if fit.band.empty or certain else ", dashed as long as it is unsure"
    return figures.add(
        chart,
        name="transfer",
        alt=f"ImageNet top-1 against {metric} on {fit.task}, {len(points)} backbones: {'; '.join(listed)}.",
        reading=f"Bars are 95\u00a0% intervals from {_basis(ranking)}{line}. Further right is better on ImageNet, "
        "further up is better here.",
    )


def point_table(fit: TransferFit, ranking: Ranking, names: Names, metric: str) -> Table:
    """The points of the transfer figure in words."""
    rows = tuple(
        Row(
            names.get(point["backbone"], point["backbone"]),
            point["backbone"],
            "",
            (
                words.number(point["imagenet_top1"], 1),
                words.interval(Interval(point["value"], point["low"], point["high"])),
                str(point["seeds"]),
            ),
        )
        for point in fit.points.to_dict("records")
    )
    caption = (
        f"ImageNet top-1 and {metric}, mean over seeds, 95\u00a0% interval from "
        f"{rests_on(ranking.n_test, ranking.n_clusters)} and the seeds"
    )
    return Table(caption, ("backbone", "ImageNet top-1 (%)", metric, "seeds"), rows)


def fit_in_numbers(fit: TransferFit, metric: str) -> tuple[tuple[str, str], ...]:
    """The fit's figures: what each is, and its interval."""
    told: list[tuple[str, str]] = [("backbones in the fit", str(fit.n))]
    listed: list[tuple[str, Interval | None]] = [
        ("correlation (Pearson r)", fit.pearson_r),
        ("r without the chance of test samples", fit.disattenuated_r),
        (f"slope, {metric} x 100 an ImageNet point", fit.normalised_slope),
        ("slope on logit axes", fit.logit_slope),
        ("r by a bootstrap over backbones", fit.resampled_r),
        ("slope by a bootstrap over backbones", fit.resampled_slope),
    ]
    told += [
        (name, words.interval(value, 2 if "slope" in name else digits_of_r(value.value)))
        for name, value in listed
        if value
    ]
    if fit.critical_r is not None:
        told.append(("|r| needed for p < 0.05", f"{fit.critical_r:.{digits_of_r(fit.critical_r)}f}"))
    told.append(("smallest slope that matters", f"{fit.smallest_slope:g}"))
    if fit.ceiling is not None:
        told.append(("slope of full transfer, so near the ceiling", f"{fit.ceiling:.2f}"))
    told += [("ImageNet accuracies seen", fit.range_note), ("intervals by", fit.method)]
    return tuple((name, text) for name, text in told if text)


def difference_figure(ranking: Ranking, figures: Figures, names: Names) -> Figure | None:
    """Every backbone against the chosen one; None where there is no other."""
    rows = [(row, row.difference) for row in ranking.rows if row.difference and finite(row.difference)]
    if not rows or ranking.winner is None:
        return None
    rows.sort(key=lambda pair: -pair[1].value)
    winner = names[ranking.winner]
    gaps = [gap_of(names[row.backbone], gap, ranking.metric, standing(ranking, row)) for row, gap in rows]
    return interval_figure(
        gaps,
        ranking.metric,
        figures,
        name="differences",
        title=arrows("worse", "better", ranking.metric),
        what=f"Difference to {winner}",
        reading=f"Zero is {winner}, the chosen backbone. An interval that crosses zero is a tie. "
        f"Pairs are taken on the same {rests_on(ranking.n_test, ranking.n_clusters)}, and the intervals allow for the "
        "number of backbones.",
    )


def effect_figure(effects: tuple[Effect, ...], figures: Figures, names: Names, ranking: Ranking) -> Figure | None:
    """Pretrained minus from scratch, a row a backbone; None without such a control."""
    shown = [effect for effect in effects if finite(effect.difference)]
    if not shown:
        return None
    gaps = [
        gap_of(names.get(e.backbone, e.backbone), e.difference.turned(), e.metric, _effect_standing(e)) for e in shown
    ]
    return interval_figure(
        gaps,
        shown[0].metric,
        figures,
        name="pretraining",
        title=arrows("hurts", "helps", shown[0].metric),
        what="Pretrained minus from scratch",
        reading="The same architecture with and without ImageNet weights, each with its own search. "
        f"Intervals from {_basis(ranking)}. Zero: the weights brought nothing.",
    )


def effect_table(effects: tuple[Effect, ...], ranking: Ranking, names: Names, metric: str) -> Table | None:
    """What the effect figure shows, in words; None where there is nothing to show."""
    if not effects:
        return None
    rows = tuple(
        Row(
            names.get(effect.backbone, effect.backbone),
            effect.backbone,
            _effect_standing(effect),
            (
                words.level(effect.baseline_value, effect.metric),
                words.level(effect.value, effect.metric),
                words.difference(effect.difference.turned(), effect.metric),
                str(effect.seeds),
            ),
        )
        for effect in effects
    )
    caption = (
        f"Test {metric} with ImageNet weights and from scratch, in brackets 95\u00a0% intervals from "
        f"{rests_on(ranking.n_test, ranking.n_clusters)} and the seeds; differences in "
        f"{words.difference_unit(ranking.metric)}"
    )
    return Table(caption, ("backbone", "pretrained", "from scratch", "difference", "seeds"), rows)


def cost_figure(ranking: Ranking, figures: Figures, names: Names, metric: str) -> Figure | None:
    """Time of a training against quality; None for fewer than two backbones."""
    rows = [row for row in ranking.rows if row.train_seconds > 0 and finite(row.test)]
    if len(rows) < 2:
        return None
    points = pd.DataFrame(
        {
            "name": [names[row.backbone] for row in rows],
            "train_seconds": [row.train_seconds for row in rows],
            "params_m": [row.params_m for row in rows],
            "value": [row.test.value for row in rows],
            "low": [row.test.low for row in rows],
            "high": [row.test.high for row in rows],
            "standing": [standing(ranking, row) for row in rows],
        }
    )
    listed = [f"{names[row.backbone]} {words.seconds(row.train_seconds)}, {row.test.value:.3f}" for row in rows]
    return figures.add(
        charts.cost_chart(points, metric=metric, higher=_higher(ranking.metric)),
        name="cost",
        alt=f"Time of one training against {metric}: {'; '.join(listed)}.",
        reading=f"Bars are 95\u00a0% intervals from {_basis(ranking)}. "
        f"{'Up' if _higher(ranking.metric) else 'Down'} and left is better. The dotted steps join the backbones that "
        "no other beats in both.",
    )


def _basis(ranking: Ranking) -> str:
    """What makes the intervals of the ranking as wide as they are."""
    images = rests_on(ranking.n_test, ranking.n_clusters)
    return f"{images} and {count(ranking.seeds, 'seed')}" if ranking.seeds > 1 else f"{images} alone (one seed)"


def finite(value: Interval) -> bool:
    """Whether there is a value with limits."""
    return all(math.isfinite(number) for number in (value.value, value.low, value.high))


def gap_of(name: str, value: Interval, metric: str, state: str) -> dict[str, Any]:
    """A difference as a row of `charts.interval_chart`, in what differences of its metric are counted in."""
    scale = 100.0 if in_points(metric) else 1.0
    ends = {"value": value.value * scale, "low": value.low * scale, "high": value.high * scale}
    return {"name": name, **ends, "words": words.difference(value, metric), "standing": state}


def interval_figure(
    gaps: list[dict[str, Any]], metric: str, figures: Figures, *, name: str, title: str, what: str, reading: str
) -> Figure:
    """Rows of `gap_of` around zero; `what` they are, for those who do not see them."""
    unit = words.difference_unit(metric)
    listed = "; ".join(f"{gap['name']} {gap['words']}" for gap in gaps)
    short = "points" if in_points(metric) else unit
    return figures.add(
        charts.interval_chart(pd.DataFrame(gaps), title=f"{title} ({short})", unit=unit),
        name=name,
        alt=f"{what} in {unit}: {listed}.",
        reading=reading,
    )


def _effect_standing(effect: Effect) -> str:
    if not effect.clear:
        return "no clear difference"
    return "pretraining helps" if (effect.difference.value < 0) == _higher(effect.metric) else "pretraining hurts"


def arrows(bad: str, good: str, metric: str) -> str:
    """The axis' title: which side of zero is the good one."""
    left, right = (bad, good) if _higher(metric) else (good, bad)
    return f"\u2190 {left} \u00b7 {right} \u2192"


def _higher(name: str) -> bool:
    return direction(name) == "higher"
