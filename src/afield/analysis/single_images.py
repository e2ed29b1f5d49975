"""Single test images: which ones a network confuses, which it is most wrong about, on which good networks disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from afield.analysis.ranking.compare import Ranking
from afield.scoring.decisions import most_likely
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord


def confusion(predictions: Predictions) -> pd.DataFrame:
    """How many samples of each class are called what: a row a true class, a column a class that is said, in the task's
    order. For tasks of one class a sample.
    """
    names, said = predictions.classes, most_likely(predictions)
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (predictions.label, said), 1)
    return pd.DataFrame(counts, index=list(names), columns=list(names))


def worst(predictions: Predictions, most: int = 12) -> pd.DataFrame:
    """The samples that are surest said to be what they are not: columns sample, label, said, probability (of what is
    said), of_label (of the true class), the least sure of the true class first, at most so many.
    """
    said, shares = most_likely(predictions), predictions.probabilities()
    every = np.arange(len(said))
    names = np.asarray(predictions.classes)
    table = pd.DataFrame(
        {
            "sample": predictions.sample,
            "label": names[predictions.label],
            "said": names[said],
            "probability": shares[every, said],
            "of_label": shares[every, predictions.label],
        }
    )
    wrong: pd.DataFrame = table[predictions.label != said]
    return wrong.sort_values(["of_label", "sample"], ignore_index=True).head(most)


def disputed(record: StudyRecord, ranking: Ranking, most: int = 12) -> pd.DataFrame:
    """The test samples on which the winner and those that tie with it disagree most: columns sample, label, right
    (share of the networks that are), said (what they say, the most frequent first, with their number), networks.

    All networks of these backbones count, under every seed. First those whose most frequent answer has the smallest
    share. Empty for fewer than two such backbones, and where a sample may have several classes.
    """
    columns = ["sample", "label", "right", "said", "networks"]
    task = record.task(ranking.task)
    tied = [row.backbone for row in ranking.rows if row.tied or row.backbone == ranking.winner]
    if len(tied) < 2 or task.target == "labels":
        return pd.DataFrame(columns=columns)
    rows = record.results
    rows = rows[(rows["task"] == ranking.task) & (rows["intervention"] == ranking.intervention)]
    keys = dict.fromkeys(rows.loc[rows["backbone"].isin(tied), "key"])
    networks = [record.predictions_of(str(key), "test", task.classes) for key in keys]
    first = networks[0]
    place = {sample: at for at, sample in enumerate(first.sample)}
    votes = np.zeros((len(first.sample), len(task.classes)), np.int64)
    for each in networks:
        votes[np.array([place[sample] for sample in each.sample]), most_likely(each)] += 1  # one vote a sample
    share = votes.max(axis=1) / len(networks)
    order = [at for at in np.lexsort((first.sample, share)) if share[at] < 1][:most]
    return pd.DataFrame(
        [
            (
                first.sample[at],
                task.classes[first.label[at]],
                votes[at, first.label[at]] / len(networks),
                _said(votes[at], task.classes),
                len(networks),
            )
            for at in order
        ],
        columns=columns,
    )


def _said(votes: np.ndarray, classes: Sequence[str]) -> str:
    """`cat (3), dog (1)`: classes may be numbers, too."""
    told = sorted((-int(number), at) for at, number in enumerate(votes) if number)
    return ", ".join(f"{classes[at]} ({-number})" for number, at in told)
