"""What audits found: the cells that searches trained to the end, chosen or not, as they did on test.

It stands in no results table. A column or a kind that tells these rows from the others would have to be asked for by
every analysis, also in tables that others join years later (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from afield.study.audits import audits_here
from afield.study.collecting.context import Context
from afield.study.measured import measure
from afield.study.record import Audited, SearchRecord, TaskRecord


def audited_searches(
    context: Context, searches: Sequence[SearchRecord], tasks: Mapping[str, TaskRecord]
) -> tuple[SearchRecord, ...]:
    """The searches that an audit is, or will be, of: all whose task was not chosen on by test itself."""
    return tuple(search for search in searches if audits_here(context.study, tasks[search.task].selection))


def read_audits(
    context: Context, searches: Sequence[SearchRecord], tasks: Mapping[str, TaskRecord]
) -> dict[str, Audited]:
    """By key what the cells of those searches reached, as far as they are scored on test."""
    return {
        cell.key: _audited(context, cell.key, tasks[search.task])
        for search in audited_searches(context, searches, tasks)
        for cell in search.cells
        if cell.key in search.finalists and cell.key in context.scores
    }


def unscored(context: Context, searches: Sequence[SearchRecord], tasks: Mapping[str, TaskRecord]) -> Collection[str]:
    """Keys of the cells that an audit has still to score."""
    ended = audited_searches(context, searches, tasks)
    return {key for search in ended for key in search.finalists if key not in context.scores}


def _audited(context: Context, key: str, task: TaskRecord) -> Audited:
    found = measure(context.store, key, task.classes, (task.metric,))[task.metric]
    return Audited(found.validation, found.value, found.low, found.high)
