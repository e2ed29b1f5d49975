"""Boxes: as people write them, with a margin, in pixels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afield.base.errors import InputError
from afield.tasks.boxes import is_written, pixels, read_boxes, written

shares = st.floats(0, 1)


def test_boxes_are_read_in_the_ways_in_which_people_write_them() -> None:
    cells = ["0.25 0.1 0.5 0.3", "[0.25, 0.1, 0.5, 0.3]", "(0.25;0.1;0.5;0.3)", " 0.25,0.1,0.5,0.3 "]
    assert set(read_boxes("t.csv", cells, 0)) == {"0.25 0.1 0.5 0.3"}
    assert read_boxes("t.csv", ["", " [] "], 0.1) == ["", ""]
    assert read_boxes("t.csv", ["-0.005 0.5 0.5 0.505"], 0) == ["0 0.5 0.495 0.5"]  # a little beyond the edge is cut


def test_a_margin_grows_each_side_up_to_the_edge() -> None:
    assert read_boxes("t.csv", ["0.4 0.4 0.2 0.1"], 0.5) == ["0.3 0.35 0.4 0.2"]
    assert read_boxes("t.csv", ["0.1 0.8 0.2 0.2"], 1) == ["0 0.6 0.5 0.4"]


@pytest.mark.parametrize(
    "cell", ["512 373 256 149", "0.1 0.2 0.3", "0.1 0.2 0.3 x", "0.5 0.5 0 0.1", "0.9 0 0.2 1", "nan 0 1 1"]
)
def test_what_is_no_box_is_named_with_its_row(cell: str) -> None:
    with pytest.raises(InputError, match=r"t\.csv: column box, row 2: is '.*'; must be left, top, width and height"):
        read_boxes("t.csv: column box", ["0 0 1 1", cell], 0)


def test_pixels_are_the_nearest() -> None:
    assert pixels("", 10, 20) == (0, 10, 0, 20)
    assert pixels("0.1 0.2 0.3 0.4", 10, 20) == (2, 6, 2, 8)
    assert pixels("0.14 0.26 0.3 0.4", 10, 10) == (3, 7, 1, 4)
    assert pixels("0.999 0.999 0.001 0.001", 4, 3) == (3, 4, 2, 3)


@pytest.mark.slow
@given(shares, shares, shares, shares, st.floats(0, 1), st.integers(1, 500), st.integers(1, 500))
def test_every_box_has_pixels_inside_of_the_picture(
    left: float, top: float, right: float, bottom: float, margin: float, height: int, width: int
) -> None:
    left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    if right - left < 1e-5 or bottom - top < 1e-5:
        return
    text = written((left, top, right - left, bottom - top), margin)
    assert is_written(text)
    first, last, begin, end = pixels(text, height, width)
    assert 0 <= first < last <= height
    assert 0 <= begin < end <= width


def test_what_is_not_as_written_is_told() -> None:
    assert is_written("")
    assert is_written("0 0.15 0.4 0.85")
    assert not any(map(is_written, ["1 2 3 4", "0 0 0 1", "0 0 1", (0.1, 0.2, 0.3, 0.4), None, "a b c d"]))
