"""Mixup, CutMix and Random Erasing: what is drawn, and what becomes of the pixels."""

import numpy as np
import pytest
import torch
from scipy import stats

from afield.images.augmentation.erasing import ASPECT, draw_erased, erase
from afield.images.augmentation.mixing import Mixing, Mixture, draw_mixture, mix
from tests.images.augmentation.pictures import SIDE, batch_of, images_of, pictures


def mixtures(mixing: Mixing, count: int) -> list[Mixture]:
    drawn = [draw_mixture(mixing, 3, 0, step, 8, SIDE) for step in range(count)]
    return [mixture for mixture in drawn if mixture is not None]


def test_off_means_that_nothing_is_mixed_or_erased() -> None:
    assert draw_mixture(Mixing(), 3, 0, 0, 8, SIDE) is None
    assert draw_erased(0.0, 3, 0, 0, np.arange(8), 3, SIDE) is None


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    drawn = mixtures(Mixing(mixup=alpha), 800)
    assert len(drawn) == 800
    assert all(mixture.box is None for mixture in drawn)
    assert all(sorted(mixture.partner) == list(range(8)) for mixture in drawn)
    assert stats.kstest([mixture.share for mixture in drawn], stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_both_share_the_batches_at_even_odds() -> None:
    boxes = [mixture.box is not None for mixture in mixtures(Mixing(mixup=0.2, cutmix=1.0), 800)]
    assert np.mean(boxes) == pytest.approx(0.5, abs=0.06)


def test_a_step_is_drawn_alike_whatever_was_drawn_before() -> None:
    one, other = (draw_mixture(Mixing(cutmix=1.0), 3, 2, 7, 8, SIDE) for _ in range(2))
    assert one is not None
    assert other is not None
    assert (one.share, one.box, one.partner.tolist()) == (other.share, other.box, other.partner.tolist())


def test_mixup_is_the_weighted_mean_rounded() -> None:
    partner = np.array([1, 2, 3, 4, 5, 6, 7, 0])
    mixed = images_of(mix(batch_of(pictures()), Mixture(partner, 0.3, None)))
    expected = 0.3 * pictures() + 0.7 * pictures()[partner]
    assert np.abs(mixed - expected).max() <= 0.5 + 1e-4


def test_cutmix_shares_are_the_areas_that_are_seen() -> None:
    white, black = np.full((1, SIDE, SIDE, 3), 255, np.uint8), np.zeros((1, SIDE, SIDE, 3), np.uint8)
    batch = batch_of(np.concatenate([white, black]))
    for mixture in mixtures(Mixing(cutmix=1.0), 100):
        swapped = Mixture(np.array([1, 0]), mixture.share, mixture.box)
        shown = images_of(mix(batch, swapped))
        assert (shown[0] == 255).mean() == pytest.approx(mixture.share)
        assert (shown[1] == 0).mean() == pytest.approx(mixture.share)
        assert set(np.unique(shown)) <= {0, 255}


def test_erased_rectangles_follow_the_paper() -> None:
    """Half the images; area from 2 to 40 %, height over width from 0.3 to 1 / 0.3, pixels of the rounding apart."""
    erased = draw_erased(0.5, 3, 0, 0, np.arange(4000), 3, 224)
    assert erased is not None
    top, left, height, width = erased.box.T
    there = height > 0
    assert there.mean() == pytest.approx(0.5, abs=0.03)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 224).all()
    assert (left + width <= 224).all()
    area, aspect = (height * width)[there] / 224**2, (height[there] / width[there])
    assert area.min() > 0.018
    assert area.max() < 0.41
    assert aspect.min() > ASPECT[0] * 0.95
    assert aspect.max() < ASPECT[1] * 1.05
    assert 2 * aspect.mean() == pytest.approx(sum(ASPECT), rel=0.15), "about even, but for those that do not fit"


def test_only_the_rectangle_is_erased_and_it_depends_on_the_sample() -> None:
    samples = np.array([5, 1, 2, 7, 0, 4, 3, 6])
    erased, other = (draw_erased(1.0, 3, 0, 0, order, 3, SIDE) for order in (samples, np.arange(8)))
    assert erased is not None
    assert other is not None
    assert np.array_equal(erased.box, other.box[samples])
    batch = batch_of(np.stack([pictures()[5]] * 8))
    shown = images_of(erase(batch, erased))
    for image, (top, left, height, width) in zip(shown, erased.box.tolist(), strict=True):
        place = slice(top, top + height), slice(left, left + width)
        assert np.array_equal(image[place], erased.noise.transpose(1, 2, 0)[place])
        image[place] = pictures()[5][place]
        assert np.array_equal(image, pictures()[5])
    assert torch.equal(batch, batch_of(np.stack([pictures()[5]] * 8)))
