"""Which mirror images and turns a view shows, and that pictures are turned as the names say."""

import numpy as np
import pytest
import torch

from afield.base.errors import InputError
from afield.images.symmetries import IDENTITY, Symmetry, symmetries
from afield.images.turned import turned

BOTH = ("horizontal", "vertical")


@pytest.mark.parametrize(
    ("view", "flips", "count"),
    [("plain", (), 1), ("flips", ("horizontal",), 2), ("flips", ("vertical",), 2), ("flips", BOTH, 4),
     ("dihedral", BOTH, 8)],
)  # fmt: skip
def test_a_view_shows_each_symmetry_once_and_the_picture_itself_first(
    view: str, flips: tuple[str, ...], count: int
) -> None:
    found = symmetries(view, flips)
    assert found[0] == IDENTITY
    picture = torch.arange(9).view(1, 1, 3, 3)
    assert len({tuple(turned(picture, each).flatten().tolist()) for each in found}) == len(found) == count


def test_pictures_are_turned_as_numpy_does() -> None:
    pictures = torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    for layout in (torch.contiguous_format, torch.channels_last):
        given = pictures.contiguous(memory_format=layout)
        for symmetry in (*symmetries("dihedral", BOTH), *symmetries("flips", BOTH)):
            expected = np.rot90(pictures.numpy(), symmetry.turns, (2, 3))
            expected = expected[..., ::-1] if symmetry.horizontal else expected
            expected = expected[..., ::-1, :] if symmetry.vertical else expected
            shown = turned(given, symmetry)
            np.testing.assert_array_equal(shown.numpy(), expected)
            assert shown.is_contiguous(memory_format=layout)


def test_flips_alone_show_what_the_task_allows() -> None:
    assert symmetries("flips", ("horizontal",)) == (IDENTITY, Symmetry(horizontal=True))


@pytest.mark.parametrize(
    ("view", "flips", "words"),
    [
        ("flips", (), "the task allows no mirror image"),
        ("dihedral", ("horizontal",), "do not allow both mirror images"),
        ("crops", BOTH, "view crops: unknown; there are plain, flips, dihedral"),
    ],
)
def test_what_would_change_labels_is_refused(view: str, flips: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        symmetries(view, flips)
