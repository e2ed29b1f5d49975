"""An analysis of a table as text: a line a fit, the reasons, and for those who ask all that stands behind them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

import pandas as pd

from afield.analysis.analyse import Analysis, cautions
from afield.analysis.details import DETAILS
from afield.analysis.fitting.association import correlations, misranked
from afield.analysis.fitting.curves import CURVES_FROM, curves
from afield.analysis.fitting.on_the_line import OnTheLine
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.power import power
from afield.analysis.fitting.robust import FAMILIES_FROM, family_bootstrap, outliers
from afield.analysis.fitting.subsets import leave_out
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.domains import adjusted_logits, domain_slopes, domain_words, off_the_logits
from afield.analysis.over_tasks.overall_verdict import fits_over
from afield.analysis.over_tasks.side_by_side import Reply
from afield.analysis.questions import QUESTIONS, WHOLE, in_short
from afield.analysis.words import P_COLUMNS, count, digits_of_r, listing, p_value, signed
from afield.base.text import columns
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title

HEADS = ("task", "metric", "n", "r", "points per ImageNet point", "verdict")
_SHOWN = 5
"""as many backbones far off the line are listed"""


def headlines(analysis: Analysis) -> list[tuple[str, ...]]:
    """A row a fit under `HEADS`."""
    return [
        (
            fit.task,
            metric_title(fit.metric),
            str(fit.n),
            _with_limits(fit.pearson_r),
            _with_limits(fit.normalised_slope, sign=True),
            fit.verdict if fit.ceiling is None else f"{fit.verdict}, near the ceiling",
        )
        for fit in analysis.fits
    ]


def reasons(analysis: Analysis) -> str:
    """Why each verdict is what it is: a paragraph a fit, those over tasks first."""
    return "\n\n".join(
        [
            *over_tasks(analysis),
            *(
                f"{fit.task}, {metric_title(fit.metric)}: {fit.verdict}. {' '.join([fit.reason, *cautions(fit)])}"
                for fit in analysis.fits
            ),
        ]
    )


def over_tasks(analysis: Analysis) -> list[str]:
    """The verdicts over tasks, a paragraph each."""
    return [f"Over tasks, {metric_title(found.metric)}: {found.verdict}. {found.reason}" for found in analysis.overall]


def over_tasks_in_full(analysis: Analysis) -> list[str]:
    """The same with what stands behind it: domains, and backbones compared over tasks, a block each."""
    blocks = []
    for found, words in zip(analysis.overall, over_tasks(analysis), strict=True):
        fits = fits_over(found, analysis.fits)
        slopes, logits = domain_slopes(fits, analysis.domains), adjusted_logits(fits)
        lines = [domain_words(slopes), off_the_logits(fits)]
        parts = [words, "\n".join(line for line in lines if line)]
        if len(slopes):
            parts.append(_frame(slopes))
        if len(logits):
            parts.append(f"logits less each task's mean, mean over tasks (Kornblith et al. 2019):\n{_frame(logits)}")
        blocks.append("\n".join(part for part in parts if part))
    return blocks


def audited(analysis: Analysis) -> list[str]:
    """What choosing on validation was worth, where the study measured it: its words, and a row a search."""
    if analysis.audit is None:
        return []
    table = analysis.audit.table()
    digits = dict.fromkeys(("validation", "test"), 3)
    return [
        f"Audit: {analysis.audit.words}" + (f"\n{textwrap.indent(_frame(table, digits), '  ')}" if len(table) else "")
    ]


def details(fit: TransferFit) -> str:
    """All analyses of one fit: other coefficients, axes and methods, parts of the backbones, other shapes, power."""
    head = f"{fit.task}, {metric_title(fit.metric)}, {count(fit.n, 'backbone')}: {fit.verdict}"
    if fit.slope is None or fit.n < 4:
        return f"{head}\n  {fit.reason}"
    return "\n".join([head, *(f"  {line}" for part in _parts(fit) for line in part.splitlines())])


def together(analysis: Analysis) -> str:
    """What several fits say together: a paragraph an analysis, its table below its words; last, in a line each, why
    others have nothing to say.
    """
    findings = {name: analysis.over(name) for name in QUESTIONS}
    told = [_reply(name, found) for name, found in findings.items() if not found.table.empty]
    told += [_line(found) for found in analysis.on_the_line]
    untold = "\n".join(found.words for found in findings.values() if found.table.empty)
    return "\n\n".join([*told, *([untold] if untold else [])])


def _reply(name: str, found: Reply) -> str:
    return f"{found.words}\n{textwrap.indent(_frame(in_short(name, found.table), WHOLE), '  ')}"


def _line(found: OnTheLine) -> str:
    table = found.points[["backbone", "home", "there", "expected", "low", "high", "robustness", "p_holm"]]
    shares = dict.fromkeys(("home", "there", "expected", "low", "high"), 3)
    return f"{found.task}, {found.split}: {found.words}\n{textwrap.indent(_frame(table, shares), '  ')}"


def _parts(fit: TransferFit) -> Iterator[str]:
    yield fit.reason
    yield from cautions(fit)
    yield ""
    coefficients = correlations(fit.points)
    yield _frame(coefficients, dict.fromkeys(("value", "low", "high"), digits_of_r(coefficients["value"].abs().max())))
    yield misranked_words(fit)
    yield ""
    yield _frame(DETAILS["slopes"](fit), {"r2": 4})
    yield families_words(fit)
    yield ""
    cuts = DETAILS["cuts"](fit)
    yield _frame(cuts, {"above": 0, **dict.fromkeys(("r", "r_low", "r_high"), digits_of_r(cuts["r"].abs().max()))})
    yield ""
    yield from without_words(fit)
    yield shape_words(fit)
    yield from power_words(fit)
    far = outliers(fit.points)
    if len(far):
        yield ""
        yield f"farther from the line of the others than chance puts any ({len(far)}):"
        yield _frame(far.head(_SHOWN), {"imagenet_top1": 1})


def misranked_words(fit: TransferFit) -> str:
    """How often ImageNet accuracy is wrong about which of two backbones does better."""
    return (
        f"of all pairs of backbones ImageNet accuracy puts {100 * misranked(fit.points):.1f} % in the wrong order; a "
        "tie counts half"
    )


def power_words(fit: TransferFit) -> Iterator[str]:
    """What so many backbones could have shown; nothing where that is not known."""
    found = power(fit)
    if found is not None:
        yield (
            "In four studies of five so many backbones, spread and scattered like these, would show a true |r| of "
            f"{found.r:.2f} or more, or a true slope of {found.slope:.2f} points or more; and of a true slope of 0 "
            f"that it is within {found.within:.2f}."
        )


def families_words(fit: TransferFit) -> str:
    """What whole families resampled say of r and slope, or why there is nothing to say."""
    families = groups_of(fit.points).nunique()
    if families == fit.n:
        return "by families: none of several backbones is known"
    found = family_bootstrap(fit.points)
    if found is None:
        return f"by families: {families} of them; to resample them whole takes {FAMILIES_FROM} or more"
    r, slope = found
    both = f"r {_with_limits(r)}, slope {_with_limits(slope, sign=True)}"
    return f"by {families} families, resampled whole (BCa): {both}"


def without_words(fit: TransferFit) -> Iterator[str]:
    """Between which values r and slope move where one backbone, or one family, is left out."""
    for by in ("backbone", "family"):
        table = leave_out(fit.points, "family" if by == "family" else "backbone").dropna()
        if by == "family" and (len(table) < 2 or table["members"].max() == 1):
            continue
        low, high = table.iloc[0], table.iloc[-1]
        digits = digits_of_r(table["r"].abs().max())
        yield (
            f"Without one {by}: slope {signed(low['slope'], 2)} (without {low['left_out']}) to "
            f"{signed(high['slope'], 2)} (without {high['left_out']}), r {table['r'].min():.{digits}f} to "
            f"{table['r'].max():.{digits}f}."
        )


def shape_words(fit: TransferFit) -> str:
    """Whether a curve foretells backbones left out clearly better than the straight line."""
    table = curves(fit.points)
    if table.empty:
        return f"Whether it is a straight line: that takes {CURVES_FROM} backbones or more."
    errors = ", ".join(f"{row.curve} {row.left_out_error:.2f}" for row in table.itertuples())
    better = [str(name) for name in table.loc[table["better"].astype(bool), "curve"]]
    said = (
        f"{listing(better)} better than the line by more than two standard errors"
        if better
        else "no curve is clearly better than the line"
    )
    return f"Error of backbones left out, metric points: {errors}; {said}."


def _frame(table: pd.DataFrame, digits: dict[str, int] | None = None) -> str:
    """A data frame as aligned columns; floats to two digits, or as `digits` says, p to three."""
    rows = [
        tuple(
            p_value(value) if name in P_COLUMNS else _cell(value, (digits or {}).get(str(name), 2))
            for name, value in row.items()
        )
        for row in table.to_dict("records")
    ]
    return columns(rows, tuple(str(name).replace("_", " ") for name in table.columns))


def _cell(value: object, digits: int) -> str:
    """A value of a data frame as text.

    >>> _cell(-0.004, 2), _cell(float("nan"), 2), _cell(float("-inf"), 0), _cell(7, 2)
    ('0.00', '-', 'all', '7')
    """
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "-"
    return "all" if value == -math.inf else f"{round(value, digits) + 0.0:.{digits}f}"


def _with_limits(interval: Interval | None, *, sign: bool = False) -> str:
    """A number and its limits, to two digits; near a correlation of one to three."""
    if interval is None:
        return "-"
    digits = 2 if sign else digits_of_r(interval.value)
    value, low, high = (
        (signed(each, digits) if sign else f"{each:.{digits}f}")
        for each in (interval.value, interval.low, interval.high)
    )
    return f"{value} ({low} to {high})"
