"""Further data sets in the words of the task that they join."""

from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.checks import checked_samples, with_units
from afield.tasks.further import FurtherSamples, further_samples, joined, rows_of
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from afield.tasks.training_choice import FurtherChoice
from tests.fixtures.tiny import make_photos

FINDINGS = ("crack", "dent", "rust")


def further(target: Task, source: TaskSource, **classes: str) -> FurtherSamples:
    return further_samples(FurtherChoice(task="more", classes=classes), target, source, None)


def table_of(folder: Path, text: str) -> TaskSource:
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return TaskSource(table=(str(folder / "labels.csv"),))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return own_task(TaskSource(folder=str(make_photos(tmp_path_factory.mktemp("data") / "photos"))))


def several(folder: Path) -> Task:
    """A task of several labels a sample."""
    rows = [f"{number}.png,{'|'.join(FINDINGS[: number % 4])}" for number in range(40)]
    source = table_of(folder, "\n".join(["path,label", *rows]) + "\n")
    return own_task(source.model_copy(update={"separator": "|"}), "parts")


def test_data_of_one_class_can_join_whatever_the_task_calls_it(tmp_path: Path, task: Task) -> None:
    photos = make_photos(tmp_path / "photos", images=2)
    (photos / "cold").rename(tmp_path / "kept")
    found = further(task, TaskSource(folder=str(photos)))
    assert found.table["label"].tolist() == [1, 1]
    (photos / "warm").rename(photos / "hot")
    assert further(task, TaskSource(folder=str(photos)), hot="warm").table["label"].tolist() == [1, 1]
    with pytest.raises(InputError, match=r"more: its class hot is none of photos \(cold, warm\); say so with classes"):
        further(task, TaskSource(folder=str(photos)))


def test_classes_are_renamed_joined_and_left_out(tmp_path: Path, task: Task) -> None:
    source = table_of(tmp_path, "path,label\na.png,frost\nb.png,snow\nc.png,fog\nd.png,warm\n")
    found = further(task, source, frost="cold", snow="cold", fog="")
    assert dict(zip(found.table["id"], found.table["label"], strict=True)) == {"a.png": 0, "b.png": 0, "d.png": 1}
    with pytest.raises(InputError, match="classes: has no class ice; known: fog, frost, snow, warm"):
        further(task, source, ice="cold")
    with pytest.raises(InputError, match="has no sample of a class of photos"):
        further(task, source, frost="", snow="", fog="", warm="")


def test_what_a_set_does_not_speak_of_is_unknown_and_not_negative(tmp_path: Path) -> None:
    target = several(tmp_path / "parts")
    source = table_of(tmp_path / "more", "path,crack,split_,wear\na.png,1,0,\nb.png,0,1,1\nc.png,,,1\n")
    source = source.model_copy(update={"labels": ("crack", "split_", "wear")})
    found = further(target, source, split_="crack", wear="rust")
    # crack and split_ are one: 1 where either is, 0 where both are known not to be; of dent nothing is said.
    assert found.table["label"].tolist() == [(1, -1, -1), (1, -1, 1), (-1, -1, 1)]
    left = further(target, source, split_="", wear="")
    assert (left.table["id"].tolist(), left.table["label"].tolist()) == (["a.png", "b.png"], [(1, -1, -1), (0, -1, -1)])


def test_a_cell_of_several_classes_says_of_the_others_that_they_are_not_there(tmp_path: Path) -> None:
    target = several(tmp_path / "parts")
    source = table_of(tmp_path / "more", "path,label\na.png,crack|wear\nb.png,\n")
    found = further(target, source.model_copy(update={"separator": "|"}), wear="rust")
    assert found.table["label"].tolist() == [(1, 0, 1), (0, 0, 0)]


def test_labels_of_another_kind_and_files_of_another_form_are_refused(tmp_path: Path, task: Task) -> None:
    source = table_of(tmp_path / "more", "path,label\na.png,crack\n")
    with pytest.raises(InputError, match="more: has one label a sample, parts several"):
        further(several(tmp_path / "parts"), source)
    with pytest.raises(InputError, match="says how its files are read"):
        further(task, source.model_copy(update={"channels": (0,)}), crack="cold")
    twice = table_of(tmp_path / "twice", "path,label\na.png,cold\na.png,warm\n")
    with pytest.raises(InputError, match=r"more: id a\.png: named more than once"):
        further(task, twice)


@pytest.mark.parametrize("column", ["id", "group", "cluster", "unit"])
def test_a_sample_that_is_not_named_is_refused_as_in_a_task(tmp_path: Path, task: Task, column: str) -> None:
    source = table_of(tmp_path / "more", "path,label,who\na.png,cold,p1\nb.png,cold,\nc.png,warm,p3\n")
    with pytest.raises(InputError, match=f"more: column {column}: row 1: must be text and not empty"):
        further(task, source.model_copy(update={column: "who"}))


def test_added_samples_are_of_no_subgroup_and_stay_text(tmp_path: Path) -> None:
    rows = [f"{number}.png,{('cold', 'warm')[number % 2]},north" for number in range(20)]
    source = table_of(tmp_path / "sites", "\n".join(["path,label,site", *rows]) + "\n")
    target = own_task(source.model_copy(update={"subgroups": ("site",)}), "sites")
    table = with_units(checked_samples(target, target.samples(tmp_path / "sites"))).assign(split="train")
    added = further(target, table_of(tmp_path / "more", "path,label\na.png,cold\n")).table
    made = joined(target, table, rows_of("more", added))
    assert made["site"].tolist() == ["north"] * 20 + [""]
    assert made["site"].dtype == table["site"].dtype


def test_own_data_still_need_two_classes(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", images=6)
    for image in (photos / "cold").iterdir():
        image.unlink()
    (photos / "cold").rmdir()
    with pytest.raises(InputError, match="at least two classes; it holds 1"):
        own_task(TaskSource(folder=str(photos)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="at least 1 class; it holds 0"):
        further(several(tmp_path / "parts"), TaskSource(folder=str(tmp_path / "empty")))
