"""One's own metrics as a study names them: found, guarded, and whether they fit its tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from afield.base.errors import InputError
from afield.base.extensions import Extension, find_object
from afield.scoring.metric import Metric, check_made, guarded
from afield.study.beside import further_columns, lacking, lacking_words
from afield.tasks.data import TaskData


def own_metric(name: str, extensions: Mapping[str, Extension], *, leads: bool = True) -> Metric:
    """One's own metric, by its reference, `guarded`. Raises InputError where there is none, where a part of it is
    none, and where one that leads cannot select.
    """
    made = replace(find_object(name, extensions, Metric), name=name)
    check_made(made)
    found = guarded(made)
    if not leads:
        return found
    further = further_columns(found)
    if further:
        raise InputError(
            f"{name}: needs {further[0]}; a leading metric may need unit and cluster alone, since all that selects is "
            "part of what names a training; name it under study.metrics, where it selects nothing"
        )
    if found.direction != "higher":
        raise InputError(
            f"{name}: is better when lower; a leading metric must be better when higher: give its negative"
        )
    if not all(math.isfinite(end) for end in found.range):
        raise InputError(f"{name}: range {found.range}: must be two finite numbers, the least and the greatest value")
    return found


def misfits_of(
    leading: Mapping[str, Metric], beside: Mapping[str, Metric], tasks: Mapping[str, TaskData]
) -> Iterator[str]:
    """What speaks against one's own metrics on tasks: one that leads lacks a column of its task, or one beside others a
    column of every task.
    """
    for name, found in tasks.items():
        if found.task.metric in leading:
            metric = leading[found.task.metric]
            missing = lacking(metric, found.table)
            if missing:
                yield f"{name}: {lacking_words(metric, missing)}; name them among the columns of the task"
    for metric in beside.values():
        missing_of = {name: lacking(metric, found.table[found.columns]) for name, found in tasks.items()}
        if missing_of and all(missing_of.values()):
            name, missing = next(iter(missing_of.items()))
            yield f"{name}: {lacking_words(metric, missing)}; {_mend(missing[0], name)}"


def _mend(column: str, task: str) -> str:
    if column in ("group", "cluster", "unit"):
        return f"name the column that tells it: tasks.{task}.{column}"
    return f"a metric is given the columns of the task's subgroups: tasks.{task}.subgroups"
