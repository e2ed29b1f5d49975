"""Every intervention against the plain recipe: differences in pairs, a line a backbone, and one over all of them.

A pair is one task, backbone, split, view and the seeds that both sides have. The line over the backbones is the mean of
their differences. Its variance has two parts: test samples (the same resamples for all backbones, which are kept as
they are) and backbones (the spread of their differences, over their number: what a bootstrap over backbones estimates,
unbiased; at least what the seeds alone would give). What samples and seeds change for single backbones is in that
spread, too, so these intervals are rather too wide than too narrow.

Each interval holds for itself at 95 %. For all lines of a task together there are Holm's p values (Holm 1979): one
family are the lines over backbones, another all lines of single ones. Training from scratch, which asks another
question (what pretraining brought), is in families of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from afield.analysis.fitting.points import leading_rows
from afield.analysis.ranking.compare import ranked_intervention
from afield.analysis.ranking.paired import Compares, Networks, PairedScores
from afield.analysis.student import Part, holm, student, student_p
from afield.analysis.words import count, gain_words, listing
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Metric
from afield.scoring.metrics import direction
from afield.study.record import StudyRecord

ALL = "all"
"""stands for the backbones of a line over all of them"""
FEW = 4
"""backbones below which a line over them says how many they are"""
_NOTHING = Interval(0.0, 0.0, 0.0)
"""what an intervention changes whose trainings are the baseline's own"""
Pair = tuple[Networks, Networks]
"""under the intervention, under the baseline"""


@dataclass(frozen=True)
class Change:
    """What an intervention changed on one task: for one backbone, or on average over several."""

    task: str
    metric: str
    intervention: str
    baseline: str
    backbone: str
    """its id, or ALL"""
    backbones: int
    """how many the line is about"""
    seeds: tuple[int, ...]
    """that both sides have"""
    baseline_value: float
    """the metric on test, mean over those seeds (and backbones)"""
    value: float
    difference: Interval
    """intervention minus baseline, metric's own scale; the interval for itself at 95 %"""
    p: float
    """two-sided, of no difference; NaN where there is no interval"""
    p_holm: float
    """the same where all lines of its family are looked at"""
    compares: Compares
    """`networks` where seeds were not repeated and one backbone is told of"""
    note: str = ""
    """what to know of it"""

    @property
    def clear(self) -> bool:
        """Whether there is a difference, all lines of its family considered."""
        return self.p_holm < 1 - LEVEL

    @property
    def better(self) -> bool:
        """Whether the intervention is on the metric's good side."""
        return (self.difference.value > 0) == (direction(self.metric) == "higher")


def interventions_of(record: StudyRecord, task: str) -> tuple[Change, ...]:
    """What each intervention of the study changed on a task against `plain` (or the first that a study without it
    names), in the study's order: the line over all backbones, where there are two or more, and one a backbone.

    Where predictions are at hand the differences have intervals, else they are the results table's alone. Raises
    InputError where two networks were not scored on the same test samples.
    """
    return changes_by(record, task, record.metric(task))


def changes_by(record: StudyRecord, task: str, leading: Metric) -> tuple[Change, ...]:
    """The same by that metric, which leads the task but may have settled what it settles."""
    baseline = ranked_intervention(record)
    others = [name for name in record.study.study.interventions if name != baseline]
    known = record.results
    if len(known):
        known = known[known["key"].isin(set(record.predictions["key"]))]
    scores = PairedScores.of(replace(record, results=known), task, leading, (baseline, *others))
    told = differences(record.results, task, leading.name, baseline)
    single, pooled = [], []
    for name in others:
        pairs = dict(_pairs(scores, name, baseline, record.study.backbones_of(name)))
        mine = [
            _compared(scores, pairs[line.backbone], line) if line.backbone in pairs else line
            for line in told
            if line.intervention == name
        ]
        single += mine
        if len(mine) > 1:
            pooled.append(_over_backbones(scores, list(pairs.values()), mine))
    scratch = from_scratch(record, baseline)
    lines = [
        line
        for kind in (pooled, single)
        for controls in (True, False)
        for line in _adjusted([line for line in kind if (line.intervention in scratch) == controls])
    ]
    return tuple(line for name in others for line in lines if line.intervention == name)


def from_scratch(record: StudyRecord, baseline: str) -> tuple[str, ...]:
    """The interventions that train from scratch, by which one sees what pretraining brought; none where the baseline
    itself trains from scratch.
    """
    recipes = {name: record.study.recipe_of(name) for name in (baseline, *record.study.study.interventions)}
    scratch = tuple(name for name, recipe in recipes.items() if recipe.initialisation == "scratch")
    return () if baseline in scratch else scratch


def differences(results: pd.DataFrame, task: str, metric: str, baseline: str) -> tuple[Change, ...]:
    """The differences that a results table tells by itself, a line an intervention and backbone, without intervals.

    The leading rows are paired by backbone and seed.
    """
    if results.empty:
        return ()
    pairing = ["backbone", "seed"]
    chosen = leading_rows(results[(results["task"] == task) & (results["metric"] == metric)])
    rows = chosen[[*pairing, "intervention", "value"]]
    under = rows["intervention"] == baseline
    both = rows[~under].merge(rows[under], on=pairing, suffixes=("", "_baseline"))
    return tuple(
        Change(
            task=task,
            metric=metric,
            intervention=str(intervention),
            baseline=baseline,
            backbone=str(backbone),
            backbones=1,
            seeds=tuple(int(seed) for seed in sorted(pair["seed"])),
            baseline_value=float(pair["value_baseline"].mean(skipna=False)),
            value=float(pair["value"].mean(skipna=False)),
            difference=Interval(float((pair["value"] - pair["value_baseline"]).mean(skipna=False)), math.nan, math.nan),
            p=math.nan,
            p_holm=math.nan,
            compares="networks",
            note="no predictions at hand: the difference alone, from the results table",
        )
        for (intervention, backbone), pair in both.groupby(["intervention", "backbone"], sort=False)
    )


COLUMNS = (
    "task", "metric", "direction", "intervention", "baseline", "backbone", "backbones", "seeds", "baseline_value",
    "value", "difference", "low", "high", "p", "p_holm", "clear", "compares", "note",
)  # fmt: skip
"""of the table of interventions; explained in docs/result_folder.md"""


def intervention_table(lines: Iterable[Change]) -> pd.DataFrame:
    """Lines as a table with the columns COLUMNS; `backbone` is `all` in lines over several, and `seeds` lists them with
    blanks between.
    """
    rows = [
        {
            "task": line.task, "metric": line.metric, "direction": direction(line.metric),
            "intervention": line.intervention, "baseline": line.baseline,
            "backbone": line.backbone, "backbones": line.backbones, "seeds": " ".join(map(str, line.seeds)),
            "baseline_value": line.baseline_value, "value": line.value,
            "difference": line.difference.value, "low": line.difference.low, "high": line.difference.high,
            "p": line.p, "p_holm": line.p_holm, "clear": line.clear, "compares": line.compares, "note": line.note,
        }
        for line in lines
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def in_words(changes: Sequence[Change]) -> str:
    """A sentence of what the interventions of a task brought: by the lines over backbones, or of a single one."""
    heads = leading_lines(changes)
    told = [
        f"{line.intervention} {'helped' if line.better else 'hurt'}: {gain_words(line.difference, line.metric)}"
        for line in heads
        if line.clear
    ]
    same = [line.intervention for line in heads if line.difference == _NOTHING]
    unclear = [line.intervention for line in heads if not line.clear and line.intervention not in same]
    if unclear:
        told.append(f"{listing(unclear)} made no clear difference")
    if same:
        told.append(f"{listing(same)} {'is' if len(same) == 1 else 'are'} the same trainings here")
    if not told:
        return ""
    basis = " One seed: this compares trained networks." if any(line.compares == "networks" for line in heads) else ""
    return f"Against {heads[0].baseline}: {'; '.join(told)}.{basis}"


def leading_lines(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Of each intervention the line over backbones; of one that was tried on a single backbone that one's."""
    pooled = {line.intervention for line in changes if line.backbone == ALL}
    return tuple(line for line in changes if (line.backbone == ALL) == (line.intervention in pooled))


def _adjusted(lines: Sequence[Change]) -> list[Change]:
    """The lines with Holm's p values, as one family."""
    return [replace(line, p_holm=p) for line, p in zip(lines, holm([line.p for line in lines]), strict=True)]


def _pairs(
    scores: PairedScores, intervention: str, baseline: str, backbones: Sequence[str]
) -> Iterator[tuple[str, Pair]]:
    """Both sides of each backbone, of the seeds that both have."""
    for backbone in backbones:
        if {(backbone, intervention), (backbone, baseline)} <= scores.networks.keys():
            ours, theirs = scores.networks[backbone, intervention], scores.networks[backbone, baseline]
            common = set(ours.rows["seed"]) & set(theirs.rows["seed"])
            if common:
                yield backbone, (ours.of_seeds(common), theirs.of_seeds(common))


def _one_and_the_same(pair: Pair) -> bool:
    """Whether an intervention changes nothing: its trainings are the baseline's own."""
    ours, theirs = pair
    return set(ours.rows["key"]) == set(theirs.rows["key"])


def _compared(scores: PairedScores, pair: Pair, told: Change) -> Change:
    """The line of one backbone, with its interval."""
    ours, theirs = pair
    value = ours.value - theirs.value
    parts = [] if _one_and_the_same(pair) else scores.parts(ours, theirs)
    interval = scores.within(student(value, parts))
    compares = scores.compares(told.intervention, told.baseline)
    notes = [
        "the same trainings: this changes nothing here" if _one_and_the_same(pair) else "",
        "one seed: compares trained networks" if compares == "networks" else "",
        scores.why_not(interval),
    ]
    return replace(
        told,
        seeds=tuple(int(seed) for seed in sorted(ours.rows["seed"])),
        baseline_value=theirs.value,
        value=ours.value,
        difference=interval,
        p=student_p(value, parts),
        compares=compares,
        note="; ".join(note for note in notes if note),
    )


def _over_backbones(scores: PairedScores, pairs: Sequence[Pair], lines: Sequence[Change]) -> Change:
    """The mean of the differences of several backbones; without limits where one of them has none."""
    values = np.array([line.difference.value for line in lines])
    value, complete = float(values.mean()), len(pairs) == len(lines)
    parts = _pooled_parts(scores, pairs) if complete else [Part(math.nan, 1)]
    interval = scores.within(student(value, parts))
    lacking = [line.backbone for line in lines if not math.isfinite(line.difference.low)]
    seeds = sorted(set.intersection(*(set(line.seeds) for line in lines)))
    notes = [
        f"no interval: {listing(lacking)} {'has' if len(lacking) == 1 else 'have'} none" if lacking else "",
        f"rests on {count(len(lines), 'backbone')}" if len(lines) < FEW and not lacking else "",
    ]
    return replace(
        lines[0],
        backbone=ALL,
        backbones=len(lines),
        seeds=tuple(seeds),
        baseline_value=float(np.mean([line.baseline_value for line in lines])),
        value=float(np.mean([line.value for line in lines])),
        difference=interval,
        p=student_p(value, parts),
        compares="backbones",
        note="; ".join(note for note in notes if note),
    )


def _pooled_parts(scores: PairedScores, pairs: Sequence[Pair]) -> list[Part]:
    """The variance of a mean of differences: from test samples, and from the backbones."""
    if all(_one_and_the_same(pair) for pair in pairs):
        return []
    number = len(pairs)
    resampled = np.mean([ours.resampled - theirs.resampled for ours, theirs in pairs], axis=0)
    samples = Part(scores.sample_variance(resampled), scores.clusters - 1)
    spread = float(np.var([ours.value - theirs.value for ours, theirs in pairs], ddof=1)) / number
    seeds = [sum(scores.seed_variances(*pair).values()) for pair in pairs if not _one_and_the_same(pair)]
    return [samples, Part(max(spread, sum(seeds) / number**2), number - 1)]
