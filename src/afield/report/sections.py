"""What stands in the page, section by section: the record and the answer as text and figures. A section without data is None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from afield.analysis.answer import Answer, TaskAnswer
from afield.analysis.compare import Effect, Ranking, RankRow
from afield.analysis.transfer import TransferFit
from afield.report import charts, words
from afield.report.figures import Figure, Figures
from afield.report.pictures import data_uri
from afield.report.rows import Row
from afield.report.searches import SearchSection, recipe_words, search_sections
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title
from afield.study.record import SearchRecord, StudyRecord, TaskRecord
from afield.study.study import PLAIN

VERDICTS = {
    "transfers": ("ImageNet accuracy tells here", "yes"),
    "weakly": ("ImageNet accuracy tells a little here", "some"),
    "does not": ("ImageNet accuracy does not tell here", "no"),
    "cannot tell": ("This study cannot tell yet", "open"),
}
"""the headline of each verdict, and the look of its badge"""


@dataclass(frozen=True)
class Gallery:
    """Pictures of one class, as `data:` addresses."""

    label: str
    pictures: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class TaskSection:
    """Everything that the page says of one task."""

    id: str
    record: TaskRecord
    answer: TaskAnswer
    metric: str
    unit: str
    headline: str
    badge: str
    transfer: Figure | None
    points: tuple[Row, ...]
    numbers: tuple[tuple[str, str], ...]
    """the fit in figures: what it is, and its interval"""
    backbones: tuple[Row, ...]
    tested: str
    differences: Figure | None
    effects: Figure | None
    effect_rows: tuple[Row, ...]
    cost: Figure | None
    searches: tuple[SearchSection, ...]
    galleries: tuple[Gallery, ...]
    counts: tuple[Row, ...]
    card: tuple[tuple[str, str], ...]


def task_sections(record: StudyRecord, found: Answer, figures: Figures) -> tuple[TaskSection, ...]:
    """The tasks in the study's order; their charts go into `figures`."""
    known = [*record.study.study.backbones, *(row.backbone for part in found.tasks for row in part.ranking.rows)]
    names = words.short_names(known)
    return tuple(_task_section(record, part, figures, names, f"task-{place}") for place, part in enumerate(found.tasks, start=1))


def _task_section(record: StudyRecord, part: TaskAnswer, figures: Figures, names: Mapping[str, str], place: str) -> TaskSection:
    task, ranking = record.task(part.task), part.ranking
    metric = metric_title(ranking.metric)
    standings = {row.backbone: standing(ranking, row) for row in ranking.rows}
    headline, badge = VERDICTS[part.fit.verdict if part.fit else "cannot tell"]
    searches = {search.backbone: search for search in record.searches if (search.task, search.intervention) == (task.name, PLAIN)}
    return TaskSection(
        id=place,
        record=task,
        answer=part,
        metric=metric,
        unit=words.difference_unit(ranking.metric),
        headline=headline,
        badge=badge,
        transfer=_transfer(part.fit, figures, names, standings, metric) if part.fit else None,
        points=_point_rows(part.fit, names) if part.fit else (),
        numbers=_numbers(part.fit, metric) if part.fit else (),
        backbones=tuple(_backbone_row(row, ranking, names, searches.get(row.backbone)) for row in ranking.rows),
        tested=_tested(ranking),
        differences=_differences(ranking, figures, names),
        effects=_effects(part.effects, figures, names, ranking.metric),
        effect_rows=tuple(_effect_row(effect, names) for effect in part.effects),
        cost=_cost(ranking, figures, names, metric),
        searches=search_sections(record, task.name, metric, figures, names),
        galleries=tuple(
            Gallery(label, tuple(data_uri(picture) for picture in pictures), max((picture.shape[1] for picture in pictures), default=0))
            for label, pictures in task.pictures.items()
        ),
        counts=tuple(
            Row(split, split, "", (*(f"{counts.get(label, 0):,}" for label in task.classes), f"{sum(counts.values()):,}"))
            for split, counts in task.counts.items()
        ),
        card=_card(task),
    )


def standing(ranking: Ranking, row: RankRow) -> str:
    """Where a backbone stands against the chosen one: one of charts.STANDINGS."""
    if row.backbone == ranking.winner:
        return "chosen"
    if row.difference is None:
        return "not ranked"
    if row.tied:
        return "ties with it"
    return "behind it" if row.difference.value < 0 else "better on test"


def _points(values: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(values)


def _transfer(
    fit: TransferFit, figures: Figures, names: Mapping[str, str], standings: Mapping[str, str], metric: str
) -> Figure | None:
    if not len(fit.points):
        return None
    points = fit.points.assign(
        name=[names.get(name, name) for name in fit.points["backbone"]],
        standing=[standings.get(name, "not ranked") for name in fit.points["backbone"]],
    )
    band = fit.band if fit.pearson_r else fit.band.iloc[:0]
    chart = charts.transfer_chart(points, band, metric=metric, certain=fit.verdict != "cannot tell")
    listed = "; ".join(f"{row.name} {row.imagenet_top1:.1f} against {row.value:.3f}" for row in points.itertuples())
    line = "; the line is the straight fit, its grey band 95 %" + (", dashed as long as it is unsure" if fit.verdict == "cannot tell" else "")
    return figures.add(
        chart,
        alt=f"ImageNet top-1 against {metric} on {fit.task}, {fit.n} backbones: {listed}.",
        reading=f"Bars are 95 % intervals{line if fit.pearson_r else ''}. Further right is better on ImageNet, further up is better here.",
    )


def _point_rows(fit: TransferFit, names: Mapping[str, str]) -> tuple[Row, ...]:
    return tuple(
        Row(
            names.get(str(row.backbone), str(row.backbone)),
            str(row.backbone),
            "",
            (f"{row.imagenet_top1:.1f}", words.interval(Interval(row.value, row.low, row.high)), str(row.seeds)),
        )
        for row in fit.points.itertuples()
    )


def _numbers(fit: TransferFit, metric: str) -> tuple[tuple[str, str], ...]:
    told: list[tuple[str, str]] = [("backbones in the fit", str(fit.n))]
    listed: list[tuple[str, Interval | None, int]] = [
        ("correlation (Pearson r)", fit.pearson_r, 2),
        (f"slope, {metric} x 100 an ImageNet point", fit.normalised_slope, 2),
        ("slope on logit axes", fit.logit_slope, 2),
    ]
    told += [(name, words.interval(value, digits)) for name, value, digits in listed if value]
    if fit.critical_r is not None:
        told.append(("|r| needed for p < 0.05", f"{fit.critical_r:.2f}"))
    told += [("smallest slope that matters", f"{fit.smallest_slope:g}"), ("ImageNet accuracies seen", fit.range_note), ("intervals by", fit.method)]
    return tuple((name, text) for name, text in told if text)


def _backbone_row(row: RankRow, ranking: Ranking, names: Mapping[str, str], search: SearchRecord | None) -> Row:
    gap = words.difference(row.difference, ranking.metric) if row.difference else "\u2014"
    cells = (
        words.interval(row.test),
        gap,
        f"{row.imagenet_top1:.1f}",
        recipe_words(search),
        words.seconds(row.train_seconds),
        words.seconds(row.search_seconds),
        f"{row.params_m:.2f} M",
        f"{row.validation:.3f}",
        str(row.seeds),
    )
    borders = ", ".join(words.pairs(dict.fromkeys(search.borders, ""))[i][0] for i in range(len(search.borders))) if search else ""
    return Row(names[row.backbone], row.backbone, standing(ranking, row), cells, f"{borders} at the border of its grid" if borders else "")


def _tested(ranking: Ranking) -> str:
    clusters = f" in {ranking.n_clusters:,} groups" if ranking.n_clusters < ranking.n_test else ""
    noun = "seed" if ranking.seeds == 1 else "seeds"
    kind = "these trained networks" if ranking.compares == "networks" else "backbones"
    return f"{ranking.n_test:,} test images{clusters}; {ranking.seeds} {noun}: compares {kind}"


def _differences(ranking: Ranking, figures: Figures, names: Mapping[str, str]) -> Figure | None:
    rows = [(row, row.difference) for row in ranking.rows if row.difference]
    if not rows or ranking.winner is None:
        return None
    rows.sort(key=lambda pair: -pair[1].value)
    unit, winner = words.difference_unit(ranking.metric), names[ranking.winner]
    frame = _points([_gap(names[row.backbone], gap, ranking.metric, standing(ranking, row)) for row, gap in rows])
    return figures.add(
        charts.interval_chart(frame, title=f"\u2190 worse than {winner} \u00b7 better \u2192 ({unit})", unit=unit),
        alt=f"Difference to {winner} in {unit}: " + "; ".join(f"{row['name']} {row['words']}" for _, row in frame.iterrows()) + ".",
        reading=f"Zero is {winner}, the backbone that validation chose. An interval that crosses zero is a tie. Pairs are taken on the same test images.",
    )


def _gap(name: str, value: Interval, metric: str, state: str) -> dict[str, Any]:
    scale = 100.0 if words.in_points(metric) else 1.0
    return {
        "name": name,
        "value": value.value * scale,
        "low": value.low * scale,
        "high": value.high * scale,
        "words": words.difference(value, metric),
        "standing": state,
    }


def _effects(effects: tuple[Effect, ...], figures: Figures, names: Mapping[str, str], metric: str) -> Figure | None:
    if not effects:
        return None
    unit = words.difference_unit(metric)
    frame = _points([_gap(names.get(e.backbone, e.backbone), _turned(e.difference), metric, _effect_standing(e)) for e in effects])
    return figures.add(
        charts.interval_chart(frame, title=f"\u2190 pretraining hurts \u00b7 helps \u2192 ({unit})", unit=unit),
        alt=f"Pretrained minus from scratch in {unit}: " + "; ".join(f"{row['name']} {row['words']}" for _, row in frame.iterrows()) + ".",
        reading="The same architecture with and without ImageNet weights, each with its own search. Zero: the weights brought nothing.",
    )


def _turned(value: Interval) -> Interval:
    """Scratch minus pretrained as pretrained minus scratch."""
    return Interval(-value.value, -value.high, -value.low)


def _effect_standing(effect: Effect) -> str:
    if not effect.clear:
        return "no clear difference"
    return "pretraining helps" if effect.difference.value < 0 else "pretraining hurts"


def _effect_row(effect: Effect, names: Mapping[str, str]) -> Row:
    gap = words.difference(_turned(effect.difference), effect.metric)
    cells = (words.interval(effect.baseline_value), words.interval(effect.value), gap, str(effect.seeds))
    return Row(names.get(effect.backbone, effect.backbone), effect.backbone, _effect_standing(effect), cells)


def _cost(ranking: Ranking, figures: Figures, names: Mapping[str, str], metric: str) -> Figure | None:
    rows = [row for row in ranking.rows if row.train_seconds > 0]
    if len(rows) < 2:
        return None
    points = _points(
        [
            {
                "name": names[row.backbone],
                "train_seconds": row.train_seconds,
                "params_m": row.params_m,
                "value": row.test.value,
                "low": row.test.low,
                "high": row.test.high,
                "standing": standing(ranking, row),
            }
            for row in rows
        ]
    )
    listed = "; ".join(f"{names[row.backbone]} {words.seconds(row.train_seconds)}, {row.test.value:.3f}" for row in rows)
    return figures.add(
        charts.cost_chart(points, metric=metric),
        alt=f"Time of one training against {metric}: {listed}.",
        reading="Up and left is better. The dotted steps join the backbones that no other beats in both time and quality.",
    )


def _card(task: TaskRecord) -> tuple[tuple[str, str], ...]:
    card = task.card
    told = [
        ("data set", card.title),
        ("source", card.source),
        ("application", card.application),
        ("kind", card.domain),
        ("licence", card.licence),
        ("published baseline", card.baseline),
        ("how to get it", card.get),
        ("citation", card.citation),
        ("classes", ", ".join(task.classes)),
        ("leading metric", metric_title(task.metric)),
        ("version and split seed", f"{task.version}, {task.split_seed}"),
        ("fingerprint of the data", task.fingerprint),
    ]
    return tuple((name, text) for name, text in told if text)
