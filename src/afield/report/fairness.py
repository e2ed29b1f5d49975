"""What the search of each backbone got, as a table, and where that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from afield.analysis.searches.fairness import Got, unequal, what_each_got
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.study.record import StudyRecord
from afield.study.study import PLAIN


@dataclass(frozen=True)
class FairnessSection:
    """The table, and what must be said of it."""

    alike: bool
    """whether all backbones of each intervention got the same"""
    table: Table
    warnings: tuple[str, ...]


def fairness_section(record: StudyRecord, task: str, names: Mapping[str, str]) -> FairnessSection | None:
    """What each backbone of a task got; None where nothing was searched."""
    if not record.study.search.keys:
        return None
    got = [replace(each, backbone=names.get(each.backbone, each.backbone)) for each in what_each_got(record, task)]
    warnings = unequal(got)
    heads = ("backbone", "recipes", "generations", "epochs asked", "epochs trained", "failed recipes")
    caption = (
        "What the search of each backbone got, repeats under other seeds apart. Generations are the recipes that were "
        "settled together: first those of the study, then those that followed from what these reached"
    )
    return FairnessSection(not warnings, Table(caption, heads, tuple(_row(each) for each in got)), warnings)


def _row(got: Got) -> Row:
    name = got.backbone if got.intervention == PLAIN else f"{got.backbone}, {got.intervention}"
    cells = (
        f"{got.cells}",
        " + ".join(map(str, got.generations)),
        f"{got.asked:,}",
        f"{got.spent:,}",
        f"{got.failed}",
    )
    return Row(name, name, "" if got.ended else "not chosen yet", cells)
