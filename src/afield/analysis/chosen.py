"""What the chosen one of a task does in each subgroup of the test images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from afield.analysis.clusters import rests_on
from afield.analysis.ranking.compare import Ranking, rank_backbones, ranked_intervention
from afield.analysis.words import count, level_words, spelled
from afield.base.errors import InputError, nearest
from afield.scoring.intervals import Interval
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS, metric_title
from afield.scoring.predictions import Predictions
from afield.scoring.subgroups import by_subgroup
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class ChosenNetwork:
    """The network that stands for a task's winner: under the first seed that was scored, as `afield predict` has it."""

    backbone: str
    key: str
    seed: int
    metric: Metric
    """the leading one, nothing settled; where that is one's own, the first that was recorded beside it"""
    validation: Predictions
    test: Predictions

    @property
    def decided(self) -> Predictions:
        """The test predictions with what the metric settles on validation (thresholds) put into the logits."""
        return self.test if self.metric.settle is None else self.metric.settle(self.validation)(self.test)


@dataclass(frozen=True)
class Subgroups:
    """The metric in each subgroup that a column of the samples makes."""

    column: str
    metric: str
    whole: float
    """the metric on all test samples"""
    table: pd.DataFrame
    """of `scoring.subgroups.by_subgroup`"""
    worst: str
    """the worst of those whose interval does not reach the whole's value; empty where there is none"""
    words: str
    """that in a sentence"""


def chosen_network(record: StudyRecord, ranking: Ranking) -> ChosenNetwork | None:
    """The network of a ranking's winner; None where there is no winner."""
    if ranking.winner is None:
        return None
    task, table = record.task(ranking.task), record.results
    rows = table[
        (table["task"] == ranking.task)
        & (table["backbone"] == ranking.winner)
        & (table["intervention"] == ranking.intervention)
    ]
    key, seed = str(rows["key"].iloc[0]), int(rows["seed"].iloc[0])
    validation, test = (record.predictions_of(key, split, task.classes) for split in ("validation", "test"))
    name = next(name for name in task.metrics if name in METRICS)
    return ChosenNetwork(ranking.winner, key, seed, METRICS[name], validation, test)


def subgroups_of(record: StudyRecord, ranking: Ranking) -> tuple[Subgroups, ...]:
    """The winner's network in the subgroups of each column that the task names; none where there is no winner."""
    task, network = record.task(ranking.task), chosen_network(record, ranking)
    if network is None or not task.subgroups:
        return ()
    settled = network.metric.on(network.validation)
    whole = settled.compute(network.test)
    samples = task.test_samples.set_index("id").loc[network.test.sample.tolist()]
    found = []
    for column in task.subgroups:
        table = by_subgroup(network.test, samples[column], settled)
        worst, words = _worst(column, table, whole, settled, network.seed)
        found.append(Subgroups(column, settled.name, whole, table, worst, words))
    return tuple(found)


def subgroup_table(record: StudyRecord, column: str) -> pd.DataFrame:
    """The winner of each task by the values of a column: `task`, `backbone`, `seed`, `key`, `metric`, `column`, then
    the columns of `by_subgroup`. Raises InputError where no task that was scored has such subgroups.
    """
    parts: list[pd.DataFrame] = []
    known: list[str] = []
    for task in record.tasks:
        ranking = rank_backbones(record, task.name, ranked_intervention(record))
        network = chosen_network(record, ranking)
        if network is None:
            continue
        known += task.subgroups
        for each in subgroups_of(record, ranking):
            if each.column == column:
                head: dict[str, Any] = {
                    "task": task.name, "backbone": network.backbone, "seed": network.seed, "key": network.key,
                    "metric": each.metric, "column": column,
                }  # fmt: skip
                parts.append(each.table.assign(**head)[[*head, *each.table.columns]])
    if parts:
        return pd.concat(parts, ignore_index=True)
    if not known:
        raise InputError(
            f"--by {column}: no task with results has subgroups; name their columns as `subgroups` under [tasks.NAME] "
            "of the study's file"
        )
    raise InputError(f"--by {column}: no such subgroups; {nearest(column, known)}")


def _worst(column: str, table: pd.DataFrame, whole: float, metric: Metric, seed: int) -> tuple[str, str]:
    """The worst subgroup whose interval does not reach the whole's value, and the sentence about the column."""
    title = metric_title(metric.name)
    told = table.dropna(subset=["value"])
    higher = metric.direction == "higher"
    clear = told[told["high"] < whole] if higher else told[told["low"] > whole]
    if clear.empty:
        reach = f"{spelled(len(told))} of {count(len(table), 'subgroup')} had enough images to tell"
        return "", f"By {column}, no subgroup is clearly worse than the whole in {title} ({reach})."
    worst = clear.sort_values("value", ascending=higher).iloc[0]
    interval = Interval(worst["value"], worst["low"], worst["high"])
    return str(worst["subgroup"]), (
        f"By {column}, {worst['subgroup']} is clearly worse: {title} {level_words(interval)} on "
        f"{rests_on(worst['n'], worst['n_clusters'])}, against {whole:.3f} on all (seed {seed})."
    )
