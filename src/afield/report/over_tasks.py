"""What stands above the tasks: the answers in a table, and the backbones over all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from afield.analysis.answer import Answer
from afield.analysis.ranking.mean_ranks import MeanRanks, mean_ranks
from afield.analysis.told import over_tasks_words
from afield.analysis.words import count
from afield.report import words
from afield.report.figures import Figure, Figures
from afield.report.over_folds import FoldsSection, folds_section
from afield.report.rank_charts import mean_rank_chart
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.metrics import metric_title
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class OverSection:
    """What the page says of several tasks together."""

    answers: Table
    ranks: Table | None
    """mean ranks; None where no two backbones were scored on all tasks"""
    chart: Figure | None
    """the critical-difference picture; None where so few tasks could tell no two backbones apart"""
    words: tuple[str, ...]
    folds: tuple[FoldsSection, ...]
    """what all folds of a task say together"""


def over_section(record: StudyRecord, found: Answer, figures: Figures, names: Mapping[str, str]) -> OverSection | None:
    """All tasks together; None for a single one. The chart goes into `figures`."""
    if len(found.tasks) < 2:
        return None
    folds = tuple(folds_section(each, figures, names) for each in found.folds)
    places = [part.ranking.places for part in found.tasks if part.ranking.places]
    together = mean_ranks(places, record.study.data_of)
    if together is None:
        return OverSection(_answers(found, names), None, None, (), folds)
    return OverSection(
        answers=_answers(found, names),
        ranks=_ranks(together, names),
        chart=_figure(together, figures, names) if together.possible else None,
        words=tuple(over_tasks_words(together)),
        folds=folds,
    )


def _answers(found: Answer, names: Mapping[str, str]) -> Table:
    """A row a task: what to take, how good it is, and whether ImageNet accuracy told."""
    rows = []
    for part in found.tasks:
        ranking = part.ranking
        first = ranking.rows[0] if ranking.rows else None
        tied = sum(row.tied for row in ranking.rows)
        rows.append(
            Row(
                part.task,
                part.task,
                "",
                (
                    names[first.backbone] if first else "nothing was ranked",
                    part.fit.verdict if part.fit else "not asked" if part.race else "cannot tell",
                    words.interval(part.fit.normalised_slope, 2) if part.fit and part.fit.normalised_slope else "-",
                    f"{metric_title(ranking.metric)} {words.level(first.test, ranking.metric)}" if first else "-",
                    str(tied) if first else "-",
                ),
            )
        )
    caption = "In brackets 95\u00a0% intervals; the slope is in points of the metric an ImageNet point"
    heads = ("task", "take", "does ImageNet accuracy tell?", "slope", "the one to take, on test", "tie with it")
    return Table(caption, heads, tuple(rows))


def _ranks(together: MeanRanks, names: Mapping[str, str]) -> Table:
    lines = zip(together.backbones, together.mean_rank, together.letters, together.ranks, strict=True)
    rows = tuple(
        Row(
            names.get(name, name),
            name,
            "",
            (f"{mean:.2f}", letters if together.possible else "-", *(f"{rank:g}" for rank in ranks)),
        )
        for name, mean, letters, ranks in lines
    )
    caption = (
        f"Ranks by the metric on test, 1 the best, and their mean over {count(len(together.tasks), 'task')}. Two that "
        "share a letter cannot be told apart (Wilcoxon's signed ranks over tasks, Holm)"
    )
    return Table(caption, ("backbone", "mean rank", "alike", *together.tasks), rows)


def _figure(together: MeanRanks, figures: Figures, names: Mapping[str, str]) -> Figure:
    shown = [names.get(name, name) for name in together.backbones]
    rows = pd.DataFrame({"name": shown, "mean_rank": together.mean_rank, "letters": together.letters})
    single = pd.DataFrame(
        [
            {"name": name, "task": task, "rank": float(rank)}
            for name, ranks in zip(shown, together.ranks, strict=True)
            for task, rank in zip(together.tasks, ranks, strict=True)
        ]
    )
    members = pd.DataFrame(
        [{"group": group, "name": name} for group, name in _groups(shown, together.letters)], columns=["group", "name"]
    )
    alike = members.groupby("group", sort=True)["name"].agg(", ".join)
    listed = "; ".join(f"{name} {mean:.2f}" for name, mean in zip(shown, together.mean_rank, strict=True))
    apart = "; ".join(f"{names} cannot be told apart" for names in alike)
    return figures.add(
        mean_rank_chart(rows, single, members),
        name="mean ranks",
        alt=f"Mean ranks over {count(len(together.tasks), 'task')}: {listed}. {apart}.",
        reading="A dot is a rank on one task, a diamond their mean. A line at the right joins backbones that "
        f"{count(len(together.tasks), 'task')} cannot tell apart, as they share a letter; others can be told apart.",
    )


def _groups(names: list[str], letters: tuple[str, ...]) -> list[tuple[str, str]]:
    """(letter, name) of every letter that two or more share; letters are a, b, ... or a1, b1, ..."""
    pairs = [(letter, name) for name, text in zip(names, letters, strict=True) for letter in _split(text)]
    shared = [letter for letter, _ in pairs]
    return sorted((pair for pair in pairs if shared.count(pair[0]) > 1), key=lambda pair: pair[0])


def _split(letters: str) -> list[str]:
    """The letters of one backbone.

    >>> _split("ab"), _split("za1")
    (['a', 'b'], ['z', 'a1'])
    """
    parts: list[str] = []
    for sign in letters:
        if sign.isdigit():
            parts[-1] += sign
        else:
            parts.append(sign)
    return parts
