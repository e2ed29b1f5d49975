"""What a task may state of its images."""

import pytest

from afield.base.errors import InputError
from afield.base.reading import AS_DECLARED, Range, Reading

FOUR = ("_red.png", "_green.png", "_blue.png", "_yellow.png")


def test_only_the_files_of_its_channels_are_read_for_an_image() -> None:
    cells = Reading(channels=(2, 1, 0), files=FOUR)
    assert cells.count == 3
    assert cells.files_of("train/a") == ("train/a_blue.png", "train/a_green.png", "train/a_red.png")
    assert cells.files_of("rgby/train/a.png") == ("rgby/train/a.png",), "one file that holds all"
    assert AS_DECLARED.files_of("train/a") == ("train/a",)


def test_one_range_holds_for_all_channels() -> None:
    assert Reading(Range(0, 9), (3, 1)).ranges == (Range(0, 9), Range(0, 9))
    assert Reading((Range(0, 9), Range(0, 8)), (3, 1)).ranges == (Range(0, 9), Range(0, 8))
    assert AS_DECLARED.ranges == (None, None, None)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"channels": ()}, "must be positions from 0, one at least"),
        ({"channels": (0, -1)}, "must be positions from 0"),
        ({"files": FOUR}, "files without channels; name the channels"),
        ({"files": FOUR, "channels": (0, 4)}, "an image of 4 files has none of number 4"),
        ({"range": (Range(0, 1),), "channels": (0, 1)}, "1 ranges for channels = \\(0, 1\\)"),
        ({"range": (Range(0, 1),) * 3}, "3 ranges for channels = None; state one for all"),
    ],
)
def test_what_cannot_be_meant_is_refused(stated: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Reading(**stated)


def test_a_range_without_extent_is_refused() -> None:
    for low, high in ((5, 5), (6, 5), (0, float("nan")), (float("-inf"), 0)):
        with pytest.raises(InputError, match="must be two numbers, the smaller one first"):
            Range(low, high)
