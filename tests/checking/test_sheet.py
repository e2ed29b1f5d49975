"""Contact sheets: what an augmentation makes of a task's own images, as one page."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from afield.base.errors import InputError
from afield.checking.sheet import ADDITIONS, DRAWS, IMAGES, make_sheet, render, write_sheet
from afield.cli import app
from afield.tasks.builtin import find_task
from tests.fixtures.tiny import make_photos

FOG = Path(__file__).parents[2] / "examples" / "extensions" / "fog" / "fog.py"


@pytest.mark.slow
def test_a_sheet_shows_each_image_and_its_draws(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    sheet = write_sheet(str(photos), "trivialaugment", path, size=64)
    page = path.read_text()
    assert len(sheet.rows) == IMAGES
    assert {row.label for row in sheet.rows} == {"cold", "warm"}
    assert page.count('src="data:image/png;base64,') == IMAGES * (DRAWS + 1)
    for row in sheet.rows:
        assert len({row.original, *row.drawn}) > DRAWS / 2, "the draws differ"
    assert not re.search(r'(src|href)="(?!data:|#)', page), "nothing from outside"
    assert render(make_sheet(find_task(str(photos)), "trivialaugment", None, 64)) == page, "the same page again"


def test_names_are_escaped(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", images=6)
    (photos / "warm").rename(photos / "<b>warm & wet")
    page = render(make_sheet(find_task(str(photos)), "paper", None, 32))
    assert "&lt;b&gt;warm &amp; wet" in page
    assert "<b>warm" not in page


def test_without_augmentation_images_are_shown_once(photos: Path) -> None:
    sheet = make_sheet(find_task(str(photos)), "none", None, 32)
    assert all(len(row.drawn) == 1 for row in sheet.rows)
    assert "No crop, no flips" in render(sheet)


def test_what_a_recipe_adds_is_shown_on_top_of_the_usual_crops(photos: Path) -> None:
    usual = make_sheet(find_task(str(photos)), "paper", None, 32)
    for key in ADDITIONS:
        sheet = make_sheet(find_task(str(photos)), key, None, 32)
        assert sheet.augmentation == f"{key} = 1"
        assert [row.original for row in sheet.rows] == [row.original for row in usual.rows]
        changed = [
            one != other
            for row, plain in zip(sheet.rows, usual.rows, strict=True)
            for one, other in zip(row.drawn, plain.drawn, strict=True)
        ]
        assert sum(changed) > len(changed) / 2
        assert ("a part of another" in render(sheet)) == (key != "erasing")


def test_ones_own_is_shown_from_its_file(photos: Path, tmp_path: Path) -> None:
    fog = shutil.copy(FOG, tmp_path / "fog.py")
    out = tmp_path / "sheet.html"
    command = ["tasks", "show", str(photos), "--augmentation", f"{fog}:fog", "--size", "32", "--out", str(out)]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0
    assert f"{out}: {IMAGES} training images of" in ended.output
    assert out.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("randaugmnt", "randaugmnt: is no augmentation; did you mean randaugment"),
        ("fog.py:fog", "fog.py: no such file"),
    ],
)
def test_what_is_none_is_named(photos: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_sheet(str(photos), name, tmp_path / "sheet.html")
    assert not (tmp_path / "sheet.html").exists()


def test_a_file_to_write_needs_an_augmentation_to_show(photos: Path) -> None:
    ended = CliRunner().invoke(app, ["tasks", "show", str(photos), "--out", "sheet.html"])
    assert ended.exit_code == 2
    assert "--out and --size belong to --augmentation" in ended.output


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            file = tmp_path / "photos" / name / f"{number}.png"
            Image.fromarray(np.full((40, 40, 3), number, np.uint8)).save(file)
            file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match=r"photos/[ab]/\d\.png"):
        write_sheet(str(tmp_path / "photos"), "paper", tmp_path / "sheet.html")
