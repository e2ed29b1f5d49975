"""A study whose interventions start and train differently: run, scored, stopped in the middle and gone on with."""

from pathlib import Path

import numpy as np
import pytest

import afield
from afield.study.preparing.study_file import parse_study
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.study.study import Study
from tests.fixtures.tiny import starts_text, tiny_weights


def starts(photos: Path) -> Study:
    text = starts_text(photos, epochs=2).replace("seeds = [0, 1]\n", "")
    return parse_study(text.replace("[1e-4, 1e-3, 3e-3, 1e-2]", "[1e-4, 1e-3]"), "tiny.toml")


@pytest.mark.slow
def test_a_study_of_starts_ends_and_its_networks_are_whole(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path))
    out, directory = tmp_path / "out", tiny_weights().path.parent
    assert afield.run_study(starts(photos), out, weights=directory, slots=2).complete
    table = afield.results(out)
    assert set(table["initialisation"]) == {"pretrained", "probe"}
    (key,) = set(table.loc[table["intervention"] == "head", "key"])
    network = afield.load_network(out, key)
    split = Store.open(out).scores.predictions(key, TEST, network.classes)
    pictures = sorted(photos.rglob("*.png"))
    assert np.isfinite(network.logits(pictures)).all()
    assert len(split) > 0
    assert len(list((tmp_path / "features").glob("*.safetensors"))) == 2  # training and validation, for all trials
    assert len(list((tmp_path / "probes").glob("*.safetensors"))) == 1
