"""Frozen features in parts: what a stop leaves, what several processes share, what is told meanwhile."""

from pathlib import Path

import pytest
import torch

from afield.base.errors import Stopped
from afield.images.batch import Share
from afield.images.samples import Samples
from afield.probing import features
from afield.probing.features import Extraction
from tests.fixtures.tiny import tiny_inputs

BATCH = 4


@pytest.fixture
def samples(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Samples:
    """Of 24 images, in parts of 8."""
    monkeypatch.setattr(features, "PART", 8)
    return tiny_inputs(photos, cache)[1]["views"].samples()


def mean_colour(views: torch.Tensor) -> torch.Tensor:
    return views.float().mean(dim=(2, 3))


class Embed:
    """Mean colours; stops, where told to, after so many images, and counts them."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.stop_after, self.shown = stop_after, 0

    def __call__(self, views: torch.Tensor) -> torch.Tensor:
        self.shown += len(views)
        return mean_colour(views)

    def stop(self) -> bool:
        return self.shown >= self.stop_after


def extraction(embed: Embed, folder: Path, told: list[tuple[int, int]], share: Share = Share()) -> Extraction:  # noqa: B008
    def tell(done: int, total: int) -> None:
        told.append((done, total))

    return Extraction(embed, {"body": "none"}, folder, torch.device("cpu"), BATCH, embed.stop, tell, share)


def expected(samples: Samples) -> torch.Tensor:
    return torch.cat([mean_colour(views) for views in samples.evaluation(BATCH, torch.device("cpu"))])


def test_whoever_waits_is_told_how_far_it_is(samples: Samples, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    assert torch.equal(extraction(Embed(), tmp_path, told).features(samples), expected(samples))
    assert list(dict.fromkeys(told)) == [(done, 24) for done in (0, 4, 8, 12, 16, 20, 24)]


def test_a_stop_leaves_whole_parts_which_are_not_made_again(samples: Samples, tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="run the same command again to go on"):
        extraction(Embed(stop_after=12), tmp_path, []).features(samples)
    embed, told = Embed(), list[tuple[int, int]]()
    assert torch.equal(extraction(embed, tmp_path, told).features(samples), expected(samples))
    assert embed.shown == 16, "the first of three parts was there"
    assert told[0] == (0, 24)
    assert told[1] == (8, 24), "found, not made"


def test_several_processes_begin_with_other_parts_and_all_have_all(samples: Samples, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        extraction(Embed(stop_after=8), tmp_path, [], Share(1, 2)).features(samples)
    embed = Embed()
    assert torch.equal(extraction(embed, tmp_path, [], Share(0, 2)).features(samples), expected(samples))
    assert embed.shown == 16, "the second part was there: the other process began with it"
