"""What the chosen network does in subgroups, and what is said of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afield.analysis.answer import answer
from afield.analysis.chosen import chosen_network, subgroup_table, subgroups_of
from afield.analysis.ranking.compare import rank_backbones
from afield.base.errors import InputError
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord
from afield.winner import winner_of
from tests.fixtures.records import make_record, with_subgroups


def confused(record: StudyRecord, rows: range) -> StudyRecord:
    """Every network says the other class of those test samples."""
    table = record.predictions.copy()
    hit = (table["split"] == "test") & table["sample"].isin([f"test-{index:05d}" for index in rows])
    table.loc[hit, "logits"] = pd.Series([-logits for logits in table.loc[hit, "logits"]], index=table.index[hit])
    return replace(record, predictions=table)


@pytest.mark.slow
def test_the_network_is_the_one_that_predict_uses(record: StudyRecord) -> None:
    network = chosen_network(record, rank_backbones(record, "elpv"))
    assert network is not None
    assert network.key == winner_of(record, "out")
    assert network.seed == 0
    value = record.results.set_index(["key", "metric"]).loc[(network.key, "accuracy"), "value"]
    assert METRICS["accuracy"].compute(network.test) == pytest.approx(value)


@pytest.mark.slow
def test_a_subgroup_in_which_it_fails_is_named(record: StudyRecord) -> None:
    values = ["<b>east</b>" if index < 100 else "west" for index in range(525)]
    found = confused(with_subgroups(record, site=values), range(100))
    (part,) = answer(found).tasks
    (groups,) = part.subgroups
    row = groups.table.set_index("subgroup").loc["<b>east</b>"]
    sentence = (
        f"By site, <b>east</b> is clearly worse: accuracy {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f}) "
        f"on 100 test images, against {groups.whole:.3f} on all (seed 0)."
    )
    assert groups.worst == "<b>east</b>"
    assert sentence in part.warnings
    assert f"Mind: {sentence}" in answer(found).text()
    # worked by hand: the two values, weighted by their samples, give the whole
    assert groups.table["value"] @ groups.table["n"] / 525 == pytest.approx(groups.whole)


@pytest.mark.slow
def test_where_none_is_worse_that_is_said_and_is_no_warning(record: StudyRecord) -> None:
    found = with_subgroups(record, sex=["f", "m", "m"] * 175, site=["here"] * 520 + ["there"] * 5)
    (part,) = answer(found).tasks
    assert [each.worst for each in part.subgroups] == ["", ""]
    words = "By sex, no subgroup is clearly worse than the whole in accuracy (two of two subgroups had enough images"
    assert f"\n{words} to tell)." in answer(found).text()
    assert "(one of two subgroups had enough images to tell)" in part.subgroups[1].words
    assert not any("By s" in warning for warning in part.warnings)


@pytest.mark.slow
def test_values_are_found_by_id_and_not_by_place(record: StudyRecord) -> None:
    found = with_subgroups(record, site=["east"] * 100 + ["west"] * 425)
    task = found.tasks[0]
    shuffled = replace(task, test_samples=task.test_samples.sample(frac=1, random_state=0))
    ranking = rank_backbones(found, "elpv")
    tables = [subgroups_of(replace(found, tasks=(each,)), ranking)[0].table for each in (task, shuffled)]
    pd.testing.assert_frame_equal(tables[0], tables[1])


@pytest.mark.slow
def test_lower_is_better_is_worse_when_it_is_higher() -> None:
    found = confused(with_subgroups(make_record(metric="log_loss"), site=["e"] * 100 + ["w"] * 425), range(100))
    (part,) = answer(found).tasks
    assert part.subgroups[0].worst == "e"


@pytest.mark.slow
def test_thresholds_that_the_leading_metric_settles_decide(record: StudyRecord) -> None:
    """With logits that lie three too high, only a threshold from validation tells the labels apart."""
    generator = np.random.default_rng(0)

    def frame(split: str, key: str) -> pd.DataFrame:
        labels = generator.integers(0, 2, (80, 2))
        logits = (3 + 2 * (2 * labels - 1) + generator.normal(size=(80, 2))).astype(np.float32)
        names = np.array([f"{split}-{index:05d}" for index in range(80)])
        classes = record.tasks[0].classes
        return Predictions(classes, names, names, names, labels, logits).to_frame(key=key, split=split, view="plain")

    keys = record.results["key"].unique()
    results = record.results[record.results["metric"] == "macro_f1"].assign(metric="macro_f1_global")
    predictions = pd.concat([frame(split, key) for key in keys for split in ("validation", "test")])
    task = replace(record.tasks[0], metric="macro_f1_global", metrics=("macro_f1_global",), target="labels")
    network = chosen_network(
        replace(record, results=results, predictions=predictions, tasks=(task,)), rank_backbones(record, "elpv")
    )
    assert network is not None
    assert METRICS["macro_f1"].compute(network.test) < 0.8 < METRICS["macro_f1"].compute(network.decided)


@pytest.mark.slow
def test_one_table_of_all_winners(record: StudyRecord) -> None:
    table = subgroup_table(with_subgroups(record, sex=["f", "m", "m"] * 175), "sex")
    assert list(table["subgroup"]) == ["f", "m"]
    assert set(table["key"]) == {winner_of(record, "out")}
    assert list(table.columns[:6]) == ["task", "backbone", "seed", "key", "metric", "column"]


@pytest.mark.slow
def test_a_column_that_is_not_there_is_named(record: StudyRecord) -> None:
    with pytest.raises(InputError, match="--by sx: no such subgroups; did you mean sex"):
        subgroup_table(with_subgroups(record, sex=["f"] * 525), "sx")
    with pytest.raises(InputError, match=r"no task with results has subgroups; .* under \[tasks.NAME\]"):
        subgroup_table(record, "sex")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "words"), [(45, "Twelve clusters of test images are few: below 30,"), (5, "")])
def test_few_clusters_are_warned_of(size: int, words: str) -> None:
    (part,) = answer(make_record(seeds=(0,), cluster_size=size, metrics=["accuracy"])).tasks
    warned = [warning for warning in part.warnings if "are few" in warning]
    assert len(warned) == bool(words)
    assert all(warning.startswith(words) for warning in warned)


def test_a_study_without_a_winner_has_no_subgroups(record: StudyRecord) -> None:
    nothing = replace(
        with_subgroups(record, sex=["f"] * 525),
        results=record.results.iloc[:0],
        predictions=record.predictions.iloc[:0],
    )
    (part,) = answer(nothing).tasks
    assert part.subgroups == ()
