"""The web-scraped twelve: published layouts, official splits under both protocols, and what is wrong told in words."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from afield.base.errors import InputError
from afield.tasks.builtin import TASKS, WEB_SCRAPED, find_task
from afield.tasks.data import load_task
from afield.tasks.sets.web import WHY, official_split
from afield.tasks.show import list_splits, list_tasks
from tests.fixtures import web

KORNBLITH = {
    "food101": (101, "accuracy"), "cifar10": (10, "accuracy"), "cifar100": (100, "accuracy"),
    "birdsnap": (500, "accuracy"), "sun397": (397, "accuracy"), "stanford_cars": (196, "accuracy"),
    "fgvc_aircraft": (100, "balanced_accuracy"), "voc2007": (20, "map_11"), "dtd": (47, "accuracy"),
    "oxford_iiit_pets": (37, "balanced_accuracy"), "caltech101": (102, "balanced_accuracy"),
    "flowers102": (102, "balanced_accuracy"),
}  # fmt: skip
"""classes and metric in Kornblith et al. 2019 (PAPER.md 4.2)"""
WITH_VALIDATION = ("fgvc_aircraft", "voc2007", "dtd", "flowers102")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    for make in web.MAKERS.values():
        make(folder, pixels=False)
    return folder


def test_classes_and_metrics_are_those_of_kornblith_et_al() -> None:
    assert {task.name: (len(task.classes), task.metric) for task in WEB_SCRAPED} == KORNBLITH
    for task in WEB_SCRAPED:
        assert len(set(task.classes)) == len(task.classes)
        assert all(name == name.strip() != "" for name in task.classes)
        assert task.card.domain == "web-scraped"
        assert WHY in task.card.application
        assert task.published is not None
        assert (task.published.image_size, task.published.flips) == (224, ("horizontal",))
        assert task.name in list_tasks()


@pytest.mark.parametrize("name", KORNBLITH)
def test_each_has_a_page_that_the_overview_links_to(name: str) -> None:
    docs = Path(__file__).parents[3] / "docs"
    page = (docs / "tasks" / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# `{name}`: ")
    assert f"(tasks/{name}.md)" in (docs / "tasks.md").read_text(encoding="utf-8")
    assert f"({name}.md)" in (docs / "tasks" / "web_scraped.md").read_text(encoding="utf-8")


def test_the_class_lists_are_those_of_the_published_sets() -> None:
    """Ends and middles of lists, as torchvision, tensorflow-datasets and Birdsnap's own test list have them."""
    for name, position, value in (
        ("food101", 0, "apple_pie"), ("food101", 16, "cheesecake"), ("food101", 17, "cheese_plate"),
        ("food101", 100, "waffles"), ("cifar100", 47, "maple_tree"), ("birdsnap", 0, "Acadian_Flycatcher"),
        ("birdsnap", 499, "Zone_tailed_Hawk"), ("sun397", 0, "abbey"), ("sun397", 396, "youth_hostel"),
        ("stanford_cars", 0, "AM General Hummer SUV 2000"), ("stanford_cars", 5, "Acura Integra Type R 2001"),
        ("stanford_cars", 195, "smart fortwo Convertible 2012"), ("fgvc_aircraft", 72, "F-16A/B"),
        ("oxford_iiit_pets", 11, "Egyptian_Mau"), ("caltech101", 0, "BACKGROUND_Google"),
        ("caltech101", 5, "accordion"), ("flowers102", 0, "pink primrose"), ("flowers102", 101, "blackberry lily"),
    ):  # fmt: skip
        assert TASKS[name].classes[position] == value


@pytest.mark.slow
@pytest.mark.parametrize("name", KORNBLITH)
def test_each_layout_is_loaded_under_both_protocols(data: Path, tmp_path: Path, name: str) -> None:
    task = TASKS[name]
    paper, clean = (load_task(task, protocol, tmp_path, data) for protocol in ("paper", "clean"))
    assert (paper.selection, clean.selection) == ("test", "validation")
    assert set(paper.table["id"]) == set(clean.table["id"])
    # Neither protocol touches the published test split, and `paper` trains on all that is not of it.
    official = dict(zip(task.samples(clean.root)["id"], task.samples(clean.root)["official"], strict=True))
    for loaded in (paper, clean):
        assert {official[sample] for sample in loaded.samples("test")["id"]} == {"test"}
        assert {official[sample] for sample in loaded.samples("train")["id"]} <= {"train", "validation"}
    held_out = clean.samples("validation")["id"]
    assert {official[sample] for sample in held_out} == {"validation" if name in WITH_VALIDATION else "train"}


def test_where_no_validation_split_is_published_a_fifth_of_each_class_becomes_one() -> None:
    rows = [
        (f"{split}/{label}/{number}", label, split)
        for split in ("train", "test")
        for label in (0, 1)
        for number in range(50)
    ]
    table = pd.DataFrame(rows, columns=["id", "label", "official"])
    side = official_split(table, "clean")
    assert pd.crosstab(table["label"], side).to_numpy().tolist() == [[50, 40, 10], [50, 40, 10]]
    turned = table[::-1]
    assert official_split(turned, "clean").sort_index().equals(side)
    assert official_split(table, "paper").equals(table["official"].rename("split"))


@pytest.mark.parametrize("name", KORNBLITH)
def test_without_the_data_it_says_where_it_looked_and_how_to_get_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}: not found: .*{tmp_path}.*(Download|no longer gives it)"):
        TASKS[name].find(tmp_path)


def test_splits_are_listed_from_the_published_lists_alone(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "food-101" / "meta", tmp_path / "food-101" / "meta")
    listed = list_splits(find_task("food101"), "paper", tmp_path)
    assert listed["split"].value_counts().to_dict() == {"train": 202, "test": 101}
    assert listed["id"][0] == "apple_pie/1000"


def _retext(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _relabel(path: Path, variable: str, value: int) -> None:
    variables = {name: array for name, array in loadmat(path).items() if not name.startswith("__")}
    variables[variable][0, 0] = value
    savemat(path, variables)


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("food101", lambda root: _retext(root / "meta/train.txt", "apple_pie", "apple_tart"),
         r"train\.txt, row 1: 'apple_tart' is none of the 101 classes"),
        ("food101", lambda root: (root / "meta/test.txt").unlink(), r"test\.txt: cannot be read.*Download"),
        ("food101", lambda root: (root / "meta/test.txt").write_bytes(b"\xff\xfe"), r"test\.txt: cannot be read"),
        ("food101", lambda root: (root / "images/apple_pie/1000.jpg").unlink(),
         r"image images/apple_pie/1000\.jpg: no such file"),
        ("sun397", lambda root: _retext(root / "Partitions/Training_01.txt", "/a/abbey", "/abbey"),
         r"Training_01\.txt, row 1: '/abbey/sun_aaaaaaaaaaaaaaaa\.jpg' is none of the 397 classes"),
        ("sun397", lambda root: shutil.rmtree(root / "Partitions"), r"Training_01\.txt: cannot be read.*Partitions"),
        ("fgvc_aircraft", lambda root: _retext(root / "images_variant_val.txt", " Cessna 172", ""),
         r"images_variant_val\.txt, row 48: '' is none of the 100 classes"),
        ("dtd", lambda root: _retext(root / "labels/val1.txt", "banded/", "bandy/"), "'bandy' is none of the 47"),
        ("oxford_iiit_pets", lambda root: _retext(root / "annotations/test.txt", "Bengal_101 6", "Bengal_101 7"),
         r"test\.txt, row 6: Bengal_101 7 1 1: its second field should be 6"),
        ("stanford_cars", lambda root: (root / "cars_test_annos_withlabels.mat").unlink(),
         r"withlabels\.mat: cannot be read as a MATLAB file.*cars_test_annos\.mat, which has no labels"),
        ("stanford_cars", lambda root: savemat(root / "devkit/cars_train_annos.mat", {"annotations": np.ones(3)}),
         "its variable annotations lacks fname or class"),
        ("flowers102", lambda root: (root / "setid.mat").write_text("no MATLAB"), r"setid\.mat: cannot be read"),
        ("flowers102", lambda root: _relabel(root / "imagelabels.mat", "labels", 103), "labels are not 1 to 102"),
        ("flowers102", lambda root: _relabel(root / "setid.mat", "trnid", 5000), "do not hold each of the 306 images"),
        ("caltech101", lambda root: shutil.rmtree(root / "ibis"), "ibis: no such folder; each of the 102 classes"),
    ],
)  # fmt: skip
def test_what_is_not_as_published_is_told_in_words(
    tmp_path: Path, name: str, spoil: Callable[[Path], object], words: str
) -> None:
    few = {"kinds": 4} if name == "sun397" else {}
    spoil(web.MAKERS[name](tmp_path, pixels=False, **few))
    with pytest.raises(InputError, match=words):
        load_task(TASKS[name], "clean", tmp_path / "cache", tmp_path)


def test_names_with_blanks_and_slashes_are_whole_classes(data: Path) -> None:
    """`1025794 Cessna 172`, `F/A-18`, and SUN's kinds with two folders below that of the letter."""
    aircraft = TASKS["fgvc_aircraft"]
    table = aircraft.samples(aircraft.find(data))
    assert set(table.groupby("label").size()) == {3}
    places = TASKS["sun397"]
    table = places.samples(places.find(data)).set_index("id")
    label = places.classes.index("apartment_building/outdoor")
    assert table["label"]["/a/apartment_building/outdoor/sun_aaaaaaaaaaaaaaaa.jpg"] == label


@pytest.mark.parametrize("lists", ["Partitions", "SUN397", "SUN397/Partitions", ""])
def test_sun_s_partitions_are_found_where_people_unpack_them(tmp_path: Path, lists: str) -> None:
    web.make_sun397(tmp_path, lists, kinds=8, pixels=False)
    assert len(TASKS["sun397"].samples(TASKS["sun397"].find(tmp_path))) == 16 + 2


@pytest.mark.parametrize("table", ["cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"])
def test_cars_of_both_splits_have_their_own_ids(tmp_path: Path, table: str) -> None:
    """Files are numbered anew in each split."""
    root = web.make_stanford_cars(tmp_path, train=1, test_table=table, pixels=False)
    samples = TASKS["stanford_cars"].samples(root).set_index("id")
    assert samples["label"][["cars_train/00002.jpg", "cars_test/00002.jpg"]].tolist() == [1, 3]


def test_flowers_get_the_label_of_their_own_number(data: Path) -> None:
    """imagelabels.mat goes by number of image, setid.mat lists numbers: read here once more, image by image."""
    task = TASKS["flowers102"]
    root = task.find(data)
    labels, sets = loadmat(root / "imagelabels.mat")["labels"][0], loadmat(root / "setid.mat")
    table = task.samples(root).set_index("id")
    for split, name in (("train", "trnid"), ("validation", "valid"), ("test", "tstid")):
        for number in sets[name][0]:
            row = table.loc[f"image_{number:05d}"]
            assert (row["official"], row["label"]) == (split, labels[number - 1] - 1)


def test_caltech_draws_30_of_each_class_and_leaves_the_rest_for_test(tmp_path: Path) -> None:
    task = TASKS["caltech101"]
    root = web.make_caltech101(tmp_path, {"watch": 35, "inline_skate": 31}, images=1, pixels=False)
    table = task.samples(root)
    counts = pd.crosstab(table["label"], table["official"])
    assert [counts.loc[task.classes.index(name)].tolist() for name in ("watch", "inline_skate", "ant")] == [
        [5, 30],
        [1, 30],
        [0, 1],
    ]
    assert not table["image"].str.endswith("tmp").any()
    # One picture less changes at most one other's side: the draw goes by hashes.
    drawn = set(table.loc[table["official"] == "train", "id"])
    (root / min(name for name in drawn if name.startswith("watch/"))).unlink()
    less = task.samples(root)
    assert len(set(less.loc[less["official"] == "train", "id"]) - drawn) == 1


@pytest.mark.parametrize("folder", ["download/images", "images", "."])
def test_birds_that_flickr_no_longer_has_are_left_out(tmp_path: Path, folder: str) -> None:
    gone = ["Acadian_Flycatcher/9.jpg", "Altamira_Oriole/41.jpg", "American_Avocet/50.jpg"]
    root = web.make_birdsnap(tmp_path, folder, gone, species=20, pixels=False)
    table = TASKS["birdsnap"].samples(root)
    assert not set(gone) & set(table["id"])
    assert table.groupby("official").size().to_dict() == {"test": 1, "train": 38}
    assert (root / table["image"][0]).is_file()


def test_birdsnap_s_lists_without_images_or_header_are_told(tmp_path: Path) -> None:
    task = TASKS["birdsnap"]
    root = web.make_birdsnap(tmp_path, species=20, pixels=False)
    shutil.rmtree(root / "download")
    with pytest.raises(InputError, match=r"holds a folder of a species.*get_birdsnap\.py"):
        task.samples(root)
    _retext(root / "test_images.txt", "path\n", "")
    with pytest.raises(InputError, match=r"test_images\.txt: lacks the column path; its first row is 'Acadian_Fly"):
        task.samples(root)


@pytest.mark.slow
def test_of_voc_difficult_kinds_are_unknown(data: Path) -> None:
    """The lists have 1, -1 and, where all objects of the kind are difficult, 0."""
    task = TASKS["voc2007"]
    label = task.samples(task.find(data)).set_index("id")["label"]["000001"]  # image 0: kinds 0 and 7, kind 3 difficult
    assert [position for position, value in enumerate(label) if value == 1] == [0, 7]
    assert [position for position, value in enumerate(label) if value == -1] == [3]
    assert len(label) == 20


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("000004 -1", "000004  2", r"bird_train\.txt, row 2: '000004  2': must be an image and one of 1, -1, 0"),
        ("000004 -1\n", "", r"bird_train\.txt: does not list the same images as aeroplane_train\.txt"),
        ("000004 -1", "000001 -1", r"bird_train\.txt: does not list the same images"),
    ],
)
def test_voc_s_lists_that_disagree_are_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    root = web.make_voc2007(tmp_path)
    _retext(root / "ImageSets/Main/bird_train.txt", old, new)
    with pytest.raises(InputError, match=words):
        TASKS["voc2007"].samples(root)
