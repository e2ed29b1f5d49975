"""What each intervention changed, as a figure and a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from afield.analysis.answer import FoldsAnswer
from afield.analysis.clusters import rests_on
from afield.analysis.ranking.class_gains import class_gains
from afield.analysis.ranking.compare import Ranking
from afield.analysis.ranking.interventions import ALL, Change, leading_lines
from afield.analysis.words import count
from afield.report import words
from afield.report.evidence import arrows, finite, gap_of, interval_figure
from afield.report.figures import Figure, Figures
from afield.report.frames import frame_table
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.metrics import metric_title
from afield.study.record import StudyRecord

_CLASSES = 20
"""of an intervention that the page has room for"""


@dataclass(frozen=True)
class InterventionSection:
    """What the page says of a task's interventions."""

    words: str
    chart: Figure | None
    table: Table
    by_class: Table | None
    """the classes whose recall changed most; None where a sample may have several classes"""


def intervention_section(
    record: StudyRecord,
    changes: tuple[Change, ...],
    sentence: str,
    ranking: Ranking,
    figures: Figures,
    names: Mapping[str, str],
) -> InterventionSection | None:
    """The lines of a task as figure and table; None where there are none."""
    if not changes:
        return None
    rests = rests_on(ranking.n_test, ranking.n_clusters)
    by_class = _by_class(class_gains(record, ranking.task))
    return _section(changes, sentence, rests, figures, names, name="interventions", by_class=by_class)


def section_over_folds(told: FoldsAnswer, figures: Figures, names: Mapping[str, str]) -> InterventionSection | None:
    """The same of the lines over all folds of a task."""
    found = told.found
    if not found.changes:
        return None
    rests = rests_on(found.n_test, found.n_clusters)
    name = f"interventions over the folds of {found.task}"
    return _section(found.changes, told.interventions_words, rests, figures, names, name=name, by_class=None)


def _section(
    changes: tuple[Change, ...],
    sentence: str,
    rests: str,
    figures: Figures,
    names: Mapping[str, str],
    *,
    name: str,
    by_class: Table | None,
) -> InterventionSection:
    figure = _figure(changes, rests, figures, names, name)
    return InterventionSection(sentence, figure, _table(changes, rests, names), by_class)


def _by_class(gains: pd.DataFrame) -> Table | None:
    """Of each intervention the classes whose recall changed most, in points."""
    if gains.empty:
        return None
    largest = gains["difference"].abs().groupby(gains["intervention"], sort=False).nlargest(_CLASSES).index
    shown = gains.loc[[place for _, place in largest]].sort_index()
    points = shown.assign(**{name: 100 * shown[name] for name in ("without", "with", "difference", "low", "high")})
    points = points.rename(columns={"low": "difference_low", "high": "difference_high"})
    left = f"; of each intervention the {_CLASSES} that changed most" if len(shown) < len(gains) else ""
    return frame_table(
        points.drop(columns=["pairs", "p"]),
        "Recall of each class on test under plain and with the intervention, mean over its pairs of networks, and the "
        f"difference in points with its 95\u00a0% interval over test images alone{left}; p allows for classes (Holm)",
        digits=dict.fromkeys(("without", "with", "difference"), 1),
    )


def _figure(
    changes: tuple[Change, ...], rests: str, figures: Figures, names: Mapping[str, str], name: str
) -> Figure | None:
    shown = [line for line in leading_lines(changes) if finite(line.difference)]
    if not shown:
        return None
    gaps = [gap_of(_name(line, names), line.difference, line.metric, _standing(line)) for line in shown]
    baseline = shown[0].baseline
    return interval_figure(
        gaps,
        shown[0].metric,
        figures,
        name=name,
        title=arrows("hurts", "helps", shown[0].metric),
        what=f"Difference to {baseline}",
        reading=f"Zero is {baseline}. Each bar is a 95\u00a0% interval for itself, from "
        f"{rests}, the seeds, and where it is over several backbones from "
        "these; the colour allows for all interventions together (Holm).",
    )


def _table(changes: tuple[Change, ...], rests: str, names: Mapping[str, str]) -> Table:
    title, baseline = metric_title(changes[0].metric), changes[0].baseline
    rows = tuple(
        Row(
            line.intervention,
            line.intervention,
            _standing(line),
            (
                _backbone(line, names),
                words.number(line.baseline_value, 3),
                words.number(line.value, 3),
                _difference(line),
                _p(line.p_holm),
                words.plain(line.seeds),
                line.note or "-",
            ),
        )
        for line in changes
    )
    caption = (
        f"Test {title}; differences in {words.difference_unit(changes[0].metric)}, in brackets 95\u00a0% intervals, "
        f"each for itself, from {rests} and the seeds; p values allow for all "
        "lines over backbones, or all lines of single ones (Holm)"
    )
    heads = ("intervention", "backbone", baseline, "with it", "difference", "p (Holm)", "seeds", "mind")
    return Table(caption, heads, rows)


def _standing(line: Change) -> str:
    """One of charts.STANDINGS."""
    if not line.clear:
        return "no clear difference"
    return "helps" if line.better else "hurts"


def _backbone(line: Change, names: Mapping[str, str]) -> str:
    if line.backbone == ALL:
        return f"mean of {count(line.backbones, 'backbone')}"
    return names.get(line.backbone, line.backbone)


def _name(line: Change, names: Mapping[str, str]) -> str:
    """What a row of the figure is called: an intervention, with its backbone where it was tried on that one alone."""
    return line.intervention if line.backbone == ALL else f"{line.intervention} ({names.get(line.backbone, '')})"


def _difference(line: Change) -> str:
    if finite(line.difference) or math.isnan(line.difference.value):
        return words.difference(line.difference, line.metric)
    whole = words.difference(line.difference, line.metric)
    return f"{whole.partition(' (')[0]} (no interval)"


def _p(value: float) -> str:
    """A p value to three digits; `-` where there is none.

    >>> _p(0.0312), _p(0.0002), _p(math.nan)
    ('0.031', 'below 0.001', '-')
    """
    if math.isnan(value):
        return "-"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
