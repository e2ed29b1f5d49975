"""What an audit found, for the page: choosing on validation against what all finished recipes did on test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from afield.analysis.searches.audits import Audit, PooledAudit, pools
from afield.analysis.searches.search_audit import SearchAudit
from afield.report import words
from afield.report.figures import Figure, Figures
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.report.search_charts import audit_chart
from afield.scoring.intervals import Interval
from afield.study.study import PLAIN

_UNKNOWN = "-"


@dataclass(frozen=True)
class AuditSection:
    """The audits of a task as a table, and what they say together."""

    words: str
    table: Table


def audit_section(audit: Audit | None, task: str, names: Mapping[str, str]) -> AuditSection | None:
    """The audits of a task; None where nothing of it was audited. Where other tasks were, the words are about all."""
    if audit is None:
        return None
    mine = [each for each in audit.searches if each.task == task]
    if not mine:
        return None
    rows = [_row(each, names) for each in mine]
    together = pools(mine)
    rows += [_together(each) for each in together if each.searches > 1]
    more = len({each.task for each in audit.searches}) > 1
    said = audit.words if more else replace(audit, pooled=together).words
    heads = (
        *("search", "validation", "test", "validation - test", "of choosing", "foretold"),
        *("best on test - chosen", "Spearman"),
    )
    caption = (
        "The audit: after each choice was written down, the other recipes that were trained to the end were scored on "
        "test, too. Differences in points where the metric runs from 0 to 1. Validation, test: of the chosen recipe. "
        "Of choosing: their difference without what all recipes of the search share (harder images, the choice of an "
        "epoch). Foretold: what resampling validation says of that. Spearman: order of the recipes on validation and "
        "on test. Nothing here has chosen, ranked or fitted anything"
    )
    return AuditSection(said, Table(caption, heads, tuple(rows)))


def _row(each: SearchAudit, names: Mapping[str, str]) -> Row:
    name = names.get(each.backbone, each.backbone)
    title = name if each.intervention == PLAIN else f"{name}, {each.intervention}"
    whole = len(each.cells) + each.lacking
    cells = (
        words.number(each.chosen.validation, 3),
        words.number(each.chosen.test, 3),
        _signed(each.optimism, each.unit),
        _signed(each.of_choosing, each.unit),
        _UNKNOWN if each.estimated is None else _signed(each.estimated, each.unit),
        _signed(each.regret, each.unit),
        _UNKNOWN if each.correlation is None else words.number(each.correlation, 2),
    )
    scored = f"{len(each.cells)}" if not each.lacking else f"{len(each.cells)} of {whole}"
    return Row(title, each.backbone, f"{scored} recipes", cells)


def _together(pooled: PooledAudit) -> Row:
    parts = (pooled.optimism, pooled.of_choosing, pooled.estimated, pooled.regret)
    told = tuple(_UNKNOWN if each is None else _limits(each, pooled.unit) for each in parts)
    order = _UNKNOWN if pooled.correlation is None else words.interval(pooled.correlation, 2)
    return Row("mean of the searches", "", "95\u00a0% t interval", ("", "", *told, order))


def _digits(unit: str) -> int:
    return 1 if unit == "points" else 3


def _signed(value: float, unit: str) -> str:
    return words.signed(value, _digits(unit))


def _limits(interval: Interval, unit: str) -> str:
    middle, low, high = (_signed(each, unit) for each in (interval.value, interval.low, interval.high))
    return f"{middle} ({low} to {high})"


def audit_figure(audit: Audit | None, key: str | None, title: str, metric: str, figures: Figures) -> Figure | None:
    """Validation and test of every audited recipe of the search that chose `key`; None where there is no audit."""
    found = next((each for each in audit.searches if each.chosen.key == key), None) if audit is not None else None
    if found is None:
        return None
    rows = [
        {
            **cell.recipe,
            "validation": round(cell.validation, 4),
            "test": round(cell.test, 4),
            "state": "chosen" if cell.chosen else "trained to the end",
        }
        for cell in found.cells
    ]
    keys = tuple(found.cells[0].recipe)
    listed = "; ".join(
        f"{words.number(cell.validation, 3)} and {words.number(cell.test, 3)}{' (chosen)' if cell.chosen else ''}"
        for cell in found.cells
    )
    chosen, domain = found.chosen, _around([value for cell in found.cells for value in (cell.validation, cell.test)])
    reading = (
        f"The chosen recipe reached {words.number(chosen.validation, 3)} on validation and "
        f"{words.number(chosen.test, 3)} on test, where {found.beaten_by or 'none'} of the {len(found.cells) - 1} "
        "others did better. On the dashed line both are the same."
    )
    return figures.add_like(
        ("audit", metric, keys, domain),
        lambda: audit_chart(keys, metric=metric, domain=domain),
        rows,
        name=f"audit {title}",
        alt=f"{metric} on validation and on test of each recipe for {title}: {listed}.",
        reading=reading,
    )


def _around(values: list[float]) -> tuple[float, float]:
    """A range with room around the values."""
    room = (max(values) - min(values)) * 0.1 or 0.05
    return min(values) - room, max(values) + room
