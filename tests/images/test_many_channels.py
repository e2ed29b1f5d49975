"""Images of other channels than three, from the prepared bytes to the network's first layer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.reading import AS_DECLARED, Reading
from afield.images import prepared
from afield.images.augmentation.crops import Draws, apply_by_bytes, apply_by_products, draw, locate
from afield.images.decode import DECODER_VERSION, decode
from afield.images.loader import PackedBatches, TrainingBatches
from afield.images.prepared import PreparedImages, estimate_bytes, open_prepared, prepare
from afield.images.rule import Rule, evaluation_rule, full_rule, prepare_pixels, train_rule
from afield.images.samples import Samples, evaluation_batches
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from tests.fixtures.odd_images import Page, tiff
from tests.fixtures.tiny import BACKBONE

CPU = torch.device("cpu")
NAMES = [f"{number}.tif" for number in range(5)]
EACH = (1, 2, 3, 4, 13)


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def made(folder: Path, channels: int, rule: Rule) -> PreparedImages:
    for seed, name in enumerate(NAMES):
        (folder / name).write_bytes(tiff(Page(noise(60 + seed, 50 - seed, channels, seed), 1)))
    reading = Reading(channels=tuple(range(channels)))
    where = prepare(folder, NAMES, NAMES, rule, folder / "cache", 1, lambda *_: None, reading)
    return open_prepared(where)


@pytest.mark.parametrize("channels", EACH)
@pytest.mark.parametrize("rule", [train_rule(32), full_rule(), evaluation_rule(32, "bilinear")], ids=lambda r: r.kind)
def test_each_channel_is_prepared_as_a_grey_image_would_be(tmp_path: Path, channels: int, rule: Rule) -> None:
    images = made(tmp_path, channels, rule)
    assert images.channels == channels
    for seed in range(len(NAMES)):
        full = noise(60 + seed, 50 - seed, channels, seed)
        image = images.image(seed)
        assert image.shape == (*images.sizes[seed], channels)
        for place in range(channels):
            assert np.array_equal(image[..., [place]], prepare_pixels(full[..., [place]], rule))
    reading = Reading(channels=tuple(range(channels)))
    found, expected = estimate_bytes(tmp_path, NAMES, rule, reading), len(images.pixels)
    assert abs(found - expected) < len(NAMES) * channels


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("how", [apply_by_bytes, apply_by_products])
@pytest.mark.parametrize("channels", EACH)
def test_each_channel_is_cropped_and_turned_as_a_grey_image_would_be(how, channels: int, interpolation: str) -> None:
    image = noise(70, 90, channels)
    sizes = np.array([image.shape[:2]] * 8, np.int32)
    draws = draw(3, 0, np.arange(8), sizes, ("horizontal", "vertical"))

    def shown(pixels: np.ndarray) -> torch.Tensor:
        crops = locate(np.zeros(8, np.int64), sizes, draws, pixels.shape[2])
        return how(torch.from_numpy(pixels.ravel()), crops, 32, interpolation)

    batch = shown(image)
    assert batch.shape == (8, channels, 32, 32)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for place in range(channels):
        assert torch.equal(batch[:, [place]], shown(image[..., [place]]))


@pytest.mark.parametrize("channels", [1, 4, 13])
def test_batches_and_views_reach_a_network_of_as_many_channels(tmp_path: Path, channels: int) -> None:
    samples = Samples(made(tmp_path, channels, train_rule(32)), np.array([0, 1, 2, 3, 4, 0]), np.arange(6) % 2)
    batches = TrainingBatches(samples, 32, "bicubic", 3, 5, "paper", ("horizontal", "vertical"))
    packed = PackedBatches(batches)
    for position in ((0, 0), (1, 1)):
        batch = batches[position]
        assert batch.images.shape == (3, channels, 32, 32)
        assert torch.equal(batch.images, packed.unpack(packed[position], CPU).images)
    images = made(tmp_path, channels, evaluation_rule(32, "bicubic"))
    (views,) = evaluation_batches(Samples(images, np.array([4, 2]), np.zeros(2, np.int64)), 64, CPU)
    assert np.array_equal(views.permute(0, 2, 3, 1).numpy(), np.stack([images.image(4), images.image(2)]))
    numerics = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)
    mean, std = (tuple(start + place / 20 for place in range(channels)) for start in (0.1, 0.3))
    normalised = Preprocessing(mean, std)(views, numerics)
    for place in range(channels):
        expected = (views[:, place].float() / 255 - mean[place]) / std[place]
        torch.testing.assert_close(normalised[:, place], expected)
    network = build(find(BACKBONE), 2, initialisation="scratch", seed=0, weights=None, channels=channels)
    assert network.eval()(normalised).shape == (2, 2)


def test_other_versions_of_the_decoder_do_not_live_on_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(Page(noise(9, 9, 3), 2)))
    folders = set()
    for version in (DECODER_VERSION, DECODER_VERSION + 1):
        monkeypatch.setattr(prepared, "DECODER_VERSION", version)
        for reading in (AS_DECLARED, Reading(channels=(0, 1, 2)), Reading(channels=(2, 1, 0))):
            rule = evaluation_rule(8, "bicubic")
            folders.add(prepare(tmp_path, ["a.tif"], ["a"], rule, tmp_path / "cache", 1, lambda *_: None, reading))
    assert len(folders) == 6
    assert np.array_equal(decode(tmp_path / "a.tif"), decode(tmp_path / "a.tif", Reading(channels=(0, 1, 2))))


def test_no_augmentation_shows_all_channels_as_they_are() -> None:
    image = noise(8, 8, 4)
    still = np.zeros(1, np.bool_)
    crops = locate(np.array([0]), np.array([[8, 8]], np.int32), Draws(np.array([[0, 0, 8, 8]]), still, still), 4)
    batch = apply_by_bytes(torch.from_numpy(image.ravel()), crops, 8, "bicubic")
    assert np.array_equal(batch[0].permute(1, 2, 0).numpy(), image)
