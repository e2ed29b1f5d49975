import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.base.errors import InputError
from afield.checking.check import check, check_samples, write_groups
from afield.checking.findings import Check, Finding
from afield.checking.page import render
from afield.checking.words import describe
from afield.tasks.data import split_samples
from afield.tasks.own.task import folder_task
from afield.tasks.task import Task
from tests.fixtures.copies import altered, scene


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 20 different pictures."""
    root = tmp_path / "photos"
    for position, name in enumerate(["crow", "owl"]):
        (root / name).mkdir(parents=True)
        for number in range(20):
            scene(100 * position + number).save(root / name / f"{number:02d}.png")
    return root


def table_of(root: Path, rows: Mapping[str, tuple[str, int, str]]) -> pd.DataFrame:
    """A table with splits of the images that `rows` names with split, label and group."""
    return pd.DataFrame(
        [(image, image, *told) for image, told in rows.items()], columns=["id", "image", "split", "label", "group"]
    ).assign(cluster="", unit="")


def checked(root: Path, rows: Mapping[str, tuple[str, int, str]], processes: int = 1) -> Check:
    task: Task = folder_task(root)
    return check_samples(task, "clean", root, table_of(root, rows), quiet, processes)


def named(found: Check) -> dict[str, Finding]:
    return {finding.name: finding for finding in found.findings}


def images_of(finding: Finding) -> list[tuple[str, ...]]:
    return [tuple(picture.image for picture in example.pictures) for example in finding.examples]


ALONE = {f"crow/{n:02d}.png": ("train" if n < 7 else "test", 0, f"crow {n}") for n in range(10)}
ALONE |= {f"owl/{n:02d}.png": ("train" if n >= 3 else "test", 1, f"owl {n}") for n in range(10)}
"""twenty images, each of a group of its own"""


def plant(root: Path, name: str, original: str, seed: int = 0) -> None:
    (root / name).write_bytes(altered(Image.open(root / original), np.random.default_rng(seed)))


def test_a_clean_task_is_clean(photos: Path) -> None:
    found = check(str(photos), "clean", quiet, processes=1)
    assert found.findings == ()
    assert not found.biased
    assert describe(found).endswith("These checks found nothing that would bias a result.")
    assert found.counts == {"train": 24, "validation": 8, "test": 8}
    assert dict(found.facts)["Most frequent size"] == "96 x 72 pixels (all 40)"
    assert [(row.name, row.counts["test"], row.size) for row in found.classes] == [
        ("crow", 4, "96 x 72"),
        ("owl", 4, "96 x 72"),
    ]


def test_a_near_copy_alarms_across_splits_and_not_within_one(photos: Path) -> None:
    plant(photos, "crow/copy.jpg", "crow/03.png")
    across = checked(photos, ALONE | {"crow/copy.jpg": ("test", 0, "new")})
    finding = named(across)["Near copies across splits"]
    assert across.biased
    assert finding.told.startswith("1 case: 2 images (1 train, 1 test)")
    assert images_of(finding) == [("crow/03.png", "crow/copy.jpg")]
    within = checked(photos, ALONE | {"crow/copy.jpg": ("train", 0, "new")})
    assert list(named(within)) == ["Near copies within a split"]
    assert not within.biased


def test_exact_copies_are_told_from_near_ones_whatever_their_format(photos: Path) -> None:
    Image.open(photos / "crow/03.png").save(photos / "crow/copy.bmp")
    found = named(checked(photos, ALONE | {"crow/copy.bmp": ("test", 0, "new")}))
    assert list(found) == ["Exact copies across splits"]


def test_pictures_of_one_group_are_expected_to_look_alike(photos: Path) -> None:
    rows = dict(ALONE)
    for number in range(5):
        plant(photos, f"crow/camera{number}.jpg", "crow/00.png", number)
        rows[f"crow/camera{number}.jpg"] = ("train", 0, "crow 0")
    assert checked(photos, rows).findings == ()


def test_findings_are_counted_by_group(photos: Path) -> None:
    """Two cameras that share six scenes are one case, whatever the number of pictures."""
    rows = dict(ALONE)
    for number in range(6):
        plant(photos, f"crow/other{number}.jpg", f"crow/{number:02d}.png", number)
        rows[f"crow/{number:02d}.png"] = ("train", 0, "north")
        rows[f"crow/other{number}.jpg"] = ("test", 0, "south")
    found = checked(photos, rows)
    finding = named(found)["Near copies across splits"]
    assert finding.told.startswith("1 case: 12 images of 2 groups (6 train, 6 test)")
    assert len(finding.examples) == 1
    assert found.groups["crow/00.png"] == found.groups["crow/other5.jpg"] == "north"
    assert found.groups["owl/00.png"] == "owl 0"


def test_a_group_on_two_sides_is_named_with_its_numbers(photos: Path) -> None:
    rows = ALONE | {"crow/00.png": ("train", 0, "patient 7"), "owl/00.png": ("test", 1, "patient 7")}
    found = checked(photos, rows)
    finding = named(found)["Groups in more than one split"]
    assert finding.biases
    assert finding.told == "1 group of 19, with 2 samples"
    assert finding.examples[0].told == "1 test, 1 train"
    assert {picture.group for picture in finding.examples[0].pictures} == {"patient 7"}


def test_an_image_that_two_splits_name(photos: Path) -> None:
    table = table_of(photos, ALONE)
    again = table[table["image"] == "crow/00.png"].assign(id="again", split="test")
    found = check_samples(folder_task(photos), "clean", photos, pd.concat([table, again]), quiet, 1)
    finding = named(found)["Images in more than one split"]
    assert finding.biases
    assert finding.told == "1 image"
    assert finding.examples[0].pictures[0].split == "train, test"


@pytest.mark.slow
def test_one_picture_with_two_labels(photos: Path) -> None:
    Image.open(photos / "crow/03.png").save(photos / "owl/same.png")
    found = named(checked(photos, ALONE | {"owl/same.png": ("train", 1, "new")}))
    assert found["One picture, two labels"].biases
    assert [picture.label for picture in found["One picture, two labels"].examples[0].pictures] == ["crow", "owl"]
    assert not found["Exact copies within a split"].biases
    plant(photos, "owl/near.jpg", "crow/04.png")
    found = named(checked(photos, ALONE | {"owl/near.jpg": ("train", 1, "new")}))
    assert not found["Near copies, two labels"].biases
    found = named(checked(photos, ALONE | {"owl/near.jpg": ("test", 1, "new")}))
    assert found["Near copies, two labels"].biases


def test_unknown_labels_contradict_nothing(photos: Path) -> None:
    Image.open(photos / "crow/03.png").save(photos / "crow/same.png")
    task = folder_task(photos)
    table = table_of(photos, ALONE | {"crow/same.png": ("train", 0, "new")})
    table["label"] = [(1, 0) if label == 0 else (0, 1) for label in table["label"]]
    for label, contradicts in (((1, -1), False), ((-1, 1), True)):
        table["label"] = [*table["label"][:-1], label]
        found = check_samples(task, "clean", photos, table, quiet, 1)
        assert ("One picture, two labels" in named(found)) == contradicts


def test_everything_is_reported_in_one_go(photos: Path) -> None:
    (photos / "crow/01.png").unlink()
    (photos / "crow/02.png").write_bytes(b"")
    Image.new("RGB", (90, 70), "black").save(photos / "owl/01.png")
    plant(photos, "crow/copy.jpg", "crow/03.png")
    rows = ALONE | {"crow/copy.jpg": ("test", 0, "new")}
    for number in range(10, 20):
        rows[f"crow/{number}.png"] = ("train", 0, f"crow {number}")
    for number in range(3, 10):
        del rows[f"owl/{number:02d}.png"]
    found = named(checked(photos, rows))
    assert list(found) == [
        "Unreadable images",
        "Near copies across splits",
        "Classes without samples",
        "Imbalance of classes",
        "Blank or nearly blank images",
    ]
    assert [example.told for example in found["Unreadable images"].examples] == [
        "no such file",
        "is empty; restore the image or drop it",
    ]
    assert found["Imbalance of classes"].told == "crow has 21 samples, owl has 3: 7 to 1"
    assert "(always crow is right in 87.5 %)" in found["Imbalance of classes"].advice
    assert "train has none of owl" in found["Classes without samples"].told
    assert "1 of them constant; 1 of owl" in found["Blank or nearly blank images"].told


@pytest.mark.slow
def test_equal_tasks_give_equal_results_whatever_the_order_and_the_processes(photos: Path) -> None:
    rows = dict(ALONE)
    for number in range(4):
        plant(photos, f"crow/copy{number}.jpg", f"crow/{number:02d}.png", number)
        rows[f"crow/copy{number}.jpg"] = ("test", number % 2, f"copy {number}")
    forward = checked(photos, rows, processes=1)
    backward = checked(photos, dict(reversed(rows.items())), processes=2)
    assert forward == backward


def test_groups_are_written_for_a_table(photos: Path, tmp_path: Path) -> None:
    plant(photos, "owl/copy.jpg", "crow/03.png")
    found = check(str(photos), "clean", quiet, processes=1)
    write_groups(found, tmp_path / "groups.csv")
    written = pd.read_csv(tmp_path / "groups.csv")
    assert list(written.columns) == ["id", "group"]
    assert len(written) == 41
    groups = written.set_index("id")["group"]
    assert groups["owl/copy.jpg"] == groups["crow/03.png"] == "crow/03.png"
    assert written["group"].nunique() == 40


@pytest.mark.slow
def test_progress_names_what_is_done(photos: Path) -> None:
    told: list[tuple[str, int, int]] = []
    check(str(photos), "clean", lambda *step: told.append(step), processes=1)
    assert ("reading images", 40, 40) in told
    assert told[-1] == ("comparing images", 40, 40)


def test_what_is_no_task_or_has_no_such_protocol_is_wrong_input(photos: Path) -> None:
    with pytest.raises(InputError, match="unknown task"):
        check(str(photos / "nowhere"), "clean", quiet)
    with pytest.raises(InputError, match="no task of the study"):
        check(str(photos), "paper", quiet)


def test_of_many_cases_some_are_shown_and_all_are_counted(photos: Path) -> None:
    rows = dict(ALONE)
    names: Sequence[str] = [f"crow/flat{number:02d}.png" for number in range(30)]
    for value, name in enumerate(names):
        Image.new("RGB", (20, 20), (value, value, value)).save(photos / name)
        rows[name] = ("train", 0, name)
    finding = named(checked(photos, rows))["Blank or nearly blank images"]
    assert finding.told.startswith("30 images")
    assert len(finding.examples) == 24


@pytest.mark.slow
def test_further_images_are_looked_at_as_if_they_had_joined_the_training_split(photos: Path, tmp_path: Path) -> None:
    table = split_samples(folder_task(photos), "clean")
    held = table.loc[table["split"] == "test", "image"].iloc[0]
    (tmp_path / "more" / "owl").mkdir(parents=True)
    shutil.copy(photos / held, tmp_path / "more" / "owl" / "again.png")
    plain = check(str(photos), "clean", lambda *_: None, processes=1)
    found = check(str(photos), "clean", lambda *_: None, processes=1, further=[str(tmp_path / "more")])
    assert found.counts["train"] == plain.counts["train"] + 1
    assert found.images == plain.images + 1
    names = [finding.name for finding in found.findings]
    assert "Exact copies across splits" in names
    (example,) = next(each for each in found.findings if each.name == "Exact copies across splits").examples
    assert {picture.image for picture in example.pictures} == {held, "more/owl/again.png"}
    assert render(found).count("<img") >= 2
    study = tmp_path / "more.toml"
    study.write_text(
        '[study]\nname = "more"\ntasks = ["owls"]\nbackbones = ["resnet50.tv_in1k"]\n[tasks.owls]\nfolder = "more"\n'
    )
    named_so = check(str(photos), "clean", lambda *_: None, processes=1, further=[f"{study}:owls"])
    assert named_so.counts["train"] == plain.counts["train"] + 1
