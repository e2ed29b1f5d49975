"""Reviewed lists: what they may say, and what becomes of training samples alone."""

from pathlib import Path

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.reviewed import Reviewed, apply_review, read_review
from afield.tasks.sets import elpv, hpa2018
from afield.tasks.task import Task

SAMPLES = pd.DataFrame(
    {"id": list("abcde"), "label": [0, 1, 0, 1, 0], "split": ["train", "train", "train", "validation", "test"]}
)


def listing(folder: Path, *rows: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(["id,label,suggested,self_confidence,action", *rows]) + "\n", encoding="utf-8")
    return path


def applied(task: Task, table: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, Reviewed]:
    return apply_review(task, table, read_review(task.name, path), path)


def test_training_samples_go_or_get_another_label_and_others_stay(tmp_path: Path) -> None:
    path = listing(
        tmp_path,
        "a,functional,defective,0.1,relabel",
        "b,defective,functional,0.2,Drop",
        "c,functional,defective,0.3,keep",
        "d,defective,functional,0.1,relabel",
        "e,functional,defective,0.1,drop",
    )
    table, told = applied(elpv.TASK, SAMPLES, path)
    assert dict(zip(table["id"], table["label"], strict=True)) == {"a": 1, "c": 0, "d": 1, "e": 0}
    assert table["label"].dtype == SAMPLES["label"].dtype
    assert told == Reviewed(relabelled=1, dropped=1, elsewhere=2)


def test_several_labels_are_relabelled_and_the_unknown_stay_unknown(tmp_path: Path) -> None:
    label = [0] * 28
    label[0], label[5] = 1, -1
    table = pd.DataFrame({"id": ["x", "y"], "label": [tuple(label), tuple(label)], "split": ["train", "train"]})
    path = listing(
        tmp_path, "x,Nucleoplasm,Nucleoli + Cytosol,0.1,relabel", "y,Nucleoplasm,none of the classes,0.1,relabel"
    )
    changed, _ = applied(hpa2018.TASK, table, path)
    one, other = changed["label"]
    assert [place for place, known in enumerate(one) if known == 1] == [2, 25]
    assert (one[5], one[0], other[0], other[5]) == (-1, 0, 0, -1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a,functional,defective,0.1,"], "says neither drop nor relabel"),
        (["a,functional,defective,0.1,remove"], "row 1: action is 'remove'"),
        (["a,functional,,0.1,drop", "a,functional,,0.1,keep"], "lists a more than once"),
        (["z,functional,,0.1,drop"], "sample z: not among the task's"),
        (["a,defective,,0.1,drop"], "had the label defective when the list was written, and has functional now"),
        (["a,functional,defect,0.1,relabel"], "suggested is 'defect'; must be a class of the task: did you mean"),
        (["a,functional,,0.1,relabel"], "suggested is ''"),
    ],
)
def test_what_no_list_may_say_is_told_with_its_place(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        applied(elpv.TASK, SAMPLES, listing(tmp_path, *rows))


def test_another_table_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,label\na,functional\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks the column suggested"):
        read_review("elpv", tmp_path / "list.csv")
