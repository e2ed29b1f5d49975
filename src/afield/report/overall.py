"""What the page says over all tasks, before any of them."""

from __future__ import annotations

from dataclasses import dataclass

from afield.analysis.over_tasks.overall_verdict import LEADS, OverallVerdict
from afield.analysis.words import p_value
from afield.report import words
from afield.report.recorded import Table
from afield.report.rows import Row

_BADGES = {"transfers": "yes", "weakly": "some", "does not": "no", "cannot tell": "open"}


@dataclass(frozen=True)
class OverallSection:
    """The verdict over tasks."""

    headline: str
    badge: str
    verdict: str
    reason: str
    slopes: Table | None
    """a row a task"""
    numbers: tuple[tuple[str, str], ...]


def overall_section(found: OverallVerdict | None) -> OverallSection | None:
    """None where the study has no two tasks to be put together."""
    if found is None:
        return None
    listed = [
        ("mean slope, on tasks like these", found.slope),
        ("mean slope, on these very tasks", found.here),
        ("slope on one more task like these", found.another),
    ]
    numbers = [("tasks", str(len(found.tasks))), ("backbones that have them all", str(found.n))]
    numbers += [(name, words.interval(value, 2)) for name, value in listed if value is not None]
    if found.spread is not None:
        numbers.append(("spread of the slopes (standard deviation beyond noise)", f"{found.spread:.2f}"))
    if found.differ_p is not None:
        numbers.append(("p of equal slopes (Hotelling)", p_value(found.differ_p)))
    numbers.append(("smallest slope that matters", f"{found.smallest_slope:g}"))
    slopes = zip(found.slopes["task"].tolist(), found.slopes["slope"].tolist(), strict=True)
    rows = tuple(Row(task, task, "", (words.signed(slope, 2),)) for task, slope in slopes)
    caption = "Metric points per ImageNet point, of the backbones that have all tasks"
    return OverallSection(
        headline=LEADS[found.verdict],
        badge=_BADGES[found.verdict],
        verdict=found.verdict,
        reason=found.reason,
        slopes=Table(caption, ("task", "slope"), rows) if rows else None,
        numbers=tuple(numbers),
    )
