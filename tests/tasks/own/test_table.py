"""Own tables: columns, labels, rare classes, splits."""

import csv
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from afield.base.errors import InputError
from afield.base.reading import Range, Reading
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task, split_samples
from afield.tasks.own.task import own_task
from afield.tasks.show import list_splits
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from tests.fixtures.layouts import noise
from tests.fixtures.own import table

ANIMALS = ["owl"] * 20 + ["fox"] * 20 + ["elk"] * 20


def source(path: Path | str, **words: object) -> TaskSource:
    return TaskSource.model_validate({"table": [str(path)], **words}, strict=False)


def sides(task: Task) -> pd.DataFrame:
    return split_samples(task, "clean")


def test_a_table_becomes_a_task(tmp_path: Path) -> None:
    task = find_task(str(table(tmp_path / "moths.csv", {"label": ANIMALS})))
    assert (task.name, task.classes, task.metric) == ("moths", ("elk", "fox", "owl"), "accuracy")
    data = load_task(pickle.loads(pickle.dumps(task)), "clean", tmp_path / "cache")
    assert data.counts()["test"] == {"elk": 4, "fox": 4, "owl": 4}
    assert data.table["id"].iloc[0] == "images/moths-000.png"


def test_a_column_of_splits_that_nothing_names_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "Split": ["train", "val", "test"] * 20})
    assert own_task(source(path)).unread == "Split"
    assert 'write split = "Split" under [tasks.NAME]' in own_task(source(path)).proposal
    for way in ({"split": "Split"}, {"folds": 5}):
        assert own_task(source(path, **way)).unread == ""
    other = table(tmp_path / "wood.csv", {"label": ANIMALS, "split": ["yes", "no"] * 30})
    assert own_task(source(other)).unread == ""


def test_a_table_in_another_encoding_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "moths.csv").write_bytes("path,label\na.png,Käfer\n".encode("latin-1"))
    with pytest.raises(InputError, match="save it as text in UTF-8"):
        own_task(source(tmp_path / "moths.csv"))


def test_parquet_is_read_like_text(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": [3] * 10 + [7] * 10, "site": ["a", "b"] * 10})
    pd.read_csv(path).astype({"label": "float64"}).to_parquet(tmp_path / "moths.parquet")
    read = own_task(source(tmp_path / "moths.parquet", group="site", rare_below=2))
    assert read.classes == ("3", "7")
    written = own_task(source(path, group="site", rare_below=2))
    pd.testing.assert_frame_equal(read.samples(tmp_path), written.samples(tmp_path))


def test_groups_stay_together_and_other_columns_are_kept(tmp_path: Path) -> None:
    sites = [f"s{row % 10}" for row in range(60)]
    path = table(
        tmp_path / "moths.csv",
        {"species": ANIMALS, "site": sites, "night": [f"{site}-{row % 2}" for row, site in enumerate(sites)]},
    )
    task = own_task(source(path, label="species", group="site", unit="night", subgroups=["site"]))
    found = sides(task)
    assert found.groupby("site")["split"].nunique().max() == 1
    assert (found["group"] == found["site"]).all()
    assert (found["cluster"] == found["site"]).all()
    assert "accuracy_by_unit" in task.metrics


def test_several_tables_stand_below_each_other(tmp_path: Path) -> None:
    for place in ("north", "south"):
        (tmp_path / place).mkdir()
        table(tmp_path / place / "labels.csv", {"label": ["owl", "fox"] * 10})
    files = [str(tmp_path / place / "labels.csv") for place in ("north", "south")]
    task = own_task(source(files[0]).model_copy(update={"table": tuple(files), "subgroups": ("table",)}), "both")
    found = sides(task)
    assert len(found) == 40
    assert set(found["table"]) == {"north/labels", "south/labels"}
    assert found["image"].str.startswith(("north/images/", "south/images/")).all()


def test_images_may_lie_elsewhere_but_not_outside(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    path = table(tmp_path / "moths.csv", {"label": ["owl", "fox"] * 10})
    path = path.rename(tmp_path / "labels" / "moths.csv")
    task = own_task(source(path, images=str(tmp_path)))
    assert len(load_task(task, "clean", tmp_path / "cache").table) == 20
    text = path.read_text().replace("images/", "../images/")
    path.write_text(text)
    with pytest.raises(InputError, match=r"moths\.csv: \.\./images/moths-000\.png: leaves the folder"):
        own_task(source(path))


def test_several_labels_in_columns_with_unknown_ones(tmp_path: Path) -> None:
    path = table(
        tmp_path / "lungs.csv",
        {"oedema": [1, 0, ""] * 12, "effusion": [0, 1, 1] * 12, "patient": [f"p{row // 2}" for row in range(36)]},
    )
    task = own_task(source(path, labels=["oedema", "effusion"], group="patient"))
    assert (task.target, task.classes, task.metric) == ("labels", ("oedema", "effusion"), "macro_f1_global")
    found = sides(task)
    assert set(found["label"]) == {(1, 0), (0, 1), (-1, 1)}
    assert found.groupby("group")["split"].nunique().max() == 1
    assert load_task(task, "clean", tmp_path / "cache").counts()["train"]["oedema"] in (6, 7, 8)


def test_several_labels_in_one_column(tmp_path: Path) -> None:
    path = table(tmp_path / "cells.csv", {"label": ["nucleus; golgi", "golgi", ""] * 10})
    task = own_task(source(path, separator=";"))
    assert task.classes == ("golgi", "nucleus")
    assert set(sides(task)["label"]) == {(1, 1), (1, 0), (0, 0)}


@pytest.mark.parametrize(
    ("columns", "words", "complaint"),
    [
        (
            {"label": [*ANIMALS, " owl", "OWL"]},
            {},
            r"labels 'owl' \(20\), ' owl' \(1\), 'OWL' \(1\): differ by case or",
        ),
        ({"label": [*ANIMALS, "", ""]}, {}, r"row 61: has no label \(2 such rows\)"),
        ({"label": ANIMALS}, {"classes": ["owl", "fox"]}, r"elk \(20\): not among the classes that were given"),
        ({"label": ANIMALS}, {"classes": ["owl", "fox", "elk", "bat"]}, "bat: 1 class without any sample"),
        ({"label": ANIMALS}, {"label": "lable"}, r"has no column lable; did you mean label\?$"),
        ({"species": ANIMALS}, {}, r"has no column label; .*species; say which one it is in a study file: .* label ="),
        ({"label": ANIMALS, "part": ["train", "x"] * 30}, {"split": "part"}, r"column part, row 2: is 'x' \(30 such"),
        ({"a": [1, 2] * 10, "b": [0, 1] * 10}, {"labels": ["a", "b"]}, r"column a, row 2: is '2' \(10 such rows\)"),
        ({"a": ["", 1] * 10, "b": ["", 0] * 10}, {"labels": ["a", "b"]}, r"row 1: no label is known \(10 such rows\)"),
        ({"label": ["owl"] * 20}, {}, "holds a single class, owl"),
        ({"label": [*ANIMALS, "bat"]}, {}, r"bat \(1\): fewer than the 5 images that a class needs"),
        (
            {"label": ANIMALS, "site": ["s"] * 20 + [str(row) for row in range(40)]},
            {"group": "site"},
            r"owl \(1\): fewer than the 5 groups that a class needs",
        ),
        ({"label": ANIMALS, "day": ["2024-05-31", "soon"] * 30}, {"time": "day"}, r"column day, row 2: is 'soon' \(30"),
    ],
)
def test_what_is_wrong_is_named_with_counts(tmp_path: Path, columns: dict, words: dict, complaint: str) -> None:
    path = table(tmp_path / "moths.csv", columns)
    with pytest.raises(InputError, match=complaint) as caught:
        sides(own_task(source(path, **words)))
    assert "moths" in str(caught.value)


def test_an_image_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS})
    path.write_text(path.read_text() + "images/moths-000.png,fox\n")
    with pytest.raises(InputError, match=r"id images/moths-000\.png: named more than once"):
        sides(own_task(source(path)))


def test_rare_classes_are_dealt_with_as_one_says(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": [*ANIMALS, "bat", "bat", "asp", "asp", "asp"]})
    other = own_task(source(path, rare="other"))
    assert other.classes == ("elk", "fox", "owl", "other")
    assert other.samples(tmp_path)["label"].value_counts()[3] == 5
    dropped = own_task(source(path, rare="drop"))
    assert dropped.classes == ("elk", "fox", "owl")
    assert len(dropped.samples(tmp_path)) == 60
    assert "rare classes asp (3), bat (2) were left out" in dropped.card.source
    unscored = own_task(source(path, rare="unscored"))
    assert unscored.classes == ("asp", "bat", "elk", "fox", "owl")
    found = sides(unscored)
    assert set(found.loc[found["label"] < 2, "split"]) == {"train"}
    assert (found["split"] == "test").sum() == 12


def test_rare_labels_of_several_are_left_out_or_unscored(tmp_path: Path) -> None:
    path = table(tmp_path / "cells.csv", {"a": [1, 0] * 15, "b": [0, 1] * 15, "c": [1] * 2 + [0] * 28})
    columns = {"labels": ["a", "b", "c"]}
    assert own_task(source(path, rare="drop", **columns)).classes == ("a", "b")
    found = sides(own_task(source(path, rare="unscored", **columns)))
    assert {split for split, label in zip(found["split"], found["label"], strict=True) if label[2]} == {"train"}
    with pytest.raises(InputError, match=r"c \(2\): fewer than the 5"):
        own_task(source(path, **columns))


def test_splits_follow_time(tmp_path: Path) -> None:
    days = [f"2024-{1 + row % 10:02d}-15" for row in range(60)]
    found = sides(own_task(source(table(tmp_path / "moths.csv", {"label": ANIMALS, "day": days}), time="day")))
    latest = found.groupby("split")["time"].max()
    earliest = found.groupby("split")["time"].min()
    assert latest["train"] < earliest["validation"]
    assert latest["validation"] < earliest["test"]
    assert found["split"].value_counts().to_dict() == {"train": 36, "validation": 12, "test": 12}


@pytest.mark.slow
def test_folds_take_turns(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "site": [f"s{row % 20}" for row in range(60)]})
    tests, validations = [], []
    for fold in range(5):
        found = sides(own_task(source(path, folds=5, fold=fold, group="site")))
        assert found.groupby("group")["split"].nunique().max() == 1
        tests.append(frozenset(found.loc[found["split"] == "test", "id"]))
        validations.append(frozenset(found.loc[found["split"] == "validation", "id"]))
    assert sum(len(test) for test in tests) == 60
    assert len(frozenset().union(*tests)) == 60
    assert validations == [*tests[1:], tests[0]]


def test_folds_of_several_labels_give_each_part_its_share_of_each(tmp_path: Path) -> None:
    labels = ["owl" if row % 2 else "owl;fox" if row % 3 else "elk;fox" for row in range(60)]
    path = table(tmp_path / "moths.csv", {"label": labels, "site": [f"s{row % 30}" for row in range(60)]})
    tests = []
    for fold in range(3):
        found = sides(own_task(source(path, separator=";", folds=3, fold=fold, group="site")))
        assert found.groupby("group")["split"].nunique().max() == 1
        counts = np.array([np.array(list(part)).sum(axis=0) for _, part in found.groupby("split")["label"]])
        assert np.ptp(counts, axis=0).max() <= 3, counts
        tests.append(set(found.loc[found["split"] == "test", "id"]))
    assert sum(len(test) for test in tests) == len(set().union(*tests)) == 60


@pytest.mark.parametrize("words", [{}, {"separator": ";"}])
def test_more_folds_than_the_smallest_class_are_refused(tmp_path: Path, words: dict) -> None:
    path = table(tmp_path / "moths.csv", {"label": ["owl"] * 20 + ["fox"] * 20 + ["elk"] * 6})
    with pytest.raises(InputError, match=r"folds: 8 parts, but fewer samples of elk \(6\); take at most 6 folds"):
        own_task(source(path, folds=8, **words))
    assert len(own_task(source(path, folds=6, **words)).classes) == 3
    dropped = own_task(source(path, folds=8, rare="drop", rare_below=8, **words))
    assert dropped.classes == ("fox", "owl")


def test_further_test_splits_are_those_whose_names_say_so(tmp_path: Path) -> None:
    part = (["train"] * 10 + ["val"] * 4 + ["test"] * 3 + ["Test-Night", "test-B", "test-b"]) * 3
    task = own_task(source(table(tmp_path / "moths.csv", {"label": ANIMALS, "part": part}), split="part"))
    assert task.extra_splits == ("test-b", "test-night")
    counts = sides(task)["split"].value_counts().to_dict()
    assert counts == {"train": 30, "validation": 12, "test": 9, "test-b": 6, "test-night": 3}
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "part": ["night", *part[1:]]})
    with pytest.raises(InputError, match=r"is 'night' .* must be train, .* further test split, test-NAME"):
        own_task(source(path, split="part"))


def test_a_group_may_not_reach_into_a_further_test_split(tmp_path: Path) -> None:
    part = (["train"] * 10 + ["val"] * 4 + ["test"] * 3 + ["test-b"] * 3) * 3
    sites = ["a" if name in ("train", "test-b") else name for name in part]
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "part": part, "site": sites})
    with pytest.raises(InputError, match="group a: in more than one split"):
        sides(own_task(source(path, split="part", group="site", rare_below=1)))


def test_a_shared_split_may_name_further_ones(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS})
    listed = list_splits(find_task(str(path)), "clean")
    test = listed.index[listed["split"] == "test"]
    listed.loc[test[::2], "split"] = "test-other"
    listed.to_csv(tmp_path / "splits.csv", index=False)
    task = find_task("shared", {"shared": source(path, splits=str(tmp_path / "splits.csv"))})
    assert task.extra_splits == ("test-other",)
    assert (sides(task)["split"] == "test-other").sum() == 6


def test_given_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    part = (["train"] * 12 + ["val"] * 4 + ["TEST"] * 4) * 3
    found = sides(own_task(source(table(tmp_path / "moths.csv", {"label": ANIMALS, "part": part}), split="part")))
    assert found["split"].value_counts().to_dict() == {"train": 36, "validation": 12, "test": 12}


@pytest.mark.slow
def test_parts_of_the_training_split_are_nested(tmp_path: Path) -> None:
    sources = {"all": source(table(tmp_path / "moths.csv", {"label": ANIMALS}))}
    for shots in (2, 4):
        sources[f"few{shots}"] = TaskSource(task="all", shots=shots)
    sources["half"] = TaskSource(task="all", share=0.5)
    whole, few, more, half = (sides(find_task(name, sources)) for name in ("all", "few2", "few4", "half"))
    train = [set(found.loc[found["split"] == "train", "id"]) for found in (few, more, half, whole)]
    assert [len(ids) for ids in train] == [6, 12, 18, 36]
    assert train[0] < train[1] < train[2] < train[3]
    for part in (few, more, half):
        assert set(part.loc[part["split"] == "test", "id"]) == set(whole.loc[whole["split"] == "test", "id"])
    assert find_task("few2", sources).name == "few2"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({}, "task, folder, table, traps, huggingface: give one of them, and not none"),
        ({"table": ["a.csv"], "folder": "b"}, "give one of them, and not folder and table"),
        ({"folder": "photos", "group": "site"}, "group: cannot stand beside folder"),
        ({"task": "elpv", "metric": "accuracy"}, "metric: cannot stand beside task"),
        ({"table": ["a.csv"], "labels": ["x"], "ordinal": True}, "ordinal: grades"),
        ({"table": ["a.csv"], "time": "day", "split": "part"}, "split, time: are two ways"),
        ({"table": ["a.csv"], "folds": 3, "fold": 3}, "fold: must be below folds, 3"),
        ({"table": ["a.csv"], "fractions": [0.5, 0.2, 0.2]}, "fractions: must sum to 1"),
        ({"task": "elpv", "shots": 3, "share": 0.5}, "shots, share: give one of them"),
    ],
)
def test_contradictions_are_refused(words: dict, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TaskSource.model_validate(words, strict=False)


@pytest.mark.slow
def test_a_split_is_shared_without_images_and_taken_over(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS})
    listed = list_splits(find_task(str(path)), "clean", hashes_in=tmp_path / "cache")
    assert list(listed) == ["id", "split", "label", "group", "sha256"]
    swapped = listed.assign(split=listed["split"].replace({"test": "validation", "validation": "test"}))
    swapped[:-1].to_csv(tmp_path / "splits.csv", index=False)
    task = find_task("mine", {"mine": source(path, splits=str(tmp_path / "splits.csv"))})
    found = load_task(task, "clean", tmp_path / "cache").table.set_index("id")
    assert found["split"].to_dict() == swapped[:-1].set_index("id")["split"].to_dict()  # what is not listed is left out
    noise(tmp_path / found["image"].iloc[0], np.random.default_rng(99))
    with pytest.raises(
        InputError, match=r"mine: sample images/moths-000\.png: not the image that the split was written"
    ):
        load_task(task, "clean", tmp_path / "cache")
    (tmp_path / "splits.csv").write_text("id,split\nimages/moths-000.png,train\nother.png,test\n")
    with pytest.raises(InputError, match=r"1 samples of it are not here \(other\.png first\)"):
        sides(find_task("mine", {"mine": source(path, splits=str(tmp_path / "splits.csv"))}))


def test_files_are_read_as_one_says(tmp_path: Path) -> None:
    path = table(tmp_path / "cells.csv", {"label": ["a", "b"] * 5})
    for image in (tmp_path / "images").glob("*.png"):
        for ending in ("_red.png", "_green.png"):
            noise(image.with_name(image.stem + ending), np.random.default_rng(0))
        image.unlink()
    path.write_text(path.read_text().replace(".png", ""))
    task = own_task(source(path, files=["_red.png", "_green.png"], channels=[1, 0], range=[0, 4095]))
    assert task.reading == Reading(Range(0, 4095), channels=(1, 0), files=("_red.png", "_green.png"))
    assert len(load_task(task, "clean", tmp_path / "cache").hashes) == 10
    with pytest.raises(InputError, match="files without channels"):
        own_task(source(path, files=["_red.png"]))


@pytest.mark.parametrize("name", ["group", "split", "cluster", "label", "time"])
def test_a_subgroup_takes_the_place_of_no_column_that_means_something(tmp_path: Path, name: str) -> None:
    columns = {"species": ANIMALS, "patient": [f"p{row // 2}" for row in range(60)], name: ["x", "y"] * 30}
    path = table(tmp_path / "moths.csv", columns)
    with pytest.raises(InputError, match=f"column {name}: its name is that of a column which afield makes itself"):
        own_task(source(path, label="species", group="patient", subgroups=[name]))


def test_a_group_that_is_called_so_may_be_a_subgroup(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "group": [f"p{row // 2}" for row in range(60)]})
    found = sides(own_task(source(path, group="group", subgroups=["group"])))
    assert found.groupby("group")["split"].nunique().max() == 1


def test_validation_of_one_class_cannot_lead_by_auroc(tmp_path: Path) -> None:
    part = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    path = table(tmp_path / "moths.csv", {"label": ["a", "b"] * 3 + ["a", "a"] + ["a", "b"], "part": part})
    with pytest.raises(InputError, match="all validation samples are of a, so that auroc is not defined"):
        sides(own_task(source(path, split="part")))
    assert len(sides(own_task(source(path, split="part", metric="accuracy")))) == 10


def test_unscored_samples_leave_a_given_split_and_the_order_of_time_alone(tmp_path: Path) -> None:
    labels = [*ANIMALS, "bat", "bat", "bat"]
    part = (["train"] * 12 + ["val"] * 4 + ["test"] * 4) * 3 + ["train", "val", "test"]
    path = table(tmp_path / "moths.csv", {"label": labels, "part": part, "day": list(range(63))})
    given = sides(own_task(source(path, split="part", rare="unscored", rare_below=5)))
    assert given["split"].value_counts().to_dict() == {"train": 37, "validation": 12, "test": 12}
    timed = own_task(source(path, time="day", rare="unscored"))
    with pytest.raises(InputError, match="no sample in the train split"):  # all three came last
        sides(timed)


def test_times_of_several_tables_are_of_one_kind(tmp_path: Path) -> None:
    for place, days in (("north", ["2023"] * 10), ("south", ["2021-05-31"] * 10)):
        (tmp_path / place).mkdir()
        table(tmp_path / place / "labels.csv", {"label": ["owl", "fox"] * 5, "day": days})
    files = [str(tmp_path / place / "labels.csv") for place in ("north", "south")]
    with pytest.raises(InputError, match="column day: numbers in one, dates in another"):
        own_task(TaskSource(table=tuple(files), time="day"))


def test_odd_input_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("path,label\n")
    with pytest.raises(InputError, match="empty: holds no samples"):
        find_task(str(tmp_path / "empty.csv"))
    for odd in ("~no_such_user_here/photos", "x" * 300):
        with pytest.raises(InputError, match="is no path that can be looked at"):
            find_task(odd)
    with pytest.raises(ValidationError, match="labels: a name stands twice"):
        source(tmp_path / "empty.csv", labels=["x", "x"])


@pytest.mark.slow
def test_a_quoted_header_hides_no_hashes(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS})
    listed = list_splits(find_task(str(path)), "clean", hashes_in=tmp_path / "cache").assign(sha256="0" * 64)
    listed.to_csv(tmp_path / "splits.csv", index=False, quoting=csv.QUOTE_ALL)
    task = find_task("mine", {"mine": source(path, splits=str(tmp_path / "splits.csv"))})
    with pytest.raises(InputError, match=r"60 samples .*not the image that the split was written of"):
        load_task(task, "clean", tmp_path / "cache")


@pytest.mark.slow
def test_a_share_is_exact(tmp_path: Path) -> None:
    path = table(
        tmp_path / "moths.csv", {"label": ["a", "b", "c"] * 100, "part": ["train"] * 240 + ["val", "test"] * 30}
    )
    sources = {"all": source(path, split="part"), "part": TaskSource(task="all", share=0.55)}
    assert (sides(find_task("part", sources))["split"] == "train").sum() == 3 * 44


def test_weights_are_kept_and_change_the_fingerprint(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "trust": [0.5] * 30 + [2] * 30})
    data = load_task(own_task(source(path, weight="trust")), "clean", tmp_path / "cache")
    kept = dict(zip(data.table["id"], data.table["weight"], strict=True))
    assert (kept["images/moths-000.png"], kept["images/moths-059.png"]) == (0.5, 2.0)
    plain = load_task(own_task(source(path)), "clean", tmp_path / "cache")
    assert "weight" not in plain.table
    assert data.task.card.source.endswith("of 20 each, weighed in training by the column trust")
    assert plain.fingerprint != data.fingerprint


@pytest.mark.parametrize("odd", ["0", "-1", "nan", "inf", "", "much"])
def test_weights_that_are_no_numbers_above_0_are_named_with_their_rows(tmp_path: Path, odd: str) -> None:
    path = table(tmp_path / "moths.csv", {"label": ANIMALS, "trust": ["1"] * 58 + [odd] * 2})
    with pytest.raises(InputError, match=r"column trust: 2 rows \(59, 60\): must be a number above 0, not"):
        own_task(source(path, weight="trust"))
