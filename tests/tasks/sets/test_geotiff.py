"""Where files lie, by the tags that the GeoTIFF standard gives as examples."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from afield.base.errors import InputError
from afield.tasks.sets.geotiff import centre, grid_cell
from tests.fixtures.eurosat import geo_tags
from tests.fixtures.odd_images import QUARTERS, Page, png, tiff

TILE = np.zeros((50, 100, 13), np.uint16)


def put(folder: Path, tags: dict | None, pixels: np.ndarray = TILE, **layout: Any) -> Path:
    path = folder / "tile.tif"
    path.write_bytes(tiff(Page(pixels, 1, tags, **layout)))
    return path


def test_the_example_of_the_standard(tmp_path: Path) -> None:
    """UTM zone 60 north: tie point (0, 0, 0, 350807.4, 5316081.3, 0), scale (100, 100, 0)."""
    keys = [1, 0, 2, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32660, 3073, 34737, 25, 0]
    tags = {33922: [0, 0, 0, 350807.4, 5316081.3, 0], 33550: [100.0, 100.0, 0.0], 34735: keys}
    assert centre(put(tmp_path, tags)) == (32660, pytest.approx(355807.4), pytest.approx(5313581.3))


def test_a_tie_point_may_lie_anywhere_in_the_picture(tmp_path: Path) -> None:
    tags = geo_tags(0, 0) | {33922: [50, 10, 0, 949465.0, 3070309.1, 0]}
    assert centre(put(tmp_path, tags)) == (32632, 949465.0, pytest.approx(3070309.1 - 15 * 10))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_bytes_may_come_in_any_order(tmp_path: Path, order: Literal["<", ">"], big: bool) -> None:
    path = tmp_path / "tile.tif"
    path.write_bytes(tiff(Page(TILE, 1, geo_tags(500_000, 5_400_000)), order=order, big=big))
    assert centre(path) == (32632, 500_500, 5_399_750)


def test_squares_are_told_apart_by_system_column_and_row(tmp_path: Path) -> None:
    cells = [
        grid_cell(put(tmp_path, geo_tags(easting, northing, system)), 50_000)
        for easting, northing, system in (
            (349_000, 5_300_300, 32632),
            (349_499, 5_300_300, 32632),
            (349_500, 5_300_300, 32632),
            (349_000, 5_300_200, 32632),
            (349_000, 5_300_300, 32633),
        )
    ]
    assert cells[0] == cells[1] == "32632/6/106"
    assert cells[2:] == ["32632/7/106", "32632/6/105", "32633/6/106"]


def test_what_does_not_say_where_it_lies_is_refused(tmp_path: Path) -> None:
    sound = geo_tags(500_000, 5_400_000)
    degrees = sound | {34735: [1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326]}
    feet = sound | {34735: [1, 1, 0, 2, 3072, 0, 1, 2277, 3076, 0, 1, 9003]}
    for tags, words in (
        (None, "says not where it lies"),
        ({tag: values for tag, values in sound.items() if tag != 33922}, "says not where it lies"),
        (degrees, "does not lie in a projected coordinate system in metres"),
        (feet, "does not lie in a projected coordinate system in metres"),
        (geo_tags(0, 0, 32767), "does not lie in a projected coordinate system in metres"),
    ):
        with pytest.raises(InputError, match=rf"tile\.tif: {words}"):
            centre(put(tmp_path, tags))
    path = tmp_path / "tile.tif"
    whole = tiff(Page(TILE, 1, sound))
    for file in (b"", png(QUARTERS), b"II*\0", whole[:40], b"II*\0\xff\xff\xff\xff"):
        path.write_bytes(file)
        with pytest.raises(InputError, match=r"tile\.tif: (is no sound TIFF|is damaged|says not where)"):
            centre(path)
    path.unlink()
    with pytest.raises(InputError, match=r"tile\.tif: cannot be read \(No such file"):
        centre(path)
