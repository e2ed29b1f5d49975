"""APTOS 2019: Kaggle's layout, and the study's split of it from the table alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.tasks.data import load_task
from afield.tasks.sets.aptos2019 import TASK, find, samples, split
from tests.fixtures import layouts
from tests.fixtures.tiny import scratch_study

COUNTS = (1805, 370, 999, 193, 295)
"""PAPER.md 2.2"""
TEST_COUNTS = [361, 74, 199, 38, 59]


def test_the_study_s_split_is_a_fifth_of_each_grade_drawn_in_the_order_of_the_table(tmp_path: Path) -> None:
    """Drawn here as the study's code is described: rows of the table, grade by grade (PAPER.md 2.2, 3.1)."""
    generator = np.random.default_rng(6)
    grades = np.repeat(np.arange(5), COUNTS)
    generator.shuffle(grades)
    names = [f"{number:012x}" for number in generator.choice(16**12, len(grades), replace=False)]
    published = pd.DataFrame({"id_code": names, "diagnosis": grades})
    published.to_csv(tmp_path / "train.csv", index=False)
    table = samples(tmp_path).sort_values("id", ignore_index=True)  # as load_task hands it over
    table["split"] = split(table, "paper")
    np.random.seed(414)
    expected: list[int] = []
    for grade, count in enumerate(COUNTS):
        rows = [row for row, value in enumerate(grades) if value == grade]
        expected += np.random.choice(rows, count // 5, replace=False).tolist()
    test = table[table["split"] == "test"]
    assert set(test["id"]) == set(published["id_code"][expected])
    assert test.groupby("label").size().tolist() == TEST_COUNTS
    assert (len(test), (table["split"] == "train").sum()) == (731, 2931)


@pytest.mark.parametrize("name", ["aptos2019", "aptos2019-blindness-detection"])
def test_the_unpacked_competition_is_found_and_loaded_under_both_protocols(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    layouts.aptos2019(tmp_path / name)
    paper, clean = (load_task(TASK, protocol, tmp_path / "cache", tmp_path) for protocol in ("paper", "clean"))
    assert (paper.selection, clean.selection) == ("test", "validation")
    assert list(paper.counts()["test"].values()) == [count // 5 for count in layouts.APTOS2019_COUNTS]
    assert clean.absent() == {}
    assert len(paper.table) == len(clean.table) == sum(layouts.APTOS2019_COUNTS)


def test_what_is_wrong_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"aptos2019: not found: .*train\.csv.*kaggle competitions download -c aptos"):
        find(tmp_path)
    root = tmp_path / "aptos2019"
    root.mkdir()
    layouts.aptos2019(root)
    lost = sorted((root / "train_images").iterdir())[0]
    lost.rename(tmp_path / "lost.png")
    with pytest.raises(InputError, match=f"image train_images/{lost.name}: no such file in {root}"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    sound = (root / "train.csv").read_text()
    first = sound.splitlines()[1]
    for text, words in (
        (sound.replace("diagnosis", "level"), "lacks the column diagnosis; it has id_code, level"),
        (sound.replace(first, f"{first[:-1]}9"), "column diagnosis, row 1: is '9'; must be one of 0, 1, 2, 3, 4"),
    ):
        (root / "train.csv").write_text(text)
        with pytest.raises(InputError, match=words):
            load_task(TASK, "clean", tmp_path / "cache", tmp_path)


def test_groups_that_the_user_lists_stay_together(tmp_path: Path) -> None:
    (tmp_path / "aptos2019").mkdir()
    root = layouts.aptos2019(tmp_path / "aptos2019")
    alone = load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    assert alone.table["group"].equals(alone.table["id"])
    pairs = [  # of photographs of one grade that lie apart without the list
        (side.iloc[0], other.iloc[0])
        for _, grade in alone.table.groupby("label")
        for side, other in [(grade.loc[grade["split"] == split, "id"] for split in ("train", "test"))]
    ]
    lines = [f"{name},pair{number}" for number, pair in enumerate(pairs) for name in pair]
    (root / "groups.csv").write_text("\n".join(["id_code,group", *lines, "0123456789ab,of_no_interest"]))
    table = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table.set_index("id")
    assert all(table["split"][one] == table["split"][other] for one, other in pairs)
    assert table["cluster"].nunique() == len(table) - len(pairs)
    (root / "groups.csv").write_text("\n".join(["id_code,group", *lines, lines[0]]))
    with pytest.raises(InputError, match=f"lists {pairs[0][0]} more than once"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "chooses"), [("clean", "validation"), pytest.param("paper", "test", marks=pytest.mark.long)]
)
def test_a_study_runs_from_the_layout_to_the_report(tmp_path: Path, protocol: str, chooses: str) -> None:
    (tmp_path / "aptos2019").mkdir()
    layouts.aptos2019(tmp_path / "aptos2019")
    study = scratch_study("eyes", "aptos2019", protocol=protocol)
    assert afield.run_study(study, tmp_path / "out", data=tmp_path).complete
    table = afield.results(tmp_path / "out")
    assert table["metric"].iloc[0] == "qwk"
    assert set(table["selected_on"]) == {chooses}
    assert "APTOS 2019" in report(tmp_path / "out").read_text(encoding="utf-8")
