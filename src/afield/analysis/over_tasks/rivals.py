"""Rival explanations: is it ImageNet accuracy, or size, work, year, image size, family, or what pretraining was?

Between backbones a rival is held against ImageNet accuracy on the same backbones: what it explains alone, what beside
it, and how well backbones left out are predicted. These backbones were not made for this: newer ones are larger, better
on ImageNet and of other families at once. What goes together cannot be taken apart by any regression, and variance
inflation says how much it goes together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import f as f_distribution
from scipy.stats import ncf, norm

from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.regression import Nested, inflation, left_out, nested, p_by_family, predicted_r2, well_told
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.others import INFLATED
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.student import holm
from afield.analysis.tables import facts
from afield.analysis.words import listing
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats

RIVALS = {
    "params_m": "parameters",
    "gmacs": "multiply-adds",
    "year": "year",
    "input_size": "image size of the weights",
    "family": "family",
    "pretraining": "pretraining data",
    "objective": "objective of pretraining",
    "augmentation": "augmentation in pretraining",
}
"""columns of the facts, each in words"""
_LOGARITHMIC = ("params_m", "gmacs")
_FREEDOM = 3
"""degrees of freedom that a regression must leave"""
FEW = 20
"""backbones below which it is said that so many explanations always find something"""
_OTHERS = "others"
_COLUMNS = [
    *("task", "metric", "rival", "made_of", "n", "columns", "r2_imagenet", "r2_rival", "r2_both"),
    *("predicted_imagenet", "predicted_rival", "predicted_both", "partial_r", "low", "high", "p", "p_holm"),
    *("family_p", "family_p_holm", "imagenet_partial_r", "imagenet_p", "imagenet_family_p", "inflation"),
]


@dataclass(frozen=True)
class _Rival:
    name: str
    known: np.ndarray
    """[backbones] of whom it is known"""
    columns: Floats
    """[known, k] numbers, or a column a level but the first"""
    made_of: str = ""
    words: tuple[str, ...] = ()
    """[known] the levels themselves; empty for numbers"""

    def among(self, some: np.ndarray) -> Floats:
        """The columns of some backbones, all of whom have it: [some, k]; levels anew, as one may be alone here."""
        own = some[self.known]
        return _levels(list(compress(self.words, own))) if self.words else self.columns[own]


def rival_explanations(fits: Sequence[TransferFit], results: pd.DataFrame) -> Reply:
    """Each rival beside ImageNet accuracy, for each task's leading metric, a row each; the last row is `all`.

    Rivals are those of `RIVALS` that are known (the table's columns, else the catalogue's) and differ: parameters and
    multiply-adds by their logarithm, year and image size as they are, the others by their levels. A level of one
    backbone alone could never be predicted without it: such levels are one, `others` (and join the smallest where that
    would have one member). Backbones of whom a rival is not known are left out of its row, of ImageNet's figures there
    too; what is known of fewer than half has no row, and `words` names it. `all`: ImageNet accuracy and the rivals in
    `made_of`, those that add to the others before them.

    Columns: task, metric, rival, made_of, n, columns (that the rival takes), r2_imagenet, r2_rival, r2_both,
    predicted_imagenet, predicted_rival, predicted_both (the share of variance predicted of backbones left out, which
    more columns do not raise of themselves; below 0 is worse than the mean), partial_r (of value and rival given
    ImageNet accuracy; of levels the multiple one, which has no sign, adjusted for their number) with low and high
    (Fisher's z with n - 4 for a number; the noncentral F for levels and `all`, Smithson 2003, Confidence Intervals,
    chapter 4), p (partial F) and p_holm (over the rivals of a task), family_p and family_p_holm (of a number, where
    members of a family err alike: `regression.p_by_family`; NaN for levels, and where no families are told),
    imagenet_partial_r, imagenet_p and imagenet_family_p (the other way round: ImageNet accuracy given the rival, of
    levels too, but given no families), inflation (of the variance of ImageNet accuracy's slope by the rival
    beside it, 1 / (1 - R2)).

    A rival that would leave fewer than three degrees of freedom has no row. Backbones count as independent, but for the
    p of families.
    """
    rows = [row for fit in leading_fits(fits) for row in _of_fit(fit, results)]
    table = pd.DataFrame(rows, columns=[name for name in _COLUMNS if not name.endswith("p_holm")])
    single = table[table["rival"] != "all"]
    for name in ("p", "family_p"):
        table[f"{name}_holm"] = single.groupby("task")[name].transform(lambda p: holm(p.tolist()))
    table = table[_COLUMNS]
    return Reply(table, " ".join(_words(table, _of_too_few(fits, results))))


def partial_limits(found: Nested, n: int, columns: int, sign: float, level: float = LEVEL) -> Interval:
    """A partial correlation with its limits: of one number (`sign` not 0) by Fisher's z, which one variable held fixed
    leaves n - 4; of levels the multiple one, from 0, by the noncentral F. That one is adjusted as R2 is (Ezekiel 1930),
    for levels explain something by their number alone.
    """
    if sign:
        r = math.sqrt(max(found.partial_r2, 0.0))
        reach = float(norm.isf((1 - level) / 2)) / math.sqrt(n - 4) if n > 4 else math.inf
        z = math.atanh(sign * r)
        return Interval(sign * r, math.tanh(z - reach), math.tanh(z + reach))
    adjusted = 1 - (1 - found.partial_r2) * (found.freedom + columns) / found.freedom
    low, high = (
        math.sqrt(size / (size + columns + found.freedom + 1))
        for size in (_noncentrality(found, columns, tail) for tail in ((1 + level) / 2, (1 - level) / 2))
    )
    return Interval(math.sqrt(max(adjusted, 0.0)), low, high)


def _noncentrality(found: Nested, columns: int, tail: float) -> float:
    """That under which an F as small as was seen has probability `tail`; 0 where none has."""
    if f_distribution.cdf(found.f, columns, found.freedom) <= tail:
        return 0.0
    above = found.f * columns + columns + 10.0  # no farther than need be: far beyond scipy has no number
    while ncf.cdf(found.f, columns, found.freedom, above) > tail:
        above *= 2
    return float(brentq(lambda size: ncf.cdf(found.f, columns, found.freedom, size) - tail, 0.0, above))


def _of_fit(fit: TransferFit, results: pd.DataFrame) -> Iterator[dict[str, object]]:
    x, y = (fit.points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    known, families = _known(fit, results), groups_of(fit.points).to_numpy(np.str_)
    for rival in (*known, *_all(known, x)):
        row = _row(rival, x[rival.known], y[rival.known], families[rival.known].tolist())
        if row is not None:
            yield {"task": fit.task, "metric": fit.metric, "rival": rival.name, "made_of": rival.made_of, **row}


def _known(fit: TransferFit, results: pd.DataFrame) -> list[_Rival]:
    table = facts.facts_of(results, fit.points["backbone"].tolist())
    found = []
    for name in RIVALS:
        levels: list[str] = []
        if name in facts.NUMBERS:
            numbers = table[name].to_numpy(np.float64)
            known = np.isfinite(numbers) & (numbers > 0)
            columns = (np.log10(numbers[known]) if name in _LOGARITHMIC else numbers[known])[:, None]
        else:
            words = table[name].to_numpy(dtype=object)
            known = words != ""
            levels = words[known].tolist()
            columns = _levels(levels)
        if columns.size and known.mean() >= facts.ENOUGH and np.ptp(columns, axis=0).min() > 0:
            found.append(_Rival(name, known, columns, words=tuple(levels)))
    return found


def _levels(each: Sequence[str]) -> Floats:
    """A column of 0 and 1 for each level but the most frequent, of levels of two members or more."""
    words = pd.Series(each, dtype=object)
    sizes = words.value_counts()
    levels = words.where(words.map(sizes) > 1, _OTHERS)
    sizes = levels.value_counts()
    if sizes.get(_OTHERS, 0) == 1 and len(sizes) > 1:
        levels = levels.replace(_OTHERS, sizes.drop(_OTHERS).index[-1])
    names = levels.value_counts().index[1:]
    result: Floats = np.array([levels == name for name in names], dtype=np.float64).T.reshape(len(words), len(names))
    return result


def _all(rivals: list[_Rival], x: Floats) -> Iterator[_Rival]:
    """All rivals together, on the backbones of whom each number is known; those that leave nothing to add are out."""
    numbers = [rival for rival in rivals if rival.name in facts.NUMBERS]
    known = np.logical_and.reduce([rival.known for rival in numbers]) if numbers else np.ones(len(x), dtype=bool)
    design = np.column_stack([np.ones(int(known.sum())), x[known]])
    names: list[str] = []
    for rival in (*numbers, *(rival for rival in rivals if rival not in numbers)):
        if not rival.known[known].all():
            continue
        further = rival.among(known)
        wider = np.column_stack([design, further])
        if further.size and wider.shape[1] + _FREEDOM <= len(wider) and well_told(wider):
            design, names = wider, [*names, rival.name]
    if len(names) > 1:
        yield _Rival("all", known, design[:, 2:], ", ".join(names))


def _row(rival: _Rival, x: Floats, y: Floats, families: list[str]) -> dict[str, object] | None:
    n, k = rival.columns.shape
    ones = np.ones(n)
    imagenet, alone = np.column_stack([ones, x]), np.column_stack([ones, rival.columns])
    both = np.column_stack([imagenet, rival.columns])
    if n - both.shape[1] < _FREEDOM or not well_told(imagenet):
        return None
    found, turned = nested(imagenet, rival.columns, y), nested(alone, x[:, None], y)
    if found is None or turned is None:
        return None
    sign = 0.0
    if k == 1 and rival.name in facts.NUMBERS:
        sign = float(np.sign(left_out(imagenet, y)[0] @ left_out(imagenet, rival.columns[:, 0])[0]))
    upward = float(np.sign(left_out(alone, y)[0] @ left_out(alone, x)[0]))
    partial = partial_limits(found, n, k, sign)
    among = "family" in (rival.name, *rival.made_of.split(", "))
    return {
        "family_p": p_by_family(imagenet, rival.columns[:, 0], y, families) if sign else math.nan,
        "imagenet_family_p": math.nan if among else p_by_family(alone, x, y, families),
        "n": n,
        "columns": k,
        "r2_imagenet": found.r2,
        "r2_rival": turned.r2,
        "r2_both": found.r2_larger,
        "predicted_imagenet": predicted_r2(y, left_out(imagenet, y)[1]),
        "predicted_rival": predicted_r2(y, left_out(alone, y)[1]),
        "predicted_both": predicted_r2(y, left_out(both, y)[1]),
        "partial_r": partial.value,
        "low": partial.low,
        "high": partial.high,
        "p": found.p,
        "imagenet_partial_r": upward * math.sqrt(max(turned.partial_r2, 0.0)),
        "imagenet_p": turned.p,
        "inflation": inflation(x, alone),
    }


def _of_too_few(fits: Sequence[TransferFit], results: pd.DataFrame) -> list[str]:
    """What is known, but of fewer than half of the backbones."""
    names = list(dict.fromkeys(name for fit in fits for name in fit.points["backbone"]))
    table = facts.facts_of(results, names)
    known = {name: (table[name].notna() & (table[name] != "")).mean() for name in RIVALS}
    return [RIVALS[name] for name, share in known.items() if 0 < share < facts.ENOUGH]


def _words(table: pd.DataFrame, of_too_few: list[str]) -> Iterator[str]:
    if table.empty:
        yield (
            "Rival explanations: nothing else is known of these backbones, or too few have it (columns params_m, "
            "gmacs, year, input_size, family, pretraining, objective, augmentation, or ids of the catalogue)."
        )
        return
    for task, rows in table.groupby("task", sort=False):
        yield f"{task}: {_of_task(rows)}"
    hard = table[(table["inflation"] >= INFLATED) & (table["rival"] != "all")]
    if len(hard):
        names = [RIVALS[name] for name in dict.fromkeys(hard["rival"])]
        yield (
            f"Of {listing(names)} ImageNet accuracy cannot be told apart well (variance inflated {INFLATED} times or "
            "more)."
        )
    yield _by_family(table)
    if of_too_few:
        yield f"Known of fewer than half of the backbones, and so not asked: {listing(of_too_few)}."
    if int(table["n"].min()) < FEW:
        yield f"Below {FEW} backbones, so many explanations find something by luck; read what is left out, not R2."


def _by_family(table: pd.DataFrame) -> str:
    """What is left of it where members of a family err alike."""
    told = table[table["family_p"].notna()]
    if told.empty:
        return "Backbones count as independent here; where those of one family err alike, p is too small."
    clear = told[told["family_p_holm"] < 1 - LEVEL]
    where = (" on " + clear["task"]) if table["task"].nunique() > 1 else ""
    names = (clear["rival"].map(RIVALS) + where).tolist()
    return (
        "Backbones count as independent in this. Allowing that families err alike (CR2, Holm), of the rivals that are "
        f"numbers {listing(names) if names else 'none'} clearly {'explain' if len(names) > 1 else 'explains'} more."
    )


def _of_task(rows: pd.DataFrame) -> str:
    single = rows[rows["rival"] != "all"]
    clear = single[single["p_holm"] < 1 - LEVEL].sort_values("p")
    named = [
        f"{RIVALS[row['rival']]} ({row['partial_r']:.2f}, {row['low']:.2f} to {row['high']:.2f})"
        for _, row in clear.iterrows()
    ]
    more = f"these explain more (partial r): {listing(named)}" if named else "no rival clearly explains more"
    falls = [RIVALS[str(name)] for name in single.loc[~(single["imagenet_p"] < 1 - LEVEL), "rival"]]
    without = f"; beside {listing(falls)} that of ImageNet accuracy itself is not clear" if falls else ""
    return f"given ImageNet accuracy {more}{without}.{_predicted(rows)}"


def _predicted(rows: pd.DataFrame) -> str:
    """What is predicted of backbones left out; of a rival nothing where one cannot be, alone in what it is."""
    rows = rows[rows["predicted_both"].notna()]
    single, every = rows[rows["rival"] != "all"], rows[rows["rival"] == "all"]
    if single.empty:
        return ""
    best = single.sort_values("predicted_both", kind="stable").iloc[-1]
    return (
        f" Of the variance of backbones left out ImageNet accuracy predicts {best['predicted_imagenet']:.2f}, with the "
        f"best rival beside it ({RIVALS[best['rival']]}) {best['predicted_both']:.2f}"
        + "".join(f", with all {each:.2f}" for each in every["predicted_both"])
        + "."
    )
