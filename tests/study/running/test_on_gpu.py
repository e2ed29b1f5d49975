"""Whole studies on a GPU, where there is one (`make test-gpu`): what is settled, kept, made again and predicted."""

import tomllib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

import afield
from afield.backbones.catalogue import find
from afield.study.preparing.micro_batches import in_a_process
from afield.study.preparing.study_file import parse_study
from afield.study.study import Study
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.trial.trial import Trial
from tests.fixtures.tiny import BACKBONE, study_text, tiny_inputs, tiny_trial

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


def study(photos: Path, **numerics: object) -> Study:
    """Two learning rates, one seed; of 24 training images in batches of 9 the last batch is a partial one."""
    text = study_text(photos, "grid", 2).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 3e-3").replace("[0, 1]", "[0]")
    told = "".join(f"{key} = {str(value).lower()}\n" for key, value in numerics.items())
    return parse_study(f"{text.replace('batch_size = 8', 'batch_size = 9')}\n[numerics]\n{told}", "tiny.toml")


def said(out: Path) -> dict[tuple[str, str], npt.NDArray[np.float32]]:
    """The logits of all that a study scored, by key and split."""
    record = afield.load_record(out)
    (task,) = record.tasks
    keys = [repeat.key for search in record.searches for repeat in search.repeats]
    return {
        (key, split): record.predictions_of(key, split, task.classes).logits
        for key in keys
        for split in ("validation", "test")
    }


@pytest.mark.parametrize(
    "numerics", [{}, {"compile": True}, {"micro_batch": 4}, {"precision": '"float16"'}], ids=lambda keys: str(keys)
)
def test_a_study_made_again_gives_the_same_bits(photos: Path, tmp_path: Path, numerics: dict[str, object]) -> None:
    """Two trials at once one time and one after the other the next, with other loaders."""
    outs = [tmp_path / "one", tmp_path / "again"]
    for out, sharing in zip(outs, (2, 1), strict=True):
        made = study(photos, **numerics)
        assert afield.run_study(made, out, trials_per_device=sharing, workers=2 - sharing).complete
    settled = tomllib.loads((outs[0] / "numerics.toml").read_text())
    assert (settled["device"], settled["precision"]) == ("cuda", "float16" if "precision" in numerics else "bfloat16")
    one, again = map(said, outs)
    assert one.keys() == again.keys()
    assert len(one) == 2
    for at, logits in one.items():
        assert np.isfinite(logits).all()
        assert np.array_equal(logits, again[at])


def test_the_network_says_on_a_cpu_what_it_said_on_the_gpu(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(study(photos, precision='"float32"'), out).complete
    record, network = afield.load_record(out), afield.load_network(out)
    scored = record.predictions_of(network.key, "test", network.classes)
    logits = network.logits([photos / sample for sample in scored.sample])
    np.testing.assert_allclose(logits, scored.logits, rtol=0, atol=1e-3)
    (taken,) = record.results["predict_mb"].unique()
    weights = sum(tensor.nbytes for tensor in network.module.state_dict().values()) / 1e6
    assert weights < taken < weights + 100


def wide(photos: Path, cache: Path) -> Trial:
    """A trial whose whole batch takes gigabytes."""
    data, _ = tiny_inputs(photos, cache)
    numerics = numerics_for(settle(NumericsChoice(), "cuda"), convolutional=True)
    return tiny_trial(data, image_size=224, batch_size=1024).model_copy(update={"numerics": numerics})


def test_the_largest_step_is_found_in_a_small_part_of_the_memory(photos: Path, cache: Path) -> None:
    """In three GiB, one of which may go to the process itself; with all of the memory there is room for more."""
    free, whole = torch.cuda.mem_get_info()
    share = (whole - free + 3 * 2**30) / whole  # what this process has here stays taken
    few = in_a_process(wide(photos, cache), find(BACKBONE), share)
    more = in_a_process(wide(photos, cache), find(BACKBONE), 1.0)
    assert 1 <= few < (more or 1024)
