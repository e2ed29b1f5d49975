"""Batches by position: the same from the mapped bytes, from packed crops and from a GPU's own memory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from afield.images.augmentation.mixing import NO_MIXING, Mixing
from afield.images.augmentation.sets import BUILT_IN
from afield.images.loader import PackedBatches, TrainingBatches, load
from afield.images.samples import Samples, evaluation_batches, mapped
from afield.trial.inputs import SplitInputs
from tests.fixtures.tiny import tiny_inputs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def splits(photos: Path, cache: Path) -> dict[str, SplitInputs]:
    return tiny_inputs(photos, cache)[1]


def batches_of(
    split: SplitInputs,
    batch_size: int = 7,
    augmentation: str = "paper",
    mixing: Mixing = NO_MIXING,
    erasing: float = 0.0,
) -> TrainingBatches:
    flips = ("horizontal", "vertical")
    return TrainingBatches(
        split.samples(), 32, "bicubic", batch_size, 5, augmentation, flips, mixing=mixing, erasing=erasing
    )


def positions_of(batches: TrainingBatches) -> list[tuple[int, int]]:
    return [(epoch, step) for epoch in range(2) for step in range(batches.steps())]


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", ["none", *BUILT_IN])
def test_packed_crops_give_the_same_batch(splits: dict[str, SplitInputs], augmentation: str) -> None:
    mixing = Mixing(mixup=0.2, cutmix=1.0)
    split = splits["validation" if augmentation == "none" else "train"]
    batches = batches_of(split, augmentation=augmentation, mixing=mixing, erasing=0.5)
    packed = PackedBatches(batches)
    for position in positions_of(batches):
        whole, unpacked = batches[position], packed.unpack(packed[position], CPU)
        assert torch.equal(whole.images, unpacked.images)
        assert torch.equal(whole.labels, unpacked.labels)
        assert whole.partner is not None
        assert unpacked.partner is not None
        assert torch.equal(whole.partner, unpacked.partner)
        assert (unpacked.epoch, unpacked.step) == position


@pytest.mark.parametrize("augmentation", ["none", *BUILT_IN])
def test_a_batch_is_made_where_its_bytes_lie(splits: dict[str, SplitInputs], augmentation: str) -> None:
    """torch's meta device, as a GPU, takes no part from another device."""
    split = splits["validation" if augmentation == "none" else "train"]
    batches = batches_of(split, augmentation=augmentation, mixing=Mixing(mixup=0.2, cutmix=1.0), erasing=0.5)
    pixels = mapped(split.images.folder).to("meta")
    for position in positions_of(batches):
        here, there = batches[position], batches.make(batches.draw(position), pixels)
        for mine, its in ((here.images, there.images), (here.labels, there.labels), (here.partner, there.partner)):
            assert mine is not None
            assert its is not None
            assert its.is_meta
            assert (its.shape, its.dtype) == (mine.shape, mine.dtype)


@pytest.mark.gpu
@pytest.mark.parametrize("fits", [True, False])
def test_a_gpu_resizes_for_itself_wherever_the_images_lie(
    splits: dict[str, SplitInputs], fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afield.images import loader

    if not fits:
        monkeypatch.setattr(loader, "resident", lambda folder, device: None)
    batches = batches_of(splits["train"])
    for position, batch in zip(
        positions_of(batches), load(batches, positions_of(batches), 0, torch.device("cuda")), strict=True
    ):
        assert batch.images.is_cuda
        assert batch.labels.is_cuda
        here = batches[position]
        assert (batch.images.cpu().int() - here.images.int()).abs().max() <= 1
        assert torch.equal(batch.labels.cpu(), here.labels)


@pytest.mark.slow
def test_loader_processes_make_the_same_batches(splits: dict[str, SplitInputs]) -> None:
    batches = batches_of(splits["train"], 12, "augmix", Mixing(mixup=0.2, cutmix=1.0), erasing=0.5)
    positions = positions_of(batches)
    for here, there in zip(load(batches, positions, 0, CPU), load(batches, positions, 2, CPU), strict=True):
        assert torch.equal(here.images, there.images)
        for mine, other in ((here.partner, there.partner), (here.share, there.share)):
            assert mine is not None
            assert other is not None
            assert torch.equal(mine, other)


def test_batches_are_mixed_and_erased_as_drawn(splits: dict[str, SplitInputs]) -> None:
    """A mixture shows both images by its share; the same step without mixing shows what was mixed."""
    plain, mixed = batches_of(splits["train"]), batches_of(splits["train"], mixing=Mixing(mixup=1.0))
    for position in positions_of(plain):
        images, batch = plain[position].images.float(), mixed[position]
        assert batch.partner is not None
        assert batch.share is not None
        share = batch.share.view(-1, 1, 1, 1)
        expected = share * images + (1 - share) * images[batch.partner]
        assert (batch.images - expected).abs().max() <= 0.51
        assert torch.equal(batch.labels, plain[position].labels)
        assert plain[position].partner is None
    erased = batches_of(splits["train"], erasing=1.0)[0, 0].images
    assert not torch.equal(erased, plain[0, 0].images)


def test_without_augmentation_images_come_as_prepared(splits: dict[str, SplitInputs]) -> None:
    split = splits["validation"]
    batches = batches_of(split, batch_size=4, augmentation="none")
    batch = batches[0, 0]
    for image, sample in zip(batch.images, batches.order(0)[:4].tolist(), strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), split.images.image(int(split.row[sample])))


def test_evaluation_shows_each_sample_its_own_image(splits: dict[str, SplitInputs]) -> None:
    """Samples may share an image, and stand in another order than the images."""
    images = splits["validation"].images
    row = np.array([2, 0, 2, 1, 3])
    shown = torch.cat(list(evaluation_batches(Samples(images, row, np.zeros(5, np.int64)), 2, CPU)))
    assert shown.shape == (5, 3, 32, 32)
    for image, position in zip(shown, row.tolist(), strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), images.image(position))


@pytest.mark.parametrize(("batch_size", "steps", "seen"), [(5, 5, 24), (8, 3, 24), (23, 1, 23), (100, 1, 24)])
def test_a_sample_that_would_be_a_batch_of_its_own_is_left_out(
    splits: dict[str, SplitInputs], batch_size: int, steps: int, seen: int
) -> None:
    assert len(splits["train"].table) == 24
    batches = batches_of(splits["train"], batch_size)
    assert (batches.steps(), batches.seen()) == (steps, seen)
    assert sum(len(batches[0, step].labels) for step in range(steps)) == seen
