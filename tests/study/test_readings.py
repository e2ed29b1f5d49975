"""A task's reading reaches the trial's key, the preparation, the network and whoever uses it later."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import save

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.reading import AS_DECLARED, Range, Reading
from afield.images.prepared import open_prepared, prepare
from afield.images.rule import evaluation_rule
from afield.study.networks.open_network import open_network
from afield.study.protocol import spread, view_of
from afield.study.store import Store
from afield.tasks.task import Card, Published, Task
from afield.training.recipe import Recipe
from afield.trial.inputs import SplitInputs
from afield.trial.score import score
from afield.trial.trial import Trial
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial

CELLS = Reading(channels=(0, 1, 2, 3), files=("_red.png", "_green.png", "_blue.png", "_yellow.png"))


def nothing(*_: object) -> Any:
    raise AssertionError("not asked here")


TASK = Task("cells", 1, ("a", "b"), "accuracy", nothing, nothing, nothing, Card("", "", "", ""), reading=CELLS)


def test_further_channels_get_the_mean_of_the_colours() -> None:
    assert spread((0.5, 0.4, 0.3), 3) == (0.5, 0.4, 0.3)
    assert spread((0.5, 0.4, 0.3), 5) == pytest.approx((0.5, 0.4, 0.3, 0.4, 0.4))
    assert spread((0.5, 0.4, 0.3), 1) == pytest.approx((0.4,))
    row = find(BACKBONE)
    clean = view_of("clean", TASK, row, Recipe())
    assert (clean.mean[:3], clean.std[:3]) == (row.mean, row.std)
    assert (clean.mean[3], clean.std[3]) == pytest.approx((sum(row.mean) / 3, sum(row.std) / 3))
    paper = view_of("paper", replace(TASK, published=Published(64, (), "BGR")), row, Recipe())
    assert len(paper.mean) == len(paper.std) == 4


def test_a_reading_is_in_the_key(photos: Path, cache: Path) -> None:
    plain = tiny_trial(tiny_inputs(photos, cache)[0])
    assert Trial.model_validate(plain.model_dump(mode="json")) == plain
    stated = [
        plain.model_copy(update={"reading": reading})
        for reading in (CELLS, replace(CELLS, channels=(0, 1, 3)), Reading(Range(0, 4095)), Reading(Range(0, 9)))
    ]
    assert len({trial.key for trial in [plain, *stated]}) == 5
    for trial in stated:
        assert Trial.model_validate(trial.model_dump(mode="json")) == trial
        assert Trial.model_validate_json(trial.model_dump_json()).reading == trial.reading
    assert plain.model_copy(update={"reading": AS_DECLARED}).key == plain.key


def cells(folder: Path, images: int = 6) -> list[str]:
    """Images of four grey files each; their names."""
    generator = np.random.default_rng(5)
    names = [f"cell{number}" for number in range(images)]
    for name in names:
        for ending in CELLS.files:
            Image.fromarray(generator.integers(0, 256, (40, 44), dtype=np.uint8)).save(folder / f"{name}{ending}")
    return names


@pytest.mark.slow
@pytest.mark.parametrize("channels", [(0, 1, 2, 3), (3,)])
def test_a_kept_network_reads_pictures_as_it_was_trained_to(
    tmp_path: Path, photos: Path, cache: Path, channels: tuple[int, ...]
) -> None:
    reading = replace(CELLS, channels=channels)
    (tmp_path / "cells").mkdir()
    names = cells(tmp_path / "cells")
    folder = prepare(
        tmp_path / "cells", names, names, evaluation_rule(32, "bicubic"), cache, 1, lambda *_: None, reading
    )
    table = pd.DataFrame({"id": names, "unit": names, "cluster": names, "label": [0, 1] * 3})
    split = SplitInputs(table, open_prepared(folder), np.arange(6))
    same = {"mean": (0.4,) * len(channels), "std": (0.2,) * len(channels), "reading": reading}
    trial = tiny_trial(tiny_inputs(photos, cache)[0]).model_copy(update=same)
    body = build(find(BACKBONE), 2, initialisation="scratch", seed=5, weights=None, channels=len(channels))
    store = Store.create(tmp_path / "out")
    store.begin(trial)
    store.write_network(trial.key, save(body.state_dict()), {})
    scored = score(trial, find(BACKBONE), body.state_dict(), split)
    store.write_history(trial.key, [{"epoch": 1, "validation": 0.5, "validation_loss": 0.7, "seconds": 1.0}])
    store.finish(trial.key, scored, {"platform": {}})
    store.selections.write("tiny", "search", [trial.key], trial.metric, "validation")
    network = open_network(store.root, trial.key)
    assert np.ptp(scored.logits, axis=0).min() > 1e-4, "the images can be told apart"
    for paths in (tmp_path / "cells", [tmp_path / "cells" / name for name in names]):
        np.testing.assert_allclose(network.logits(paths), scored.logits, rtol=0, atol=1e-5)
    assert network.predict(tmp_path / "cells")["path"].tolist() == [str(tmp_path / "cells" / name) for name in names]
