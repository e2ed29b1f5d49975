"""GeM, larger images, test-time augmentation and ensembles on constructed sets: each helps where it should, and does
nothing where it should not. Differences are paired by seed and judged against their own noise; docs/where_they_help.md
has the figures.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from torch import nn

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError
from afield.images.symmetries import PLAIN, symmetries
from afield.scoring.combine import combined
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.tasks.kinds import Flip
from tests.fixtures.constructed import Picture, Set, shown_at, trained_on, written

SEEDS = range(5)
COUNTS = {"train": 120, "validation": 40, "test": 200}
"""pictures of each class"""
Floats = npt.NDArray[np.float64]
Said = Callable[[str, str], Predictions]


def pooling() -> nn.Module:
    """Small filters, whose map is pooled."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip


def placed() -> nn.Module:
    """A hidden layer that knows each place of the picture apart, so that a turned picture is another one to it; of so
    few units that each seed finds its own way.
    """
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, 2))


POOLING = Backbone(id="constructed:pooling", library="own", build=pooling, input_size=32)
PLACED = Backbone(id="constructed:placed", library="own", build=placed, input_size=32)
OF_PLACES = {"batch_size": 25, "learning_rate": 1e-2, "augmentation": "none", "epochs": 15}


def made(
    folder: Path,
    cache: Path,
    draw: Callable[[int, np.random.Generator], Floats],
    size: int = 32,
    flips: tuple[Flip, ...] = ("horizontal",),
    counts: dict[str, int] = COUNTS,
) -> Set:
    """Pictures of two classes: what `draw` gives of a label, [height, width] or with three channels."""
    generator = np.random.default_rng(5)

    def picture(split: str, label: int) -> Picture:
        pixels = np.clip(draw(label, generator).round(), 0, 255).astype(np.uint8)
        return split, str(label), pixels if pixels.ndim == 3 else np.stack(3 * [pixels], axis=2)

    pictures = [picture(split, label) for split, number in counts.items() for label in (0, 1) for _ in range(number)]
    return shown_at(size, written(folder / "set", cache, pictures, flips=flips), cache)


def accuracy(said: Predictions) -> float:
    return METRICS["accuracy"].compute(said)


def accuracies(found: Set, backbone: Backbone, **recipe: object) -> Floats:
    """On test, of a training under each seed."""
    usual = {"batch_size": 25, "learning_rate": 3e-3, "augmentation": "none", **recipe}
    return np.array(
        [accuracy(trained_on(found, backbone, "accuracy", seed, **usual)[1]("test", PLAIN)) for seed in SEEDS]
    )


def gain(helped: Floats, plain: Floats) -> tuple[float, float]:
    """The mean difference over seeds (or pictures), and its standard error."""
    difference = helped - plain
    mean, error = float(difference.mean()), float(difference.std(ddof=1) / len(difference) ** 0.5)
    print(f"{plain.mean():.3f} to {helped.mean():.3f}: {mean:+.3f}, standard error {error:.3f}")  # pytest -s shows it
    return mean, error


def helps(helped: Floats, plain: Floats, least: float) -> bool:
    """By more than `least`, and more than three standard errors."""
    mean, error = gain(helped, plain)
    return mean > max(least, 3 * error)


def does_nothing(other: Floats, plain: Floats, most: float) -> bool:
    """By two standard errors on either side it changes no more than `most`."""
    mean, error = gain(other, plain)
    return abs(mean) + 2 * error <= most


# --- GeM


def spots(label: int, generator: np.random.Generator) -> Floats:
    """Some dim spots on an uneven background, and in class 1 a bright one."""
    slope, side = generator.normal(scale=1.0, size=2), np.arange(32) - 15.5
    pixels = 70 + 10 * generator.normal() + side[:, None] * slope[0] + side * slope[1]
    pixels = pixels + generator.normal(scale=6, size=(32, 32))
    levels = [*(generator.uniform(30, 70) for _ in range(generator.integers(0, 12))), *([110] * label)]
    for level in levels:
        row, column = generator.integers(0, 29, size=2)
        pixels[row : row + 3, column : column + 3] += level
    return pixels


def stripes(label: int, generator: np.random.Generator) -> Floats:
    """Stripes all over the picture, upright or lying; of a tenth the label is wrong, so that nobody is always right."""
    wave = 25 * np.sin(np.arange(32) * np.pi / 2 + generator.uniform(0, 2 * np.pi))
    upright = label != (generator.random() < 0.1)
    return (
        110 + 10 * generator.normal() + (wave if upright else wave[:, None]) + generator.normal(scale=20, size=(32, 32))
    )


@pytest.mark.slow
@pytest.mark.long
def test_gem_helps_where_a_small_object_decides(tmp_path: Path, cache: Path) -> None:
    found = made(tmp_path, cache, spots)
    average, gem = (accuracies(found, POOLING, epochs=15, pooling=kind) for kind in ("average", "gem"))
    assert helps(gem, average, 0.05)


@pytest.mark.slow
@pytest.mark.long
def test_gem_does_nothing_where_a_texture_fills_the_picture(tmp_path: Path, cache: Path) -> None:
    found = made(tmp_path, cache, stripes)
    average, gem = (accuracies(found, POOLING, epochs=15, pooling=kind) for kind in ("average", "gem"))
    assert does_nothing(gem, average, 0.03)


# --- larger images


def hair(label: int, generator: np.random.Generator) -> Floats:
    """Lines of one pixel, upright or lying, on 64 pixels: at 32 they are even grey."""
    line = 40.0 * (-1.0) ** (np.arange(64) + generator.integers(2))
    return (
        110
        + 10 * generator.normal()
        + (line[:, None] if label else line[None])
        + generator.normal(scale=40, size=(64, 64))
    )


def hue(label: int, generator: np.random.Generator) -> Floats:
    """Even colours that overlap between classes."""
    colour = generator.normal((110 + 20 * label, 110, 130 - 20 * label), 14)
    return colour + generator.normal(scale=4, size=(64, 64, 3))


def at_both(found: Set, cache: Path) -> tuple[Floats, Floats]:
    small, large = (
        accuracies(shown_at(size, found[0], cache), POOLING, epochs=8, image_size=size) for size in (32, 64)
    )
    return small, large


@pytest.mark.slow
@pytest.mark.long
def test_larger_images_help_where_detail_decides(tmp_path: Path, cache: Path) -> None:
    small, large = at_both(made(tmp_path, cache, hair), cache)
    assert helps(large, small, 0.2)


@pytest.mark.slow
@pytest.mark.long
def test_larger_images_do_nothing_where_colour_decides(tmp_path: Path, cache: Path) -> None:
    small, large = at_both(made(tmp_path, cache, hue), cache)
    assert does_nothing(large, small, 0.03)


# --- views and ensembles


def pair(label: int, generator: np.random.Generator) -> Floats:
    """Two blobs around the middle in noise, anywhere: opposite each other in class 0, at a right angle in class 1."""
    first = generator.uniform(0, 2 * np.pi)
    second = first + np.pi / (2 if label else 1) * generator.choice([-1, 1]) + 0.15 * generator.normal()
    middle = 15.5 + generator.normal(size=2)
    rows, columns = np.mgrid[:32, :32]
    pixels = 90 + generator.normal(scale=60, size=(32, 32))
    for angle in (first, second):
        row, column = middle + 8 * np.array([np.cos(angle), np.sin(angle)])
        pixels = pixels + 120 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18)
    return pixels


def symmetric(label: int, generator: np.random.Generator) -> Floats:
    """The same with all its turns and mirror images laid over it."""
    picture = pair(label, generator)
    turned = [np.rot90(side, turns) for side in (picture, picture.T) for turns in range(4)]
    return np.mean([each.round() for each in turned], axis=0)  # whole numbers: their mean has no order


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> list[Said]:
    """Networks of several seeds on a task without an orientation, trained without mirror images and turns."""
    few = {**COUNTS, "train": 60}
    found = made(tmp_path_factory.mktemp("pairs"), cache, pair, flips=("horizontal", "vertical"), counts=few)
    return [trained_on(found, PLACED, "accuracy", seed, **OF_PLACES)[1] for seed in SEEDS]


@pytest.mark.slow
def test_views_help_where_pictures_have_no_orientation(members: list[Said]) -> None:
    plain, flips, dihedral = (
        np.array([accuracy(said("test", view)) for said in members]) for view in (PLAIN, "flips", "dihedral")
    )
    assert helps(dihedral, plain, 0.03)
    assert helps(flips, plain, 0.02)


@pytest.mark.slow
def test_views_do_nothing_where_pictures_are_symmetric(tmp_path: Path, cache: Path) -> None:
    found = made(tmp_path, cache, symmetric, flips=("horizontal", "vertical"))
    said = trained_on(found, PLACED, "accuracy", 0, **OF_PLACES)[1]
    plain = said("test", PLAIN).logits
    assert np.ptp(plain) > 0
    for view in ("flips", "dihedral"):
        assert np.array_equal(said("test", view).logits, plain), view


@pytest.mark.slow
def test_an_ensemble_of_seeds_helps_where_their_errors_differ(members: list[Said]) -> None:
    said = [each("test", PLAIN) for each in members]
    right = np.array([each.logits.argmax(axis=1) == each.label for each in said])
    together = combined(said)
    # over the pictures, since the members share all of the set: right together, and the share that is right alone
    assert helps((together.logits.argmax(axis=1) == together.label) * 1.0, right.mean(axis=0), 0.03)


@pytest.mark.slow
def test_an_ensemble_of_one_network_is_that_network(members: list[Said]) -> None:
    said = members[0]("test", PLAIN)
    assert np.array_equal(combined([said] * 3).logits, said.logits)


def test_views_that_a_tasks_flips_do_not_allow_are_refused() -> None:
    with pytest.raises(
        InputError, match="view dihedral: turns and mirrors pictures, and the task's flips do not allow"
    ):
        symmetries("dihedral", ("horizontal",))
    with pytest.raises(InputError, match="view flips: the task allows no mirror image"):
        symmetries("flips", ())
