"""Draw, then apply: draws are pure and of the right distribution; apply agrees with PIL wherever it runs."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.images.augmentation import crops
from afield.images.augmentation.crops import (
    RATIO,
    SCALE,
    Draws,
    apply,
    apply_by_bytes,
    apply_by_products,
    draw,
    filter_weights,
    locate,
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


def test_draws_are_those_that_results_were_made_with() -> None:
    """A change of one of these numbers makes every trial ever trained another one."""
    originals = np.array([[300, 200], [64, 64], [747, 1024]], np.int32)
    drawn = draw(11, 3, np.array([0, 999, 70000]), originals, ("horizontal", "vertical"))
    assert drawn.box.tolist() == [[16, 0, 267, 200], [3, 2, 55, 52], [29, 149, 669, 794]]
    assert drawn.horizontal.tolist() == [False, True, False]
    assert drawn.vertical.tolist() == [False, False, False]


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


@pytest.mark.slow
def test_boxes_have_the_distribution_of_torchvision() -> None:
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    picture = torch.zeros(3, 300, 400)
    theirs = np.array([RandomResizedCrop.get_params(picture, list(SCALE), list(RATIO)) for _ in range(4000)])
    ours = draws_of(4000, 300, 400).box
    for quantile in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(np.quantile(ours, quantile, axis=0), np.quantile(theirs, quantile, axis=0), atol=5)


def lain(images: list[npt.NDArray[np.uint8]]) -> tuple[torch.Tensor, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Images [h, w, 3] one after the other as flat bytes, where each begins, and their sizes."""
    starts = np.cumsum([0, *(image.size for image in images)])[:-1]
    sizes = np.array([image.shape[:2] for image in images], np.int32)
    return torch.from_numpy(np.concatenate([image.ravel() for image in images])), starts, sizes


def noise(*sizes: tuple[int, int]) -> list[npt.NDArray[np.uint8]]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]


WAYS = [
    pytest.param(apply_by_bytes, "cpu", 2, id="bytes"),
    pytest.param(apply_by_products, "cpu", 1, id="products"),
    pytest.param(apply, "cuda", 1, id="cuda", marks=pytest.mark.gpu),
]
"""with the largest difference from PIL, out of 255"""


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("how", "device", "apart"), WAYS)
def test_apply_agrees_with_pil(
    interpolation: str, how: Callable[..., torch.Tensor], device: str, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways, crops of several sizes at once, shrunk and enlarged, against PIL's crop, antialiased resize and flip.

    The widths are resized first, as PIL did until version 12. PIL 13 begins with what is cheaper: bicubic overshoots
    are then cut elsewhere.
    """
    monkeypatch.setattr(crops, "TOGETHER", 3 * 92 * 120)  # so that the products take several rounds
    images = noise((92, 92), (47, 120), (30, 33), (250, 201), (64, 64), (1, 1), (93, 124)) * 2
    pixels, start, sizes = lain(images)
    drawn = draw(3, 0, np.arange(len(images)), sizes, ("horizontal", "vertical"))
    assert len(set(zip(drawn.horizontal.tolist(), drawn.vertical.tolist(), strict=True))) == 4
    batch = how(pixels.to(device), locate(start, sizes, drawn), 64, interpolation)
    assert batch.device.type == device
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for ours, image, (top, left, height, width), horizontal, vertical in zip(
        batch.cpu(), images, drawn.box.tolist(), drawn.horizontal, drawn.vertical, strict=True
    ):
        crop, kernel = Image.fromarray(image[top : top + height, left : left + width]), interpolation.upper()
        resized = crop.resize((64, height), Image.Resampling[kernel]).resize((64, 64), Image.Resampling[kernel])
        theirs = np.asarray(resized)[:: -1 if vertical else 1, :: -1 if horizontal else 1]
        assert np.abs(ours.permute(1, 2, 0).numpy().astype(int) - theirs).max() <= apart


@pytest.mark.parametrize("how", [apply_by_bytes, apply_by_products])
def test_a_whole_image_of_the_right_size_passes_unchanged(how: Callable[..., torch.Tensor]) -> None:
    (image,) = noise((8, 8))
    draws = Draws(
        np.array([[0, 0, 8, 8]] * 4), np.array([False, True, False, True]), np.array([False, False, True, True])
    )
    pixels, start, sizes = lain([image] * 4)
    for interpolation in ("bilinear", "bicubic"):
        batch = how(pixels, locate(start, sizes, draws), 8, interpolation).permute(0, 2, 3, 1).numpy()
        for ours, expected in zip(batch, (image, image[:, ::-1], image[::-1], image[::-1, ::-1]), strict=True):
            assert np.array_equal(ours, expected)


def test_boxes_scale_to_the_prepared_image() -> None:
    box = np.array([[10, 20, 100, 200], [0, 0, 1, 1], [299, 399, 1, 1]])
    originals, sizes = np.array([[300, 400]] * 3, np.int32), np.array([[30, 40]] * 3, np.int32)
    assert scale_boxes(box, originals, sizes).tolist() == [[1, 2, 10, 20], [0, 0, 1, 1], [29, 39, 1, 1]]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_filters_end_where_their_crop_ends(interpolation: str) -> None:
    source, backwards = torch.tensor([[93], [40], [93]]), torch.tensor([[False], [False], [True]])
    weights = filter_weights(source, 100, 64, interpolation, backwards)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 64))
    assert not weights[0, :, 93:].any()
    assert not weights[1, :, 40:].any()
    assert torch.equal(weights[2], weights[0].flip(0))
