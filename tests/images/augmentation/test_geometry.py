"""Moves against torchvision's, and symmetries against NumPy's."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode, functional

from afield.images.augmentation.geometry import Floats, Sampling, affine, corner_shears, matrices, symmetries
from tests.fixtures.gpu import DEVICES
from tests.images.augmentation.pictures import SIDE, batch_of, images_of, pictures


def theirs(sampling: Sampling, **how: object) -> torch.Tensor:
    settings = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **how}
    return functional.affine(batch_of(pictures()), interpolation=InterpolationMode(sampling), **settings)


def ours(matrix: Floats, sampling: Sampling, device: str = "cpu") -> torch.Tensor:
    return affine(batch_of(pictures()).to(device), np.repeat(matrix, 8, axis=0), sampling).cpu()


MOVES = [
    pytest.param(matrices(), {}, id="still"),
    pytest.param(matrices(right=7.0, down=-3.0), {"translate": [7, -3]}, id="shift"),
    pytest.param(matrices(rotate=33.0), {"angle": 33.0}, id="turn"),
    pytest.param(matrices(rotate=-90.0), {"angle": -90.0}, id="quarter turn"),
    pytest.param(matrices(scale=0.889), {"scale": 0.889}, id="scale"),
    pytest.param(matrices(shear=np.tan(np.deg2rad(36.0))), {"shear": [36.0, 0.0]}, id="shear"),
    pytest.param(
        matrices(rotate=-140.0, shear=np.tan(np.deg2rad(-20.0)), scale=0.93, right=4.0, down=2.0),
        {"angle": -140.0, "shear": [-20.0, 0.0], "scale": 0.93, "translate": [4, 2]},
        id="all",
    ),
    pytest.param(
        corner_shears(horizontal=0.27, size=SIDE),
        {"shear": [float(np.rad2deg(np.arctan(0.27))), 0.0], "center": [0, 0]},
        id="shear of x from the corner",
    ),
    pytest.param(
        corner_shears(vertical=-0.5, size=SIDE),
        {"shear": [0.0, float(np.rad2deg(np.arctan(-0.5)))], "center": [0, 0]},
        id="shear of y from the corner",
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("matrix", "how"), MOVES)
def test_moves_are_those_of_torchvision(matrix: Floats, how: dict[str, object], device: str) -> None:
    """Bilinear one level of 255 apart at most; of nearest pixels one in 200 may be the neighbour, where a place lies
    halfway between two."""
    difference = images_of(ours(matrix, "bilinear", device)) - images_of(theirs("bilinear", **how))
    assert np.abs(difference).max() <= 1
    difference = images_of(ours(matrix, "nearest", device)) - images_of(theirs("nearest", **how))
    assert (difference != 0).any(axis=3).mean() <= 0.005


def test_what_lies_outside_is_black() -> None:
    moved = images_of(ours(matrices(right=10.0), "nearest"))
    assert not moved[:, :, :10].any()
    assert np.array_equal(moved[:, :, 10:], pictures()[:, :, :-10])


def test_each_image_has_its_own_matrix() -> None:
    batch = batch_of(pictures()[:2])
    both = affine(batch, np.concatenate([matrices(rotate=20.0), matrices(down=5.0)]), "bilinear")
    assert torch.equal(both[0], affine(batch[:1], matrices(rotate=20.0), "bilinear")[0])
    assert torch.equal(both[1], affine(batch[1:], matrices(down=5.0), "bilinear")[0])


def test_symmetries_are_all_eight() -> None:
    image = pictures()[1]
    shown = images_of(symmetries(batch_of(np.stack([image] * 8)), np.arange(8)))
    turned = [np.rot90(flipped, quarter) for flipped in (image, image[:, ::-1]) for quarter in range(4)]
    assert {each.astype(np.uint8).tobytes() for each in shown} == {
        np.ascontiguousarray(each).tobytes() for each in turned
    }
