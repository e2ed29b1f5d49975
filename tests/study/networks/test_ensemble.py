"""Several networks as one: what they say of a picture that may have several classes, and of one that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from afield.base.errors import InputError
from afield.scoring.combine import combined
from afield.scoring.predictions import Predictions
from afield.study.networks.ensemble import Ensemble
from afield.study.networks.network import Network
from afield.trial.trial import Trial
from tests.fixtures.tiny import tiny_inputs, tiny_trial

NAMES = ("leaf", "root")


class Says(nn.Module):
    """The same of every picture."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(images), -1)


def validation(*logits: tuple[float, float]) -> Predictions:
    """Four pictures, of which two have each class."""
    who = np.array(["a", "b", "c", "d"])
    labels = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    return Predictions(NAMES, who, who, who, labels, np.array(logits, np.float32))


@pytest.fixture
def trial(photos: Path, cache: Path) -> Trial:
    whole = tiny_trial(tiny_inputs(photos, cache)[0])
    return whole.model_copy(update={"target": "labels", "metric": "macro_f1_global"})


def ensemble(trial: Trial) -> Ensemble:
    """Both are sure of little: what has a class gets 0.2 to 0.3, what has not less, so the threshold is about 0.2."""
    first = validation((-1.0, -3.0), (-1.2, -1.1), (-3.0, -1.0), (-3.0, -3.0))
    second = validation((-1.2, -3.5), (-1.0, -1.3), (-3.5, -1.2), (-3.5, -3.5))
    members = tuple(
        Network(name, "a_backbone", NAMES, Says(*logits), {}, trial, said)
        for name, logits, said in (("one", (-1.1, -3.2), first), ("two", (-1.3, -2.8), second))
    )
    return Ensemble("both", "pair", "ensemble", NAMES, members, trial, combined([first, second]))


def test_thresholds_are_settled_on_what_they_say_together(trial: Trial, photos: Path) -> None:
    table = ensemble(trial).predict(photos / "warm")
    assert set(table["predicted"]) == {"leaf"}, "of a probability of 0.23, which is far below a half"
    odds = [1 / (1 + np.exp(-np.array(logits))) for logits in ((-1.1, -3.2), (-1.3, -2.8))]
    np.testing.assert_allclose(table[["p_leaf", "p_root"]].iloc[0], np.mean(odds, axis=0), rtol=1e-6)


def test_it_says_what_it_is(trial: Trial) -> None:
    assert ensemble(trial).words == "ensemble pair: 2 networks of a_backbone"


def test_what_cannot_be_read_is_named_once(trial: Trial, photos: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    good = sorted((photos / "warm").iterdir())[:2]
    table, unreadable = ensemble(trial).predict_readable([good[0], broken, good[1]])
    assert table["path"].tolist() == [str(each) for each in good]
    assert list(unreadable) == [str(broken)]
    with pytest.raises(InputError, match=r"broken\.png"):
        ensemble(trial).predict([good[0], broken])
