"""Test-time augmentation: the mean over what a view shows, and that it helps where the symmetry is real."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.errors import InputError
from afield.images.symmetries import symmetries
from afield.images.turned import Turned
from afield.scoring.combine import combined
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.trial.score import score
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial


class Distracted(nn.Module):
    """Tells two classes apart by how bright a picture is, and is distracted by which half is brighter."""

    def __init__(self, distraction: float) -> None:
        super().__init__()
        self.distraction = distraction

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        left, right = (half.mean(dim=(1, 2, 3)) for half in images.chunk(2, dim=3))
        margin = left + right + self.distraction * (left - right)
        return torch.stack([-margin, margin], dim=1)


def predictions(network: nn.Module, view: str, images: torch.Tensor, label: np.ndarray) -> Predictions:
    names = np.arange(len(label)).astype(str)
    shown = [Turned(network, symmetry)(images).numpy() for symmetry in symmetries(view, ["horizontal"])]
    return combined([Predictions(("dark", "bright"), names, names, names, label, logits) for logits in shown])


@pytest.mark.parametrize(("distraction", "helps"), [(3.0, True), (0.0, False)])
def test_flips_help_a_network_that_the_side_distracts_and_change_nothing_else(distraction: float, helps: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    label = np.arange(400) % 2
    images = torch.randn(400, 1, 8, 8, generator=generator)
    images += torch.from_numpy(np.where(label, 0.15, -0.15).astype(np.float32)).view(-1, 1, 1, 1)
    copies, labels = torch.cat([images, images.flip(3)]), np.concatenate([label, label])
    plain, flips = (predictions(Distracted(distraction), view, copies, labels) for view in ("plain", "flips"))
    accuracy = METRICS["accuracy"].compute
    np.testing.assert_allclose(flips.probabilities()[:400], flips.probabilities()[400:], atol=1e-6)
    if helps:
        assert accuracy(flips) > accuracy(plain) + 0.1
    else:
        assert accuracy(flips) == accuracy(plain)


@pytest.mark.slow
def test_score_gives_the_mean_of_the_probabilities_of_all_that_a_view_shows(photos: Path, tmp_path: Path) -> None:
    data, splits = tiny_inputs(photos, tmp_path)
    trial, row = tiny_trial(data).model_copy(update={"flips": ("horizontal", "vertical")}), find(BACKBONE)
    body = build(row, 2, initialisation="scratch", seed=3, weights=None, size=32)
    network = body.state_dict()
    plain = score(trial, row, network, splits["test"])
    flips = score(trial, row, network, splits["test"], "flips")
    dihedral = score(trial, row, network, splits["test"], "dihedral")
    assert plain.logits.tobytes() == score(trial, row, network, splits["test"], "plain").logits.tobytes()
    assert len({each.logits.tobytes() for each in (plain, flips, dihedral)}) == 3
    assert plain.sample.tolist() == flips.sample.tolist()

    images = splits["test"].images
    pictures = torch.from_numpy(np.stack([images.image(each) for each in splits["test"].row])).permute(0, 3, 1, 2)
    normal = (pictures.float() / 255 - 0.5) / 0.5
    body.eval()
    with torch.inference_mode():
        shown = [body(normal.flip(axes)).softmax(1) for axes in ([], [3], [2], [2, 3])]
    np.testing.assert_allclose(flips.probabilities(), torch.stack(shown).mean(0).numpy(), atol=1e-5)

    with pytest.raises(InputError, match="view dihedral"):
        score(tiny_trial(data), row, network, splits["test"], "dihedral")
