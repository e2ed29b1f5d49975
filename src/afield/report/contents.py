"""All that a page or a paper says of a study, before anything is laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import altair

from afield.analysis.answer import Answer, answer
from afield.report.behind import Part
from afield.report.charts import in_colours
from afield.report.figures import Figure, Figures
from afield.report.over_tasks import OverSection, over_section
from afield.report.overall import OverallSection, overall_section
from afield.report.questions import questions
from afield.report.sections import TaskSection, names_of, task_sections
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class Contents:
    """A study's answer with its sections and charts."""

    record: StudyRecord
    found: Answer
    names: Mapping[str, str]
    """what each backbone is called"""
    overall: OverallSection | None
    """the verdict over tasks; None where no two can be put together"""
    over: OverSection | None
    """None for one task"""
    tasks: tuple[TaskSection, ...]
    questions: tuple[Part, ...]
    """of the whole study, folded"""
    figures: Figures


def contents(record: StudyRecord, *, private: bool = False) -> Contents:
    """What there is to say. `private`: without pictures, and without the names of images."""
    if private:
        record = replace(record, tasks=tuple(replace(task, pictures={}, prepared=None) for task in record.tasks))
    found, figures = answer(record), Figures()
    names = names_of(record, found)
    over = over_section(record, found, figures, names)
    tasks = task_sections(record, found, figures, names)
    if private:
        tasks = tuple(_without_images(task) for task in tasks)
    return Contents(
        record,
        found,
        names,
        overall_section(found.overall),
        over,
        tasks,
        questions(record, [part.ranking for part in found.tasks]),
        figures,
    )


def _without_images(task: TaskSection) -> TaskSection:
    """A task without what names single images; its pictures were taken from the record."""
    if task.chosen is None:
        return task
    kept = tuple(part for part in task.chosen.images if not part.names_images)
    return replace(task, chosen=replace(task.chosen, images=kept))


WIDTH = 520
"""pixels of a chart that stands alone"""


def charts_in(told: Contents, width: float = WIDTH) -> dict[str, altair.LayerChart]:
    """The charts by name, each in plain colours and `width` pixels wide; without those of searches, which may be
    hundreds (`drawn` has each).
    """
    return {
        name: altair.LayerChart.from_dict({**in_colours(chart.to_dict(validate=False)), "width": width})
        for name, chart in told.figures.charts.items()
    }


def drawn(told: Contents, figure: Figure, width: float = WIDTH) -> dict[str, Any]:
    """One chart's specification by itself, in plain colours and `width` pixels wide."""
    return {**in_colours(told.figures.specification(figure)), "width": width}
