"""The sets against torchvision's transforms, from which their spaces are taken, and against the contract of draws."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from afield.images.augmentation import sets
from afield.images.augmentation.augmentation import Parameters
from afield.images.augmentation.geometry import Floats
from afield.images.augmentation.operations import OPERATIONS, Scale, perform
from afield.images.augmentation.sets import BUILT_IN
from afield.images.augmentation.uniform import uniforms
from afield.training.recipe import AUGMENTATIONS
from tests.images.augmentation.pictures import SIDE, batch_of, images_of, pictures

NAMES = {
    "Identity": "identity", "ShearX": "shear_x", "ShearY": "shear_y", "TranslateX": "translate_x",
    "TranslateY": "translate_y", "Rotate": "rotate", "Brightness": "brightness", "Color": "saturation",
    "Contrast": "contrast", "Sharpness": "sharpness", "Posterize": "posterize", "Solarize": "solarize",
    "AutoContrast": "autocontrast", "Equalize": "equalize",
}  # fmt: skip
"""torchvision's names of operations and ours"""
THEIRS = {ours: theirs for theirs, ours in NAMES.items()}


def draw(name: str, n: int, size: int = SIDE, epoch: int = 0) -> Parameters:
    uniform = uniforms(5, epoch, np.arange(n), BUILT_IN[name].numbers)
    return BUILT_IN[name].draw(uniform, size)


def test_the_recipe_knows_them_all() -> None:
    assert set(AUGMENTATIONS) == {"none", *BUILT_IN}


@pytest.mark.parametrize(
    ("space", "theirs", "levels"),
    [
        (sets._randaugment_space(224), v2.RandAugment, 31),
        (sets._trivialaugment_space(), v2.TrivialAugmentWide, 31),
        (sets._augmix_space(224), v2.AugMix, 10),
    ],
)
def test_spaces_and_magnitudes_are_those_of_torchvision(space: tuple[Scale, ...], theirs: type, levels: int) -> None:
    ours = {scale.operation: scale for scale in space}
    published = vars(theirs)["_AUGMENTATION_SPACE"]
    assert set(ours) == {NAMES[name] for name in published}
    for name, (magnitudes, signed) in published.items():
        expected = magnitudes(levels, 224, 224)
        assert ours[NAMES[name]].signed is signed
        if expected is not None:
            np.testing.assert_allclose(ours[NAMES[name]].levels(levels), expected.numpy(), atol=1e-4)


def test_draws_have_the_distribution_that_is_said() -> None:
    """Every operation as often, either sign as often; RandAugment's level is always the tenth, TrivialAugment's any."""
    drawn = draw("randaugment", 7000)
    counts = np.bincount(drawn["operation"].ravel(), minlength=len(OPERATIONS))
    np.testing.assert_allclose(counts / counts.sum(), 1 / 14, atol=0.01)
    turned = drawn["magnitude"][drawn["operation"] == OPERATIONS.index("rotate")]
    assert set(np.round(turned, 9)) == {-9.0, 9.0}
    assert (turned > 0).mean() == pytest.approx(0.5, abs=0.05)
    shifted = drawn["magnitude"][drawn["operation"] == OPERATIONS.index("translate_x")]
    assert set(shifted) == {-6.0, 6.0}, "int(150 / 331 * 48 * 9 / 30)"

    drawn = draw("trivialaugment", 7000)
    counts = np.bincount(drawn["operation"].ravel(), minlength=len(OPERATIONS))
    np.testing.assert_allclose(counts / counts.sum(), 1 / 14, atol=0.015)
    turned = drawn["magnitude"][drawn["operation"] == OPERATIONS.index("rotate")]
    assert len(set(np.abs(np.round(turned, 9)))) == 31
    assert np.abs(turned).max() == 135

    symmetry = draw("dihedral", 8000)["symmetry"]
    np.testing.assert_allclose(np.bincount(symmetry, minlength=8) / 8000, 1 / 8, atol=0.02)


def test_augmix_draws_dirichlet_weights_and_one_to_three_operations() -> None:
    drawn = draw("augmix", 4000)
    np.testing.assert_allclose(drawn["share"].sum(axis=1), 1)
    assert drawn["share"][:, 0].mean() == pytest.approx(0.5, abs=0.02), "Beta(1, 1)"
    within = drawn["share"][:, 1:] / drawn["share"][:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(within.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(within.var(axis=0), 1 / 18, atol=0.005, err_msg="Dirichlet(1, 1, 1)")
    depth = (drawn["operation"] != 0).sum(axis=2)
    np.testing.assert_allclose(np.bincount(depth.ravel(), minlength=4)[1:] / depth.size, 1 / 3, atol=0.02)
    turned = np.abs(drawn["magnitude"][drawn["operation"] == OPERATIONS.index("rotate")])
    np.testing.assert_allclose(sorted(set(np.round(turned, 6))), [0, 30 / 9, 60 / 9], atol=1e-5)


def test_colour_affine_stays_within_its_ranges() -> None:
    drawn = draw("colour_affine", 4000)
    scale = 1 / np.sqrt(np.linalg.det(drawn["matrix"][:, :, :2]))
    assert 0.889 <= scale.min() < 0.89
    assert 0.999 < scale.max() <= 1
    assert drawn["colour"].min() >= 0.8
    assert drawn["colour"].max() <= 1.2
    np.testing.assert_allclose(np.bincount(drawn["focus"]) / 4000, 1 / 4, atol=0.03)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_draw_depends_on_the_sample_and_epoch_alone(name: str) -> None:
    augmentation, some = BUILT_IN[name], np.array([17, 3, 40])
    whole = draw(name, 50)
    alone = augmentation.draw(uniforms(5, 0, some, augmentation.numbers), SIDE)
    assert alone.keys() == whole.keys()
    for key, values in alone.items():
        assert np.array_equal(values, whole[key][some])
    other = draw(name, 50, epoch=1)
    assert all((other[key] != values).any() for key, values in whole.items())


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_image_depends_on_its_own_parameters_alone_and_nothing_given_changes(name: str) -> None:
    augmentation, drawn = BUILT_IN[name], draw(name, 8)
    batch = batch_of(pictures())
    shown = augmentation.apply(batch, drawn)
    assert torch.equal(batch, batch_of(pictures()))
    assert shown.dtype == torch.uint8
    assert torch.equal(shown, augmentation.apply(batch, drawn)), "the same bits twice"
    rows = np.array([6, 1])
    some = augmentation.apply(batch[rows], {key: values[rows] for key, values in drawn.items()})
    assert torch.equal(some, shown[rows])


@pytest.mark.gpu
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_gpu_shows_the_same(name: str) -> None:
    """But for a few values: histograms spread what is one level apart, and nearest pixels may be their neighbours."""
    batch = batch_of(np.concatenate([pictures()] * 16))
    drawn = draw(name, len(batch))
    here, there = BUILT_IN[name].apply(batch, drawn), BUILT_IN[name].apply(batch.cuda(), drawn)
    assert there.is_cuda
    assert (images_of(here) != images_of(there)).mean() < 0.01
    assert np.abs(images_of(here) - images_of(there)).mean() < 0.05


def by_torchvision(image: torch.Tensor, operation: int, magnitude: float, sampling: str) -> torch.Tensor:
    how = v2.InterpolationMode(sampling)
    shown: torch.Tensor = v2.RandAugment()._apply_image_or_video_transform(
        image, THEIRS[OPERATIONS[operation]], magnitude, how, {torch.Tensor: None}
    )
    return shown


def test_each_operation_is_that_of_torchvision() -> None:
    """TrivialAugment's draws, one operation each: two levels of 255 apart at most, but for nearest pixels that lie
    halfway between two."""
    images = batch_of(np.concatenate([pictures()[:5]] * 60))
    drawn = draw("trivialaugment", len(images))
    shown = BUILT_IN["trivialaugment"].apply(images, drawn)
    operations, magnitudes = drawn["operation"][:, 0].tolist(), drawn["magnitude"][:, 0].tolist()
    assert set(operations) == set(range(len(OPERATIONS)))
    for ours, image, operation, magnitude in zip(shown, images, operations, magnitudes, strict=True):
        theirs = by_torchvision(image, operation, magnitude, "nearest")
        difference = (ours.int() - theirs.int()).abs()
        moved = OPERATIONS[operation] in ("shear_x", "shear_y", "rotate")
        assert (difference > 2).float().mean() <= (0.01 if moved else 0), OPERATIONS[operation]


def test_augmix_is_that_of_torchvision() -> None:
    """The same chains and weights, put together by hand as torchvision does; chains multiply what is one level apart,
    so a few values may differ."""
    images = batch_of(np.concatenate([pictures()[:5]] * 8))
    drawn = draw("augmix", len(images))
    shown = BUILT_IN["augmix"].apply(images, drawn)
    for row, image in enumerate(images):
        mixed = drawn["share"][row, 0] * image.double()
        for chain in range(3):
            part = image
            for operation, magnitude in zip(
                drawn["operation"][row, chain], drawn["magnitude"][row, chain], strict=True
            ):
                part = by_torchvision(part, int(operation), float(magnitude), "bilinear")
            mixed += drawn["share"][row, 1 + chain] * part
        difference = (shown[row] - mixed).abs()
        assert difference.mean() < 1
        assert (difference > 2).double().mean() < 0.05


def test_without_any_operation_nothing_is_done() -> None:
    batch: torch.Tensor = batch_of(pictures())
    none: Floats = np.zeros(8)
    assert torch.equal(perform(batch, np.zeros(8, np.int64), none, "nearest"), batch)
