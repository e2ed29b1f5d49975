"""HAM10000: every layout that it is published in, lesions on one side, two tasks with one split."""

import shutil
import tarfile
from pathlib import Path

import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.tasks.data import load_task
from afield.tasks.sets.ham10000 import CLASSES, MELANOMA, TASK, find
from tests.fixtures import layouts
from tests.fixtures.shared import shared
from tests.fixtures.tiny import scratch_study


@pytest.mark.slow
@pytest.mark.parametrize("table", ["HAM10000_metadata", "HAM10000_metadata.csv"])
@pytest.mark.parametrize(
    "places",
    [("HAM10000_images_part_1", "HAM10000_images_part_2"), ("images",), ("ISIC2018_Task3_Training_Input",), (".",)],
)
def test_every_published_layout_gives_the_same_data(tmp_path: Path, table: str, places: tuple[str, ...]) -> None:
    reference = load_task(TASK, "clean", tmp_path, layouts.ham10000(tmp_path / "reference"))
    layouts.ham10000(tmp_path / "data" / "ham10000", table=table, places=places)
    data = load_task(TASK, "clean", tmp_path, tmp_path / "data")
    assert data.root == tmp_path / "data" / "ham10000"
    assert data.fingerprint == reference.fingerprint
    assert data.table["id"].equals(reference.table["id"])


def test_no_lesion_is_on_both_sides_and_both_tasks_have_one_split(tmp_path: Path) -> None:
    layouts.ham10000(tmp_path)
    seven, two = (load_task(task, "clean", tmp_path / "cache", tmp_path).table for task in (TASK, MELANOMA))
    assert seven["group"].nunique() == sum(layouts.HAM10000_COUNTS.values()) < len(seven)
    assert seven.groupby("group")["split"].nunique().max() == 1
    assert seven["cluster"].equals(seven["group"])
    assert seven["split"].equals(two["split"])
    assert [CLASSES[label] for label in seven["label"]] == seven["dx"].tolist()
    assert (two["label"] == 1).equals(seven["dx"] == "mel")


def test_it_is_no_task_of_the_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ham10000: is no task of the study, so it has no protocol paper"):
        load_task(TASK, "paper", tmp_path)


def test_without_the_table_it_says_where_it_looked_and_how_to_get_it(tmp_path: Path) -> None:
    layouts.ham10000(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"ham10000: not found: .*HAM10000_metadata\.csv.*10\.7910/DVN/DBW86T"):
        find(tmp_path)


def test_what_is_wrong_with_the_table_is_told_in_words(tmp_path: Path) -> None:
    path = layouts.ham10000(tmp_path) / "HAM10000_metadata"
    sound = path.read_text()
    for text, words in (
        (sound.replace("lesion_id", "lesion"), "lacks the column lesion_id; it has lesion, image_id, dx"),
        (sound.replace(",mel,", ",melanoma,", 1), r"column dx, row \d+: is 'melanoma'; must be one of akiec, bcc"),
        (sound.replace(",mel,", ",,"), r"column dx, row \d+: is '' \(and \d+ more\)"),
        ("", "HAM10000_metadata: cannot be read as a table"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            load_task(TASK, "clean", tmp_path / "cache", tmp_path)


def test_an_image_that_is_listed_and_absent_is_named(tmp_path: Path) -> None:
    layouts.ham10000(tmp_path)
    (tmp_path / "HAM10000_images_part_2" / "ISIC_0024307.jpg").unlink()
    with pytest.raises(InputError, match=r"image \S*ISIC_0024307\.jpg: no such file"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    shutil.rmtree(tmp_path / "HAM10000_images_part_1")
    with pytest.raises(InputError, match=r"\d+ images \(.*ISIC_0024306\.jpg"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)


@pytest.mark.slow
def test_a_study_of_both_runs_from_the_layout_to_the_report(tmp_path: Path) -> None:
    layouts.ham10000(tmp_path / "ham10000")
    assert afield.run_study(
        scratch_study("lesions", "ham10000", "ham10000_melanoma"), tmp_path / "out", data=tmp_path
    ).complete
    table = afield.results(tmp_path / "out")
    leading = table.groupby("task")["metric"].first().to_dict()
    assert leading == {"ham10000": "balanced_accuracy", "ham10000_melanoma": "auroc"}
    assert set(table["selected_on"]) == {"validation"}
    assert "HAM10000" in report(tmp_path / "out").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.long
def test_the_published_images_are_10015_of_7470_lesions(tmp_path: Path) -> None:
    with tarfile.open(shared("data/HAM10000_200x150.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    data = load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    counts = data.table["dx"].value_counts().to_dict()
    # shared/data/README.md
    assert counts == {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
    assert data.table["group"].nunique() == 7470
    assert data.table.groupby("group")["split"].nunique().max() == 1
    for split, share in {"train": 0.6, "validation": 0.2, "test": 0.2}.items():
        for name, count in counts.items():
            found = data.counts()[split][name]
            assert abs(found - share * count) < 2, (split, name)
    # A change here means other splits under the same name: raise the tasks' version with it.
    assert (TASK.version, data.fingerprint) == (1, "555ebca845cb13d0404d")
    melanoma = load_task(MELANOMA, "clean", tmp_path / "cache", tmp_path)
    assert (MELANOMA.version, melanoma.fingerprint) == (1, "56eb2d0ab77a374e2dd6")
