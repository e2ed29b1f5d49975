"""Whether all backbones were searched alike: what each got, and where that differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from afield.base.text import count, first_few
from afield.study.record import SearchRecord, StudyRecord


@dataclass(frozen=True)
class Got:
    """What the search of one backbone under one intervention got."""

    backbone: str
    intervention: str
    generations: tuple[int, ...]
    """cells of each"""
    cells: int
    asked: int
    """epochs that the search asked of its cells"""
    spent: int
    """epochs that they trained of these"""
    failed: int
    """cells that ended in an error"""
    ended: bool


def what_each_got(record: StudyRecord, task: str) -> tuple[Got, ...]:
    """A line for each search of a task, in the study's order."""
    return tuple(_got(search) for search in record.searches if search.task == task)


def _got(search: SearchRecord) -> Got:
    return Got(
        backbone=search.backbone,
        intervention=search.intervention,
        generations=search.generations or (len(search.cells),),
        cells=len(search.cells),
        asked=sum(search.asked),
        spent=search.epochs_spent,
        failed=sum(cell.state == "failed" for cell in search.cells),
        ended=search.chosen is not None or search.lost,
    )


def unequal(got: Sequence[Got]) -> tuple[str, ...]:
    """Where the backbones of an intervention did not get the same, a sentence each."""
    interventions = dict.fromkeys(each.intervention for each in got)
    return tuple(
        sentence
        for intervention in interventions
        for sentence in _sentences([each for each in got if each.intervention == intervention], intervention)
    )


def _sentences(got: list[Got], intervention: str) -> Iterator[str]:
    fewest = min(each.cells for each in got)
    more = [each for each in got if each.cells > fewest]
    if more:
        told = first_few([f"{each.backbone} {each.cells}" for each in more])
        yield (
            f"Under {intervention} not all backbones were tried with as many recipes: {told}, the others {fewest}. The "
            "rule was the same for all; the best of more is a little better by chance alone."
        )
    failed = [each for each in got if each.failed]
    if failed and len({each.failed for each in got}) > 1:
        told = first_few([f"{each.backbone} {each.failed} of {each.cells}" for each in failed])
        yield f"Under {intervention} recipes failed, so that the best is one of fewer: {told}."
    open_ones = [each for each in got if not each.ended]
    if open_ones and len(open_ones) < len(got):
        told = first_few([each.backbone for each in open_ones])
        yield f"Under {intervention} {count(len(open_ones), 'search has', 'searches have')} chosen nothing: {told}."
