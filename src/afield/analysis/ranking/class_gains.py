"""Which classes an intervention helps and which it hurts: recall by class against the plain recipe, in pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afield.analysis.student import Part, holm, student, student_p
from afield.scoring.decisions import most_likely
from afield.scoring.metric import Floats
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord
from afield.study.study import PLAIN

COLUMNS = ("intervention", "class", "n", "pairs", "without", "with", "difference", "low", "high", "p", "p_holm")


def class_gains(record: StudyRecord, task: str) -> pd.DataFrame:
    """A row an intervention and class of test (columns: COLUMNS): recall `without` it (under plain) and `with` it, mean
    over the `pairs` of networks of one backbone and seed, and their difference, all shares; n samples have the class.

    `low`, `high`: Student's 95 % interval of the difference over clusters of test samples, the same for both networks
    of a pair, with clusters less one degrees of freedom. So it is about these networks on other images: seeds and
    backbones are not in it. `p_holm` allows for the classes of the intervention. NaN where a class lies in one cluster,
    or where all its clusters changed alike. No rows where a sample may have several classes, and for interventions
    without a pair.
    """
    about = record.task(task)
    rows = record.results[(record.results["task"] == task) & (record.results["metric"] == about.metric)]
    if about.target == "labels" or rows.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    keys = rows.drop_duplicates(["backbone", "seed", "intervention"]).set_index(["intervention", "backbone", "seed"])[
        "key"
    ]
    right: dict[str, pd.Series] = {}
    first: Predictions | None = None
    tables = []
    for intervention in dict.fromkeys(rows["intervention"]):
        if intervention == PLAIN or PLAIN not in keys.index.get_level_values(0):
            continue
        shared = keys[PLAIN].index.intersection(keys[intervention].index)
        for key in [*keys[PLAIN][shared], *keys[intervention][shared]]:
            if key not in right:
                said = record.predictions_of(key, "test", about.classes)
                first = first or said
                right[key] = pd.Series(most_likely(said) == said.label, index=said.sample)
        if len(shared) and first is not None:
            sides = [
                np.mean([right[key].reindex(first.sample).to_numpy(np.float64) for key in keys[name][shared]], axis=0)
                for name in (PLAIN, intervention)
            ]
            tables.append(_by_class(str(intervention), first, sides[0], sides[1], len(shared)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def _by_class(intervention: str, test: Predictions, without: Floats, with_it: Floats, pairs: int) -> pd.DataFrame:
    """The rows of one intervention; `without` and `with_it`: how often each sample is right, over the networks."""
    rows = []
    for label, name in enumerate(test.classes):
        mine = test.label == label
        if not mine.any():
            continue
        change, clusters = with_it[mine] - without[mine], test.cluster[mine]
        mean, n = float(change.mean()), int(mine.sum())
        low, high, p = _interval(change, clusters)
        rows.append((intervention, name, n, pairs, without[mine].mean(), with_it[mine].mean(), mean, low, high, p))
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    return table.assign(p_holm=holm(table["p"].tolist()))


def _interval(change: Floats, clusters: np.ndarray) -> tuple[float, float, float]:
    """Student's limits of a mean over clusters of samples, and its two-sided p."""
    mean, count = float(change.mean()), len(np.unique(clusters))
    sums = pd.Series(change - mean).groupby(clusters).sum().to_numpy(np.float64)
    if count < 2 or not (sums**2).sum() > 0:
        return np.nan, np.nan, np.nan
    parts = [Part(count / (count - 1) * float((sums**2).sum()) / len(change) ** 2, count - 1)]
    found = student(mean, parts)
    return found.low, found.high, student_p(mean, parts)
