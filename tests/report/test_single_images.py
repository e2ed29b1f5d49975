"""Small pictures of single test images in the page, where they are at hand; names and the reason where not."""

import base64
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.images.prepared import prepare
from afield.images.rule import evaluation_rule
from afield.report.page import render
from afield.report.pictures import THUMBNAIL, thumbnail
from afield.report.single_images import NOT_HERE
from afield.study.images_of_test import PreparedTest
from tests.fixtures.records import make_record
from tests.report.test_page import Reader

N = 60


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """The simulated study with test images of one colour each, their number its red."""
    folder = tmp_path_factory.mktemp("images")
    images = [f"{place}.png" for place in range(N)]
    for place, name in enumerate(images):
        Image.new("RGB", (20, 20), (4 * place, 90, 90)).save(folder / name)
    ids = [f"test-{place:05d}" for place in range(N)]
    pd.DataFrame({"id": ids, "image": images, "split": "test"}).to_parquet(folder / "samples.parquet")
    hashes = [f"{place:064x}" for place in range(N)]
    made = prepare(folder, images, hashes, evaluation_rule(16, "bilinear"), folder / "cache", 1, lambda done, of: None)
    found = make_record(n_test=N, metrics=["accuracy"])
    return replace(found, tasks=(replace(found.tasks[0], prepared=PreparedTest(folder / "samples.parquet", made)),))


@pytest.mark.slow
def test_the_worst_and_the_most_disputed_are_shown_each_with_its_own_picture(record):
    page = Reader(render(record))
    shown = [image for image in page.all("img") if image["src"].startswith("data:image/jpeg")]
    assert len(shown) > 4
    for image in shown:
        with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as picture:
            red = int(np.asarray(picture.convert("RGB"))[8, 8, 0])
        number = int(image["alt"].partition(":")[0].removeprefix("test-"))
        assert abs(red - 4 * number) < 4, image["alt"]
        assert ", called " in image["alt"]
    assert NOT_HERE not in "".join(page.text)


@pytest.mark.slow
def test_a_private_page_shows_and_names_none_of_them(record):
    private = Reader(render(record, private=True))
    assert not private.all("img")
    assert "test-0" not in "".join(private.text)


@pytest.mark.slow
def test_where_they_are_not_at_hand_they_are_named_and_the_page_says_why(record):
    elsewhere = replace(record, tasks=(replace(record.tasks[0], prepared=None),))
    page = Reader(render(elsewhere))
    assert not [image for image in page.all("img") if image["src"].startswith("data:image/jpeg")]
    text = " ".join("".join(page.text).split())
    assert text.count(NOT_HERE) == 2
    assert "test-0" in text


def test_a_small_picture_is_small():
    noise = np.random.default_rng(0).integers(0, 255, (224, 320, 3), dtype=np.uint8)
    address = thumbnail(noise)
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        assert max(picture.size) == THUMBNAIL
    # the worst there is: 24 of them a task, six tasks, are then below 1.2 MB
    assert len(address) < 8000
