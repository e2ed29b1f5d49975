"""What all folds of a task say together, as a card above the tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afield.analysis.answer import FoldsAnswer
from afield.analysis.clusters import rests_on
from afield.analysis.ranking.compare import Ranking
from afield.report import evidence, words
from afield.report.figures import Figures
from afield.report.interventions import InterventionSection, section_over_folds
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.metrics import metric_title


@dataclass(frozen=True)
class FoldsSection:
    """What the page says of all folds of one task."""

    task: str
    words: str
    """which backbone to take"""
    backbones: Table | None
    interventions: InterventionSection | None


def folds_section(told: FoldsAnswer, figures: Figures, names: Mapping[str, str]) -> FoldsSection:
    """The card of one task; the chart goes into `figures`."""
    found = told.found
    return FoldsSection(
        task=found.task,
        words=told.take,
        backbones=_backbones(found.ranking, names) if found.ranking else None,
        interventions=section_over_folds(told, figures, names),
    )


def _backbones(ranking: Ranking, names: Mapping[str, str]) -> Table:
    metric = metric_title(ranking.metric)
    rows = tuple(
        Row(
            names.get(row.backbone, row.backbone),
            row.backbone,
            evidence.standing(ranking, row),
            (
                words.level(row.test, ranking.metric),
                words.difference(row.difference, ranking.metric) if row.difference else "\u2014",
                words.known(row.imagenet_top1, 1),
                words.number(row.validation, 3),
            ),
        )
        for row in ranking.rows
    )
    caption = (
        f"{rests_on(ranking.n_test, ranking.n_clusters)}, each as the network says that was not trained on it. In the "
        f"order of all validation parts; in brackets 95\u00a0% intervals, differences in "
        f"{words.difference_unit(ranking.metric)}"
    )
    return Table(caption, ("backbone", f"{metric} on test", "minus the chosen", "ImageNet (%)", "validation"), rows)
