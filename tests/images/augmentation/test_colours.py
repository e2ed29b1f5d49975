"""Operations on values against PIL, and where PIL has none against torchvision."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms.v2 import functional

from afield.images.augmentation import colours
from tests.fixtures.gpu import DEVICES
from tests.images.augmentation.pictures import apart, batch_of, pictures

Made = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def numbers(values: np.ndarray | list[float], device: str = "cpu") -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32, device=device)[:, None, None, None]


def by_pil(made: Callable[[Image.Image, float], Image.Image], values: list[float]) -> np.ndarray:
    return np.stack(
        [np.asarray(made(Image.fromarray(image), value)) for image, value in zip(pictures(), values, strict=True)]
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (colours.brightness, ImageEnhance.Brightness),
        (colours.contrast, ImageEnhance.Contrast),
        (colours.saturation, ImageEnhance.Color),
        (colours.sharpness, ImageEnhance.Sharpness),
    ],
)
def test_factors_are_those_of_pil(ours: Made, theirs: type, device: str) -> None:
    """Each image of a batch has its own factor; one level of 255 apart at most."""
    for first in (0.0, 0.01, 0.55, 1.0, 1.27, 1.99):
        factors = [first, 0.3, 1.5, first, 0.73, 1.9, 0.1, first]
        expected = by_pil(lambda image, factor: theirs(image).enhance(factor), factors)
        assert apart(ours(batch_of(pictures()).to(device), numbers(factors, device)), expected) <= 1


@pytest.mark.parametrize("device", DEVICES)
def test_histograms_are_stretched_and_flattened_as_by_pil(device: str) -> None:
    batch, unused = batch_of(pictures()).to(device), numbers(np.zeros(8), device)
    assert apart(colours.autocontrast(batch, unused), by_pil(lambda i, _: ImageOps.autocontrast(i), [0] * 8)) <= 1
    assert apart(colours.equalize(batch, unused), by_pil(lambda i, _: ImageOps.equalize(i), [0] * 8)) == 0


def test_bits_and_thresholds_are_those_of_pil() -> None:
    bits = [8.0, 7, 6, 5, 4, 3, 2, 1]
    posterized = by_pil(lambda image, value: ImageOps.posterize(image, int(value)), bits)
    assert apart(colours.posterize(batch_of(pictures()), numbers(bits)), posterized) == 0
    thresholds = [255.0, 200, 128.5, 76.5, 17, 0, 0, 255]
    # PIL's types want whole thresholds; it compares with any number
    solarized = by_pil(lambda image, value: ImageOps.solarize(image, value), thresholds)  # type: ignore[arg-type]
    assert apart(colours.solarize(batch_of(pictures()), numbers(thresholds)), solarized) == 0


@pytest.mark.parametrize("turn", [-0.5, -0.2, -0.01, 0.0, 0.05, 0.33, 0.5])
def test_hues_turn_as_in_torchvision(turn: float) -> None:
    batch = batch_of(pictures())
    theirs = torch.stack([functional.adjust_hue(image, turn) for image in batch])
    assert apart(colours.hue(batch, numbers([turn] * 8)), theirs.permute(0, 2, 3, 1).numpy()) <= 1


def test_blur_is_that_of_torchvision() -> None:
    sigmas = [0.5, 0.7, 0.9, 1.0, 1.1, 1.2, 1.4, 1.5]
    batch = batch_of(pictures())
    theirs = torch.stack(
        [functional.gaussian_blur(image, [11, 11], [s, s]) for image, s in zip(batch, sigmas, strict=True)]
    )
    assert apart(colours.blur(batch, numbers(sigmas), 5), theirs.permute(0, 2, 3, 1).numpy()) <= 1


def test_what_does_nothing_changes_nothing() -> None:
    batch = batch_of(pictures())
    for operation in (colours.brightness, colours.contrast, colours.saturation, colours.sharpness):
        assert torch.equal(operation(batch, numbers(np.ones(8))), batch)
    assert torch.equal(colours.posterize(batch, numbers(np.full(8, 8.0))), batch)
    assert torch.equal(colours.hue(batch, numbers(np.zeros(8))), batch)
