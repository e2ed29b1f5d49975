"""Any results table, own or published, as fits with intervals and verdicts: `afield analyse` in Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from afield.analysis.details import DETAILS
from afield.analysis.fitting.on_the_line import OnTheLine
from afield.analysis.fitting.robust import outliers
from afield.analysis.fitting.transfer import TransferFit, fit_transfer
from afield.analysis.over_tasks.domains import adjusted_logits, domain_slopes
from afield.analysis.over_tasks.overall_verdict import OverallVerdict, fits_over, overall_of_study, overall_verdict
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.questions import QUESTIONS
from afield.analysis.tables.table import TableChoice, read_table
from afield.analysis.words import count, listing, signed
from afield.base.errors import InputError
from afield.base.plain import plain
from afield.scoring.intervals import Interval
from afield.study.collecting.table import rows_of
from afield.study.verdict_rule import SMALLEST_SLOPE

if TYPE_CHECKING:
    from afield.analysis.registered import Registration
    from afield.analysis.searches.audits import Audit

INTERVALS = ("pearson_r", "disattenuated_r", "slope", "normalised_slope", "logit_slope", "probit_slope")
_AS_IS = TableChoice()


@dataclass(frozen=True)
class Analysis:
    """The fits of a table, a (task, metric) each, and what became of the table on the way."""

    fits: tuple[TransferFit, ...]
    scales: Mapping[tuple[str, str], float]
    """(task, metric) -> the table's own numbers a share: 1, or 100 for per cent"""
    notes: tuple[str, ...]
    """what was left out, joined or assumed, a sentence each"""
    overall: tuple[OverallVerdict, ...] = ()
    """over the tasks of a table, a metric each that two or more of them have; of a study, their leading metrics"""
    results: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    """rows of the results table that the fits were made of"""
    no_tasks: frozenset[str] = frozenset()
    """names under `task` that are no task of their own: means over tasks, and ImageNet itself; of a study, all folds
    of a task but the first
    """
    rule: Registration | None = None
    """of a study: whether its verdicts are by the rule that was registered before test was read"""
    on_the_line: tuple[OnTheLine, ...] = ()
    """of a study: its backbones on further test splits against test"""
    audit: Audit | None = None
    """of a study that audits its searches: what choosing on validation was worth on test"""
    domains: Mapping[str, str] = field(default_factory=dict)
    """task -> `web-scraped`, `real-world`, or what a table calls it; none where it does not say"""

    def as_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON. `slope` is in the table's own numbers per ImageNet point, the normalised slope
        in metric points; what has no fit is None, and limits that are not known are None. `over_tasks` is in metric
        points throughout. `findings` has each of `QUESTIONS` by name: its `words`, and its table as `rows`.
        """
        return {
            "fits": [self._plain(fit) for fit in self.fits],
            "over_tasks": [plain_overall(found) for found in self.overall],
            "findings": {name: plain_reply(self.over(name)) for name in QUESTIONS},
            "rule": None if self.rule is None else self.rule.plain(),
            "audit": None if self.audit is None else self.audit.plain(),
        }

    def table(self) -> pd.DataFrame:
        """A row a fit: task, metric, n, each of `INTERVALS` with `_low` and `_high` beside it, verdict, reason."""
        rows = []
        for fit in map(self._plain, self.fits):
            row = {name: fit[name] for name in ("task", "metric", "n")}
            for name in INTERVALS:
                found = fit[name] or dict.fromkeys(("value", "low", "high"))
                row |= {name: found["value"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
            rows.append({**row, "verdict": fit["verdict"], "reason": fit["reason"]})
        columns = [name for each in INTERVALS for name in (each, f"{each}_low", f"{each}_high")]
        table = pd.DataFrame(rows, columns=["task", "metric", "n", *columns, "verdict", "reason"])
        return table.astype(dict.fromkeys(columns, "float64"))

    def details(self, name: str) -> pd.DataFrame:
        """One of `DETAILS` for every fit below each other, with task and metric before it.

        Fits without a line, and below four backbones, have no rows. ValueError for a name that there is not.
        """
        if name not in DETAILS:
            raise ValueError(f"{name}: unknown; there are {', '.join(DETAILS)}")
        blocks = [
            DETAILS[name](fit).assign(task=fit.task, metric=fit.metric)
            for fit in self.fits
            if fit.slope is not None and fit.n > 3
        ]
        table = pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame(columns=["task", "metric"])
        return table[["task", "metric", *(column for column in table if column not in ("task", "metric"))]]

    def over(self, name: str) -> Reply:
        """One of `QUESTIONS`: what several fits say together, as a frame and in words. Means over tasks, and ImageNet
        itself among the tasks, take no part. ValueError for a name that there is not.
        """
        if name not in QUESTIONS:
            raise ValueError(f"{name}: unknown; there are {', '.join(QUESTIONS)}")
        single = [fit for fit in self.fits if fit.task not in self.no_tasks]
        return QUESTIONS[name](single, self.results) if single else Reply(pd.DataFrame(), "There is no fit of a task.")

    def adjusted_logits(self) -> pd.DataFrame:
        """Kornblith's comparison of the backbones over tasks (`domains.adjusted_logits`), a metric below the other."""
        return self._over_tasks(adjusted_logits)

    def domain_slopes(self) -> pd.DataFrame:
        """Slopes by domain and their differences (`domains.domain_slopes`), a metric below the other."""
        return self._over_tasks(lambda fits: domain_slopes(fits, self.domains))

    def _over_tasks(self, made: Callable[[list[TransferFit]], pd.DataFrame]) -> pd.DataFrame:
        blocks = [made(fits_over(found, self.fits)).assign(metric=found.metric) for found in self.overall]
        table = pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame(columns=["metric"])
        return table[["metric", *(column for column in table if column != "metric")]]

    def _plain(self, fit: TransferFit) -> dict[str, Any]:
        scale = self.scales.get((fit.task, fit.metric), 1.0)
        intervals = {name: _plain(getattr(fit, name), scale if name == "slope" else 1.0) for name in INTERVALS}
        reason = " ".join([fit.reason, *cautions(fit)])
        about = {"task": fit.task, "metric": fit.metric, "n": fit.n}
        return {**about, **intervals, "verdict": fit.verdict, "reason": reason}


def analyse(
    source: str | Path | pd.DataFrame,
    choice: TableChoice | None = None,
    *,
    study: str | None = None,
    smallest_slope: float | None = None,
    resample: bool = False,
) -> Analysis:
    """Fit every task and metric of a results table (a CSV file or a data frame) or of a result folder.

    `choice`: how a table is read, and what of it counts. `study`: which study of a folder that holds several.
    `smallest_slope`: metric points per ImageNet point that would matter; by default 0.1, and a study's own. A
    folder's leading metrics know how test images and seeds move all backbones together; all else is as in a table.
    `resample`: also read r and slope by a bootstrap over backbones. Raises InputError for what cannot be read without
    a guess.

    >>> accuracies = [60.5, 67.7, 71.6, 76.1, 79.9, 82.1]
    >>> found = analyse(pd.DataFrame({
    ...     "backbone": list("abcdef"), "task": "moths", "metric": "accuracy",
    ...     "imagenet_top1": accuracies, "value": [71.0, 75.2, 75.9, 80.0, 81.1, 83.4],
    ... }))
    >>> found.table()[["task", "n", "normalised_slope", "verdict"]].round(2)
        task  n  normalised_slope    verdict
    0  moths  6              0.56  transfers
    """
    chosen = choice or _AS_IS
    if smallest_slope is not None and not smallest_slope > 0:
        raise InputError(f"smallest slope {smallest_slope:g}: must be above 0; it is the least that would matter")
    if not isinstance(source, pd.DataFrame) and Path(source).is_dir():
        if told := [each.name for each in fields(chosen) if getattr(chosen, each.name) != getattr(_AS_IS, each.name)]:
            raise InputError(f"{source} is a result folder; {listing(told)}: only a table is told of these")
        return _of_folder(source, study, smallest_slope, resample=resample)
    if study is not None:
        raise InputError(f"--study {study}: belongs to a result folder, and {source} is a table")
    read = read_table(source, chosen)
    smallest = SMALLEST_SLOPE if smallest_slope is None else smallest_slope
    fits = fit_transfer(read.rows, intervention=chosen.intervention, smallest_slope=smallest, resample=resample)
    over = _over_tables([fit for fit in fits if fit.task not in read.no_tasks])
    return Analysis(fits, read.scales, read.notes, over, read.rows, read.no_tasks, domains=read.domains)


def _of_folder(source: str | Path, study: str | None, smallest_slope: float | None, *, resample: bool) -> Analysis:
    """The same of a study."""
    # a table starts without all that reads folders
    from afield.analysis.registered import registration
    from afield.analysis.searches.audits import audit_of
    from afield.analysis.searches.races import NOT_ASKED
    from afield.analysis.study_fits import fit_study, lines_of, told_rows
    from afield.study.collecting.collect import load_record
    from afield.study.collecting.resampled_cells import with_resampled_cells

    record = load_record(source, study)
    if record.audits:
        record = with_resampled_cells(record, source)
    rule = registration(record, smallest_slope)
    fits = fit_study(record, rule.smallest_slope, resample=resample)
    raced = record.study.search.method == "race"
    why = NOT_ASKED if raced else "No pretrained backbone was scored, so there is nothing to fit."
    nothing = () if fits else (f"{source}: {why}",)
    overall = overall_of_study(record, fits)
    return Analysis(
        fits,
        {},
        nothing,
        () if overall is None else (overall,),
        results=told_rows(record),
        no_tasks=record.study.further_folds,
        rule=rule,
        on_the_line=lines_of(record),
        audit=audit_of(record),
        domains={task.name: task.card.domain for task in record.tasks},
    )


def _over_tables(fits: Sequence[TransferFit]) -> tuple[OverallVerdict, ...]:
    """A verdict over tasks for each metric that two of them have; where none is, over what each task has first."""
    by_metric: dict[str, list[TransferFit]] = {}
    for fit in fits:
        by_metric.setdefault(fit.metric, []).append(fit)
    shared = [mine for mine in by_metric.values() if len(mine) > 1]
    found = (overall_verdict(mine) for mine in shared or [list(leading_fits(fits))])
    return tuple(each for each in found if each is not None)


def plain_overall(found: OverallVerdict) -> dict[str, Any]:
    """A verdict over tasks as plain values, all in metric points per ImageNet point."""
    return {
        "metric": found.metric,
        "tasks": list(found.tasks),
        "n": found.n,
        "slope": _plain(found.slope, 1.0),
        "on_these_tasks": _plain(found.here, 1.0),
        "on_one_more_task": _plain(found.another, 1.0),
        "spread": found.spread,
        "p_equal_slopes": found.differ_p,
        "slopes": dict(zip(found.slopes["task"].tolist(), found.slopes["slope"].tolist(), strict=True)),
        "left_out": list(found.left_out),
        "verdict": found.verdict,
        "reason": found.reason,
    }


def plain_reply(found: Reply) -> dict[str, Any]:
    """What an analysis over several fits found, as plain values; None for what is not known or has no bound."""
    return {"words": found.words, "rows": plain(rows_of(found.table))}


def _plain(interval: Interval | None, scale: float) -> dict[str, float | None] | None:
    if interval is None:
        return None
    values = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: scale * value if math.isfinite(value) else None for name, value in values.items()}


def cautions(fit: TransferFit) -> Iterator[str]:
    """What to know before trusting a fit: who carries it, families, points far off. A sentence each."""
    if fit.slope is None:
        return
    families = set(fit.points["family"])
    if len(families) == 1 and families != {""}:
        yield f"All are of one family, {fit.points['family'].iloc[0]}; of others this says nothing."
    elif fit.hangs_on:
        yield f"Without the family {fit.hangs_on} the verdict would be another."
    if fit.carried_by:
        yield f"It hangs on {fit.carried_by}: {fit.range_note}"
    far = outliers(fit.points) if fit.n > 3 else fit.points.iloc[:0]
    if len(far):
        first = far.iloc[0]
        others = f", and so {'does' if len(far) == 2 else 'do'} {count(len(far) - 1, 'other')}" if len(far) > 1 else ""
        yield (
            f"{first['backbone']} lies {signed(first['residual'])} points from the line of the others, farther than "
            f"chance puts any{others}."
        )
