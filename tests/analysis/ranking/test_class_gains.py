"""What interventions do to single classes: by hand, in clusters, and where there is nothing to pair."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp

from afield.analysis.ranking.class_gains import COLUMNS, class_gains
from afield.scoring.decisions import most_likely
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    return make_record(interventions={"larger": 0.8}, seeds=(0, 1), n_test=240, metrics=["accuracy"])


def rights(record: StudyRecord, intervention: str) -> dict[tuple[str, int], pd.Series]:
    """Whether each sample is right, by backbone and seed."""
    rows = record.results[(record.results["metric"] == "accuracy") & (record.results["intervention"] == intervention)]
    classes = record.tasks[0].classes
    found = {}
    for row in rows.to_dict("records"):
        said = record.predictions_of(row["key"], "test", classes)
        found[row["backbone"], row["seed"]] = pd.Series(most_likely(said) == said.label, index=said.sample).astype(
            float
        )
    return found


@pytest.mark.slow
def test_a_class_s_gain_is_the_mean_of_its_pairs_with_student_s_interval(record: StudyRecord) -> None:
    table = class_gains(record, "elpv")
    assert list(table.columns) == list(COLUMNS)
    plain, larger = rights(record, "plain"), rights(record, "larger")
    pairs = [each for each in plain if each in larger]
    assert set(table.loc[table["intervention"] == "larger", "pairs"]) == {len(pairs)}
    change = sum(larger[each] - plain[each].reindex(larger[each].index) for each in pairs) / len(pairs)
    said = record.predictions_of(record.results["key"].iloc[0], "test", record.tasks[0].classes)
    labels = pd.Series(said.label, index=said.sample).reindex(change.index)
    for place, name in enumerate(record.tasks[0].classes):
        mine = change[labels == place]
        row = table[(table["intervention"] == "larger") & (table["class"] == name)].iloc[0]
        assert row["n"] == len(mine)
        assert row["difference"] == pytest.approx(mine.mean())
        assert row["with"] - row["without"] == pytest.approx(row["difference"])
        # every image is a cluster of its own here: the textbook's interval of a mean
        tested = ttest_1samp(mine, 0)
        assert (row["low"], row["high"]) == pytest.approx(tuple(tested.confidence_interval(0.95)))
        assert row["p"] == pytest.approx(tested.pvalue)


def test_clusters_are_what_counts(record: StudyRecord) -> None:
    """Samples in groups of four: the interval by hand, from sums over the groups."""
    order = {sample: place // 4 for place, sample in enumerate(dict.fromkeys(record.predictions["sample"]))}
    together = record.predictions.assign(cluster=record.predictions["sample"].map(order).astype(str))
    grouped = class_gains(replace(record, predictions=together), "elpv")
    alone = class_gains(record, "elpv")
    assert grouped["difference"].tolist() == pytest.approx(alone["difference"].tolist())
    plain, larger = rights(record, "plain"), rights(record, "larger")
    pairs = [each for each in plain if each in larger]
    change = sum(larger[each] - plain[each] for each in pairs) / len(pairs)
    said = record.predictions_of(record.results["key"].iloc[0], "test", record.tasks[0].classes)
    mine = change[pd.Series(said.label, index=said.sample).reindex(change.index) == 0]
    sums = (mine - mine.mean()).groupby(mine.index.map(order)).sum()
    error = np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(mine)
    row = grouped[grouped["intervention"] == "larger"].iloc[0]
    assert row["high"] - row["difference"] == pytest.approx(t.isf(0.025, len(sums) - 1) * error)


def test_where_there_is_nothing_to_pair_there_are_no_rows(record: StudyRecord) -> None:
    only = record.results[record.results["intervention"] != "plain"]
    assert class_gains(replace(record, results=only), "elpv").empty
    several = replace(record, tasks=(replace(record.tasks[0], target="labels"),))
    assert class_gains(several, "elpv").empty
