"""Draw, then apply: draws are pure and of the right distribution; apply agrees with PIL wherever it runs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.images.augment import (
    RATIO,
    SCALE,
    Draws,
    apply,
    draw,
    filter_weights,
    resize_crop,
    resize_crop_by_products,
    scale_boxes,
)


def draws_of(
    n: int, height: int, width: int, epoch: int = 0, flips: tuple[str, ...] = ("horizontal", "vertical")
) -> Draws:
    return draw(11, epoch, np.arange(n), np.tile(np.array([[height, width]], np.int32), (n, 1)), flips)


def test_a_draw_depends_on_the_sample_and_epoch_alone() -> None:
    whole, alone = (
        draws_of(50, 300, 200),
        draw(11, 0, np.array([17]), np.array([[300, 200]], np.int32), ("horizontal", "vertical")),
    )
    assert (whole.box[17] == alone.box[0]).all()
    assert whole.horizontal[17] == alone.horizontal[0]
    assert (draws_of(50, 300, 200, epoch=1).box != whole.box).any(axis=1).mean() > 0.9


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_boxes_lie_inside_the_image(height: int, width: int) -> None:
    box = draws_of(20, height, width).box
    assert (box[:, 2:] >= 1).all()
    assert (box[:, :2] >= 0).all()
    assert (box[:, 0] + box[:, 2] <= height).all()
    assert (box[:, 1] + box[:, 3] <= width).all()


def test_boxes_follow_the_study() -> None:
    """RandomResizedCrop(scale=(0.65, 1)): share of the area and ratio within their ranges, edges of a pixel apart;
    flips half the time."""
    draws = draws_of(4000, 400, 400)
    share = draws.box[:, 2] * draws.box[:, 3] / 400**2
    ratio = draws.box[:, 3] / draws.box[:, 2]
    assert share.min() > SCALE[0] - 0.01
    assert share.max() <= SCALE[1]
    assert ratio.min() > RATIO[0] - 0.01
    assert ratio.max() < RATIO[1] + 0.01
    assert draws.horizontal.mean() == pytest.approx(0.5, abs=0.03)
    assert draws.vertical.mean() == pytest.approx(0.5, abs=0.03)
    assert not draws_of(100, 40, 40, flips=()).horizontal.any()


def test_boxes_have_the_distribution_of_torchvision() -> None:
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    theirs = np.array(
        [RandomResizedCrop.get_params(torch.zeros(3, 300, 400), list(SCALE), list(RATIO)) for _ in range(4000)]
    )
    ours = draws_of(4000, 300, 400).box
    for quantile in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(np.quantile(ours, quantile, axis=0), np.quantile(theirs, quantile, axis=0), atol=5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("resize", [resize_crop, resize_crop_by_products])
@pytest.mark.parametrize(("height", "width"), [(92, 92), (47, 120), (30, 33), (250, 201)])
def test_apply_agrees_with_pil(interpolation: str, resize: object, height: int, width: int) -> None:
    """Both places of execution, against PIL's antialiased resize: at most 1 of 255 apart."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    ours = resize(torch.from_numpy(pixels).permute(2, 0, 1), 64, interpolation).permute(1, 2, 0).numpy()
    theirs = np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling[interpolation.upper()]))
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_apply_crops_and_flips() -> None:
    image = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8)
    draws = Draws(
        np.array([[0, 0, 8, 8]] * 4), np.array([False, True, False, True]), np.array([False, False, True, True])
    )
    batch = apply([image] * 4, draws.box, draws, 8, "bilinear")
    assert torch.equal(batch[0], image)
    assert torch.equal(batch[1], image.flip(2))
    assert torch.equal(batch[2], image.flip(1))
    assert torch.equal(batch[3], image.flip(1, 2))


def test_boxes_scale_to_the_prepared_image() -> None:
    box = np.array([[10, 20, 100, 200], [0, 0, 1, 1], [299, 399, 1, 1]])
    originals, sizes = np.array([[300, 400]] * 3, np.int32), np.array([[30, 40]] * 3, np.int32)
    assert scale_boxes(box, originals, sizes).tolist() == [[1, 2, 10, 20], [0, 0, 1, 1], [29, 39, 1, 1]]


def test_filter_rows_sum_to_one() -> None:
    for kind in ("bilinear", "bicubic"):
        torch.testing.assert_close(filter_weights(93, 64, kind).sum(dim=1), torch.ones(64))
