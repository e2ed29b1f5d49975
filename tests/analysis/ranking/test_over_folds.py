"""Interventions over all folds of a task: what the joined folds are worth, with what an interval of them rests on."""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.analysis.analyse import analyse
from afield.analysis.answer import answer
from afield.analysis.asked import ranks_of
from afield.analysis.ranking.interventions import interventions_of
from afield.analysis.ranking.over_folds import every_change, over_folds
from afield.study.collecting.collect import load_record
from afield.study.record import StudyRecord
from tests.fixtures.tiny import BACKBONE

pytestmark = pytest.mark.slow

SETTLED = "sensitivity_at_90"
STUDY = """
[study]
name = "folded"
tasks = ["photos"]
backbones = ["{backbone}"]
interventions = ["plain", "slow"]
seeds = [0, 1]

[tasks.photos]
folder = "{photos}"
folds = 3
fold = "all"
metric = "{metric}"

[recipe]
initialisation = "scratch"
image_size = 32
epochs = 2
batch_size = 8
learning_rate = 3e-3

[search]
method = "grid"

[interventions.slow]
learning_rate = 1e-6
"""


@pytest.fixture(scope="module")
def out(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folded")
    text = STUDY.format(backbone=BACKBONE, photos=photos.as_posix(), metric=SETTLED)
    (folder / "folded.toml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        assert afield.run_study(folder / "folded.toml", folder / "out", slots=2).complete
    return folder / "out"


@pytest.fixture(scope="module")
def record(out: Path) -> StudyRecord:
    return load_record(out)


@pytest.mark.parametrize("metric", [SETTLED, "accuracy"])
def test_both_sides_are_worth_what_their_joined_folds_are(record: StudyRecord, metric: str) -> None:
    record = replace(record, tasks=tuple(replace(task, metric=metric) for task in record.tasks))
    (found,) = over_folds(record)
    (line,) = found.changes
    rows = record.further[(record.further["kind"] == "folds") & (record.further["metric"] == metric)]
    worth = rows.groupby("intervention")["value"].mean()
    assert (line.task, line.metric, line.intervention, line.baseline) == ("photos", metric, "slow", "plain")
    assert line.seeds == (0, 1)
    assert line.value == pytest.approx(worth["slow"])
    assert line.baseline_value == pytest.approx(worth["plain"])
    assert line.difference.value == pytest.approx(worth["slow"] - worth["plain"])
    assert line.difference.low < line.difference.value < line.difference.high
    tested = sum(len(record.said(key, "test")) for key in one_network(record, metric))
    assert found.n_test == tested == rows["n_test"].iloc[0]
    assert found.folds == 3


@pytest.mark.parametrize("metric", [SETTLED, "accuracy"])
def test_backbones_are_ranked_by_all_validation_parts(record: StudyRecord, metric: str) -> None:
    record = replace(record, tasks=tuple(replace(task, metric=metric) for task in record.tasks))
    (found,) = over_folds(record)
    assert found.ranking is not None
    (row,) = found.ranking.rows
    query = "kind == 'folds' and metric == @metric and intervention == 'plain' and view == 'plain'"
    joined = record.further.query(query)
    assert row.validation == pytest.approx(joined["validation"].mean())
    assert row.test.value == pytest.approx(joined["value"].mean())
    assert row.test.low < row.test.value < row.test.high
    assert (found.ranking.winner, found.ranking.n_test, row.seeds) == (BACKBONE, found.n_test, 2)


def one_network(record: StudyRecord, metric: str) -> list[str]:
    """Keys of the folds of one network."""
    rows = record.results.query("metric == @metric and seed == 0 and intervention == 'plain'")
    assert len(rows) == 3
    return rows["key"].tolist()


def test_more_samples_make_a_narrower_interval(record: StudyRecord) -> None:
    record = replace(record, tasks=tuple(replace(task, metric="accuracy") for task in record.tasks))
    (found,) = over_folds(record)
    together = found.changes[0].difference
    for task in record.tasks:
        (alone,) = interventions_of(record, task.name)
        assert together.high - together.low < alone.difference.high - alone.difference.low


def test_where_a_fold_is_not_scored_yet_nothing_is_said(record: StudyRecord) -> None:
    assert not over_folds(replace(record, further=record.further.iloc[:0]))


def test_of_one_s_own_metric_the_difference_alone_is_told(record: StudyRecord) -> None:
    own = replace(record, tasks=tuple(replace(task, own_range=(0.0, 1.0)) for task in record.tasks))
    (found,) = over_folds(own)
    assert found.ranking is None
    assert math.isnan(found.changes[0].difference.low)
    assert found.changes[0].note.startswith("no predictions at hand")


def test_no_question_over_tasks_takes_the_folds_for_several(record: StudyRecord, out: Path) -> None:
    assert record.study.further_folds == {"photos-fold1", "photos-fold2"}
    assert {record.study.data_of(task.name) for task in record.tasks} == {"photos"}
    assert ranks_of(record).together is None
    assert answer(record).overall is None
    assert analyse(out).no_tasks == record.study.further_folds


def test_table_answer_and_page_tell_of_it(record: StudyRecord, out: Path, afield) -> None:
    told = answer(record)
    (folds,) = told.folds
    take, changed = folds.words.splitlines()
    assert take.startswith(f"photos, three folds together: Take {BACKBONE}: ")
    assert changed.startswith("Against plain: ")
    assert folds.words in told.text()
    page = Path(afield("report", str(out)).strip()).read_text(encoding="utf-8")
    assert take in page
    assert changed in page
    assert "All folds of photos" in page
    table = pd.read_csv(
        Path(afield("table", str(out), "--interventions", "--to", str(out / "i.csv")).strip() or out / "i.csv")
    )
    assert table["task"].tolist() == ["photos", *(f"photos-fold{fold}" for fold in range(3))]
    assert len(table) == len(list(every_change(record)))
    text = Path(afield("report", str(out), "--format", "md").strip()).read_text(encoding="utf-8")
    assert "photos, three folds together: Take " in text
    assert changed in text
