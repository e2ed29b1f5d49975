"""A task that was prepared is one that a run finds ready."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from afield.base.errors import InputError, Stopped
from afield.study.preparing.inputs import prepare_inputs, write_task
from afield.study.preparing.prepare_task import describe_preparation, prepare_task
from afield.study.store import Store
from afield.tasks.builtin import find_task
from afield.tasks.data import split_samples
from afield.tasks.places import cache_folder
from afield.tasks.task import Protocol
from tests.fixtures import layouts
from tests.fixtures.tiny import scratch_study
from tests.study.helpers import check_ready

IMAGES = sum(layouts.CASSAVA_COUNTS)
BROKEN = {"train": 7, "test": 1}


@pytest.fixture(autouse=True)
def cassava(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a tiny Cassava, whose prepared images nothing knows yet."""
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data" / "cassava").mkdir(parents=True)
    layouts.cassava(tmp_path / "data" / "cassava")
    return tmp_path / "data"


def unwatched(what: str, done: int, total: int) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_a_run_finds_the_images_prepared_and_so_does_a_second_call(
    tmp_path: Path, cassava: Path, protocol: Protocol
) -> None:
    told: list[tuple[str, int, int]] = []
    done = prepare_task("cassava", lambda *what: told.append(what), size=32, protocol=protocol, data=cassava)
    assert done.fresh == len(told) > 0
    assert f"{done.fresh} images prepared into {tmp_path / 'cache'}" in describe_preparation(done)
    plan = check_ready(scratch_study("leaves", "cassava", protocol=protocol), data=cassava)
    store = Store.create(tmp_path / "out")
    write_task(store, plan.tasks["cassava"])
    asked: list[str] = []
    prepare_inputs(plan, store, cache_folder(), lambda what, *_: asked.append(what))
    assert asked == []
    again = prepare_task("cassava", unwatched, size=32, protocol=protocol, data=cassava)
    assert (again.fresh, again.folders) == (0, done.folders)
    assert "nothing to do: all images are prepared in" in describe_preparation(again)


@pytest.mark.slow
def test_what_was_found_is_told_with_the_size_that_a_recipe_leaves_open(cassava: Path) -> None:
    said = describe_preparation(prepare_task("cassava", unwatched, data=cassava)).splitlines()
    assert said[0] == f"cassava: sound, in {cassava / 'cassava'}: train 37, validation 13, test 12"
    assert said[1].endswith(" GB for 224 pixels)")
    paper = prepare_task("cassava", unwatched, protocol="paper", data=cassava)
    assert paper.size == 256
    assert "train 51, test 11" in describe_preparation(paper), (
        "a fifth of each class, rounded down; no validation split"
    )


def test_the_first_thing_that_is_wrong_is_named_with_its_place(cassava: Path) -> None:
    table = cassava / "cassava" / "train.csv"
    sound = table.read_text()
    table.write_text(sound.replace("image_id", "picture"))
    with pytest.raises(InputError, match=rf"cassava: {table}: lacks the column image_id"):
        prepare_task("cassava", unwatched, data=cassava)
    table.write_text(sound)
    lost = sorted((cassava / "cassava" / "train_images").iterdir())[3]
    lost.write_bytes(b"no picture")
    with pytest.raises(InputError, match=rf"1 of \d+ images cannot be used:\n{lost}"):
        prepare_task("cassava", unwatched, data=cassava)
    lost.unlink()
    with pytest.raises(InputError, match=rf"image train_images/{lost.name}: no such file in {cassava / 'cassava'}"):
        prepare_task("cassava", unwatched, data=cassava)
    shutil.rmtree(cassava / "cassava")
    with pytest.raises(InputError, match=rf"cassava: not found: below {cassava}, none of cassava, .*kaggle"):
        prepare_task("cassava", unwatched, data=cassava)
    assert not list(cache_folder().glob("prepared/.afield-tmp-*"))


def test_broken_images_of_all_splits_are_told_at_once(photos: Path, tmp_path: Path) -> None:
    root = shutil.copytree(photos, tmp_path / "photos")
    table = split_samples(find_task(str(root)), "clean")
    broken = {split: table.loc[table["split"] == split, "image"].tolist()[:number] for split, number in BROKEN.items()}
    for image in [each for images in broken.values() for each in images]:
        (root / image).write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        prepare_task(str(root), unwatched, size=32)
    said = str(caught.value)
    assert [line for line in said.splitlines() if not line.startswith(str(root))] == [
        "photos train: 7 of 24 images cannot be used:",
        "and 2 more",
        "photos test: 1 of 8 images cannot be used:",
        'restore them or take them away; a study with unreadable = "drop" (--set study.unreadable=drop) leaves damaged '
        "ones out, and `afield check` shows them",
    ]
    assert [f"{root / image}: " in said for image in broken["train"]] == [True] * 5 + [False] * 2
    assert f"{root / broken['test'][0]}: " in said


def test_a_folder_of_one_s_own_has_no_protocol_paper(photos: Path) -> None:
    with pytest.raises(InputError, match="photos: is no task of the study, so it has no protocol paper"):
        prepare_task(str(photos), unwatched, protocol="paper")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_it_in_words_and_keeps_what_is_whole(cassava: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("cassava validation") and done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped, match=r"stopped while images were prepared\. Run the same command again to go on"):
        prepare_task("cassava", interrupt, size=32, data=cassava)
    whole = list(cache_folder().glob("prepared/*"))
    assert len(whole) == 1
    assert not whole[0].name.startswith(".")
    told: list[str] = []
    prepare_task("cassava", lambda what, *_: told.append(what), size=32, data=cassava)
    assert not any(what.startswith("cassava train") for what in told)
