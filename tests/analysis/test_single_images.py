"""Single images: counts that add up, mistakes in the order of their size, and disputes among those that tie."""

import dataclasses
import re

import numpy as np
import pytest

from afield.analysis.chosen import chosen_network
from afield.analysis.ranking.compare import rank_backbones
from afield.analysis.single_images import confusion, disputed, worst
from afield.scoring.predictions import Predictions
from tests.fixtures.records import make_record


def said_of(labels, logits):
    names = np.array([f"image{place}" for place in range(len(labels))])
    return Predictions(("a", "b", "c"), names, names, names, np.array(labels), np.array(logits, np.float32))


THREE = said_of([0, 0, 1, 2], [[4, 0, 0], [0, 1, 0], [0, 3, 0], [5, 0, 0]])


def test_confusions_count_every_sample_once():
    counts = confusion(THREE)
    assert counts.to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert list(counts.index) == ["a", "b", "c"]


def test_the_worst_is_the_surest_mistake():
    found = worst(THREE)
    assert list(found["sample"]) == ["image3", "image1"]
    assert list(found["said"]) == ["a", "b"]
    assert found["of_label"].iloc[0] == pytest.approx(1 / (np.exp(5) + 2))
    assert found["probability"].iloc[0] == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert len(worst(THREE, 1)) == 1


@pytest.fixture(scope="module")
def record():
    return make_record(n_test=150, metrics=["accuracy"])


def test_disputes_are_among_the_winner_and_those_that_tie(record):
    ranking = rank_backbones(record, "elpv")
    tied = [row.backbone for row in ranking.rows if row.tied] + [ranking.winner]
    found = disputed(record, ranking, most=1000)
    rows = record.results
    keys = set(rows.loc[rows["backbone"].isin(tied) & (rows["intervention"] == "plain"), "key"])
    assert set(found["networks"]) == {len(keys)}
    votes = {key: record.predictions_of(key, "test", record.tasks[0].classes) for key in keys}
    for row in found.head(5).itertuples():
        answers = [votes[key].logits[list(votes[key].sample).index(row.sample)].argmax() for key in keys]
        assert 0 < np.mean(answers) < 1
        label = record.tasks[0].classes.index(row.label)
        assert row.right == pytest.approx(np.mean(np.array(answers) == label))
        assert re.fullmatch(r"\S+ \(\d+\), \S+ \(\d+\)", str(row.said)), "classes may be numbers, too"
    first = np.array([abs(right - 0.5) for right in found["right"]])
    assert (np.diff(first) >= -1e-12).all(), "two classes: the closer to even, the more disputed"


def test_one_alone_disputes_with_nobody(record):
    ranking = rank_backbones(record, "elpv")
    alone = dataclasses.replace(ranking, rows=tuple(dataclasses.replace(row, tied=False) for row in ranking.rows))
    assert disputed(record, alone).empty


def test_the_network_of_the_winner_is_what_is_counted(record):
    network = chosen_network(record, rank_backbones(record, "elpv"))
    assert confusion(network.decided).to_numpy().sum() == 150
