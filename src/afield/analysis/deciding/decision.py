"""What it costs to choose a backbone by a rule instead of knowing the best: regret, in metric points.

Regret is the metric of the best backbone on test less that of the one which the rule takes (Renggli et al. 2022, arXiv
2010.06402, ask the same of proxies). The best on test is in part the luckiest there, so all regrets are too large by
about as much as it flatters itself (`curse.py`); that is alike for all rules of a task.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from afield.analysis.deciding.choice_rules import (
    AT_RANDOM,
    ON_IMAGENET,
    pool_limits,
    rules_of,
    taken_by,
    values_in_order,
)
from afield.analysis.deciding.choosing import expected_value, flattery
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, SideBySide, side_by_side
from afield.analysis.student import student_mean
from afield.analysis.tables.facts import facts_of, over_seeds
from afield.analysis.words import count, listing, part_of, spelled
from afield.base.streams import stream
from afield.scoring.metric import Floats

POOLS = 2000
_FEWEST = 3
_ON_TEST = (
    "Without a validation metric of all, those tried are chosen by the very figures that they are measured by, which "
    "flatters trying."
)
_COLUMNS = [
    *("task", "metric", "n", "rule", "tried", "chosen_on", "backbone", "regret", "low", "high"),
    *("pool_low", "pool_high", "best", "flattery"),
]
_OVER = [
    *("rule", "tried", "tasks", "regret", "low", "high", "worst", "worst_task"),
    *("against_imagenet", "against_low", "against_high"),
]


def regret(fits: Sequence[TransferFit], results: pd.DataFrame) -> Reply:
    """The regret of each rule on each task, by its leading metric, a row each.

    Rules: the best on ImageNet; the biggest (`params_m`); the best on the mean over the other real-world tasks (as in
    `others.py`); the best of k tried, drawn at random (the exact mean over all draws); the best of the k best on
    ImageNet, all of these tried. What is tried is chosen on validation where `results` has it of all (`chosen_on`),
    else on test itself, which flatters trying. What is equal, on ImageNet or by the criterion, counts as the mean over
    all orders of it: where two stand level for the last place of a shortlist, each has it in half of them.

    Columns: task, metric, n (backbones that have every task), rule, tried, chosen_on (empty where nothing is tried),
    backbone (whom the rule takes, or may take where orders of equals differ; empty where that is drawn), regret (metric
    points), low and high (from test samples and seeds: Hsu's interval of the distance to the best, below; NaN where the
    table tells no errors, and of draws), pool_low and pool_high (between which limits the regret lies in 95 of 100
    pools of half of these backbones, drawn without replacement; NaN where more are tried than such a pool has), best
    (the best on test), flattery (by how much that flatters itself, points; NaN without errors).

    A rule whose criterion is not known of all backbones has no row. No rows below three backbones.
    """
    table = side_by_side(fits, results)
    found = _regrets(table, results, in_pools=True)
    return Reply(found, " ".join(_task_words(table, found)))


def rules(fits: Sequence[TransferFit], results: pd.DataFrame) -> Reply:
    """The mean regret of each rule over tasks, with Student's interval over them: a task is one case.

    Columns: rule, tried, tasks, regret, low, high, worst (the largest), worst_task, against_imagenet (its mean regret
    less that of the best on ImageNet, in pairs over tasks; below 0 is better than that), against_low, against_high.
    Limits are NaN below two tasks.
    """
    table = side_by_side(fits, results)
    found = _regrets(table, results, in_pools=False)
    if found.empty:
        return Reply(pd.DataFrame(columns=_OVER), _too_few(table))
    by_place = {place: found[_is(found, place)].set_index("task")["regret"] for place in _places(found)}
    reference = by_place[ON_IMAGENET, 0]
    rows = []
    for (rule, tried), each in by_place.items():
        if len(each) == len(reference):
            mean = student_mean(each.to_numpy(np.float64)).cut(0, math.inf)
            apart = student_mean((each - reference).to_numpy(np.float64))
            worst = float(each.max()), str(each.idxmax())
            limits = mean.value, mean.low, mean.high, *worst, apart.value, apart.low, apart.high
            rows.append((rule, tried, len(each), *limits))
    over = pd.DataFrame(rows, columns=_OVER)
    return Reply(over, " ".join(_over_words(table, over, found, results)))


def _regrets(table: SideBySide, results: pd.DataFrame, *, in_pools: bool) -> pd.DataFrame:
    """The rows of `regret`; without `in_pools`, which takes most of the time, these two columns are NaN."""
    n = len(table.values)
    if n < _FEWEST:
        return pd.DataFrame(columns=_COLUMNS)
    facts = facts_of(results, list(table.values.index))
    pools = np.argsort(stream(0, "pools of backbones").random((POOLS if in_pools else 0, n)), axis=1)[:, : n // 2]
    rows = []
    for fit in table.fits:
        values, errors = 100 * table.values[fit.task].to_numpy(np.float64), 1e4 * table.errors(fit.task)
        tried = _on_validation(table, fit, results)
        chosen_on = "test" if tried is None else "validation"
        criterion = values if tried is None else tried
        in_order: dict[str, Floats] = {}
        best, flattered = str(table.values[fit.task].idxmax()), flattery(values, errors)
        for rule in rules_of(table, fit.task, criterion, facts["params_m"].to_numpy(np.float64), on_test=tried is None):
            named, found = taken_by(rule, table, values, errors)
            if rule.name not in in_order:  # rules of one name take the first of one order
                in_order[rule.name] = values_in_order(rule, table.imagenet, values, pools)
            low, high = pool_limits(rule, in_order[rule.name])
            head = (fit.task, fit.metric, n, rule.name, rule.tried, chosen_on if rule.tried else "", named)
            rows.append((*head, found.value, found.low, found.high, low, high, best, flattered))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _on_validation(table: SideBySide, fit: TransferFit, results: pd.DataFrame) -> Floats | None:
    """[n] the metric on validation, mean over seeds; None where one has none, or where test itself selected."""
    if "validation" not in results:
        return None
    rows = results[(results["task"] == fit.task) & (results["metric"] == fit.metric)]
    if "selected_on" in rows and (rows["selected_on"] == "test").any():
        return None
    # what differs by rounding alone is equal
    found: Floats = np.round(over_seeds(rows, "validation", list(table.values.index)), 12)
    return found if np.isfinite(found).all() else None


def _places(found: pd.DataFrame) -> list[tuple[str, int]]:
    """The rules, each with how many it tries, in their order."""
    return list(dict.fromkeys((str(row.rule), int(str(row.tried))) for row in found.itertuples()))


def _is(found: pd.DataFrame, place: tuple[str, int]) -> pd.Series:
    return (found["rule"] == place[0]) & (found["tried"] == place[1])


def _too_few(table: SideBySide) -> str:
    have = count(len(table.values), "backbone")
    return f"What a rule of choice costs: that takes three backbones that have every task, and here are {have}."


def _task_words(table: SideBySide, found: pd.DataFrame) -> Iterator[str]:
    if found.empty:
        yield _too_few(table)
        return
    taken = found[found["rule"] == ON_IMAGENET]
    told = [f"{row.task} {row.regret:.1f}" for row in taken.itertuples()]
    best, name = int((taken["regret"] == 0).sum()), taken["backbone"].iloc[0]
    if len(taken) == 1:
        yield f"The best on ImageNet ({name}) {_below(float(taken['regret'].iloc[0]))}."
    else:
        yield (
            f"The best on ImageNet ({name}) is the best on test on "
            f"{part_of(best, len(taken), 'task')}; points below it: {', '.join(told)}."
        )
    yield from _cautions(table, found)


def _below(regret: float) -> str:
    """How far the best on ImageNet lies below the best on test, in points.

    >>> _below(0.0), _below(0.02)
    ('is the best on test, too', 'lies less than 0.1 points below the best on test')
    """
    if regret == 0:
        return "is the best on test, too"
    return f"lies {f'{regret:.1f}' if regret >= 0.1 else 'less than 0.1'} points below the best on test"


def _over_words(table: SideBySide, over: pd.DataFrame, found: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    told = [
        f"{'any one at random' if row['rule'] == AT_RANDOM else row['rule']} {_points(row)}"
        for _, row in over.iterrows()
        if row["tried"] == 0 or (row["rule"] == AT_RANDOM and row["tried"] == 1)
    ]
    tasks = int(over["tasks"].iloc[0])
    over_tasks = f", mean over {count(tasks, 'task')}" if tasks > 1 else ""
    yield (f"Points lost against the best of {count(len(table.values), 'backbone')}{over_tasks}: {'; '.join(told)}.")
    yield _worth(table, float(over.loc[over["rule"] == ON_IMAGENET, "regret"].iloc[0]), results)
    clear = over[(over["against_high"] < 0) & (over["tried"] == 0)]
    worse = over[(over["against_low"] > 0) & (over["tried"] == 0)]
    for rows, how in ((clear, "better"), (worse, "worse")):
        if len(rows):
            yield f"Clearly {how} than the best on ImageNet, in pairs over tasks: {listing(rows['rule'].tolist())}."
    if (found["chosen_on"] == "test").any():
        yield _ON_TEST


def _points(row: pd.Series) -> str:
    if math.isnan(row["low"]):
        return f"{row['regret']:.1f}"
    limits = f"{row['low']:.1f} to {row['high']:.1f}"
    return f"{row['regret']:.1f} ({limits}), at most {row['worst']:.1f} ({row['worst_task']})"


def _worth(table: SideBySide, of_imagenet: float, results: pd.DataFrame) -> str:
    """How many tries at random the best on ImageNet is worth."""
    n = len(table.values)
    for k in range(1, n):
        lost = []
        for fit in table.fits:
            values = 100 * table.values[fit.task].to_numpy(np.float64)
            tried = _on_validation(table, fit, results)
            lost.append(values.max() - expected_value(values, values if tried is None else tried, k))
        if np.mean(lost) <= of_imagenet:
            if k == 1:
                return "Taking any one at random would have cost no more than the best on ImageNet."
            fewer = spelled(k - 1)
            return f"The best on ImageNet beats the best of {fewer} tried at random, but not the best of {spelled(k)}."
    return "No number of tries at random does as well as the best on ImageNet."


def _cautions(table: SideBySide, found: pd.DataFrame) -> Iterator[str]:
    if (found["chosen_on"] == "test").any():
        yield _ON_TEST
    flattered = found["flattery"].dropna()
    if len(flattered):
        low, high = (f"{each:.1f}" for each in (flattered.min(), flattered.max()))
        size = f"about {low} points" if low == high else f"{low} to {high} points"
        size = size if float(high) else "less than 0.1 points"
        yield f"The best on test flatters itself by {size} (luck of the test images), which is in every regret."
    if "biggest" not in set(found["rule"]):
        yield "Who is the biggest is not known: not all have params_m."
    if table.lacking:
        yield table.lacking
