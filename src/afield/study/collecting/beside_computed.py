"""One's own metrics beside all that fit, computed from stored predictions when a run ends, and kept under the hash of
the file that holds them, with that of the columns that they need. They choose nothing, so a changed file or column
trains nothing anew: they alone are computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.extensions import where
from afield.scoring.metric import Metric
from afield.study.beside import NOWHERE, columns_hash, read_beside, with_columns
from afield.study.collecting.combined import Pair, measured_jointly, pairs_of
from afield.study.collecting.combined import source_of as source_of_joined
from afield.study.collecting.result_rows import Tables, ready, shown_of
from afield.study.combining.ensembles import Combination
from afield.study.combining.soups import Soup
from afield.study.measured import Measured, measured, read_measured, source_of, validation_and, write_measured
from afield.study.split_view import SplitView


@dataclass(frozen=True)
class Said:
    """What one's own metrics are computed of: a network's predictions, or those of all that are joined."""

    folder: Path
    """where the values are kept"""
    source: Sequence[str]
    """hashes of the predictions"""
    tasks: tuple[str, ...]
    """of each member"""
    pairs: Callable[[], Sequence[Pair]]
    """of each member, read when they are asked for"""
    measure: Callable[[Metric, Sequence[Pair]], Measured]


def measured_beside(metric: Metric, said: Said, samples: Mapping[str, pd.DataFrame]) -> Measured:
    """One's own metric; NaN with the reason where it raises, gives what is no number of its range, or lacks a column.
    `samples` are the tables of the tasks, by name.
    """
    pairs = said.pairs()
    test = [name for _, each in pairs for name in each.sample.tolist()]
    clusters = [name for _, each in pairs for name in each.cluster.tolist()]
    try:
        whole = [
            (with_columns(validation, metric, samples[task]), with_columns(test, metric, samples[task]))
            for task, (validation, test) in zip(said.tasks, pairs, strict=True)
        ]
        return said.measure(metric, whole)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        why = str(error) if isinstance(error, InputError) else f"{metric.name}: {where(error)}"
        return replace(NOWHERE, n=len(set(test)), clusters=len(set(clusters)), why=why)


def compute_beside(
    tables: Tables,
    joined: Sequence[Combination],
    soups: Sequence[Soup],
    own: Mapping[str, Metric],
    samples: Mapping[str, pd.DataFrame],
) -> tuple[str, ...]:
    """Compute and keep one's own metrics (by name) of all that is scored and joined, unless they are there. Gives a
    line for each that has no value somewhere, with the reason.
    """
    without: dict[str, None] = {}

    @cache  # thousands of networks are of the same few tasks
    def hash_of(metric: str, task: str) -> str:
        return columns_hash(own[metric], samples[task])

    for said in _all_said(tables, joined, soups):
        task = said.tasks[0]
        for each in tables.beside_of(task):
            columns = "".join(hash_of(each.name, name) for name in dict.fromkeys(said.tasks))
            if each.name not in read_measured(said.folder / each.file, said.source, columns):
                found = measured_beside(own[each.name], said, samples)
                write_measured(said.folder / each.file, said.source, {each.name: found}, columns)
            why = read_beside(said.folder, said.source, each).why
            if why:
                without[f"{task}: {why}"] = None
    return tuple(without)


def _all_said(tables: Tables, joined: Sequence[Combination], soups: Sequence[Soup]) -> Iterator[Said]:
    """All that is scored, and all that is joined, means of ranks apart: they answer what asks for an order alone."""
    trained = [(scored.trial.key, scored.trial.task) for scored in tables.scored]
    for key, task in (*trained, *((soup.key, soup.task) for soup in soups)):
        for at in shown_of(tables, task):
            if tables.store.scores.holds(key, at):
                yield _of_network(tables, key, task, at)
    for each in joined:
        if each.mean != "ranks":
            for at in ready(tables.store, each, shown_of(tables, each.members[0].task)):
                yield _of_joined(tables, each, at)


def _of_network(tables: Tables, key: str, task: str, at: SplitView) -> Said:
    store, classes = tables.store, tables.tasks[task].classes
    return Said(
        folder=store.scores.folder(key, at),
        source=source_of(store, key, at),
        tasks=(task,),
        pairs=lambda: [validation_and(store, key, classes, at)],
        measure=lambda metric, pairs: measured(metric, *pairs[0]),
    )


def _of_joined(tables: Tables, joined: Combination, at: SplitView) -> Said:
    tasks = tuple(member.task for member in joined.members)
    return Said(
        folder=tables.store.scores.joined(joined.key, at),
        source=source_of_joined(tables.store, joined, at),
        tasks=tasks,
        pairs=partial(pairs_of, tables.store, joined, tables.tasks[tasks[0]].classes, at),
        measure=partial(measured_jointly, combination=joined),
    )
