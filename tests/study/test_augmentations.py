"""Augmentations in a study: by name, of one's own, and refused before training where they mean nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import afield
from afield.base.errors import InputError
from afield.base.extensions import load_extension
from afield.images.augmentation.own import check_augmentation
from afield.images.loader import TrainingBatches, load
from afield.study.preparing.study_file import parse_study
from afield.study.study import Study
from tests.fixtures.tiny import study_text, tiny_inputs
from tests.study.helpers import check_ready

FOG = Path(__file__).parents[2] / "examples" / "extensions" / "fog" / "fog.py"
FOGGY = """
[interventions.foggy]
augmentation = "{name}"
mixup = 0.2
erasing = 0.25
"""


def foggy(photos: Path, folder: Path, name: str = "fog:fog") -> Study:
    """The tiny study, in fog beside plain."""
    shutil.copy(FOG, folder / "fog.py")
    text = 'extensions = ["fog.py"]\n' + study_text(photos, epochs=2) + FOGGY.format(name=name)
    text = text.replace("seeds = [0, 1]", 'interventions = ["plain", "foggy"]')
    text = text.replace("[1e-4, 1e-3, 3e-3, 1e-2]", "[1e-3]")
    return parse_study(text, "tiny.toml", folder)


@pytest.mark.slow
def test_ones_own_is_trained_with_by_name(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(foggy(photos, tmp_path), out, slots=2).complete
    sha256 = load_extension(FOG).sha256
    trials = [json.loads(path.read_text()) for path in (out / "trials").rglob("trial.json")]
    assert {(trial["recipe"]["augmentation"], bool(trial["extensions"])) for trial in trials} == {
        ("paper", False),
        ("fog:fog", True),
    }, "in the key where it shapes training"
    assert next(trial["extensions"] for trial in trials if trial["extensions"]) == [["fog", sha256]]
    table = afield.results(out)
    assert set(table["intervention"]) == {"plain", "foggy"}


@pytest.mark.slow
def test_loader_processes_load_ones_own_from_its_copy(photos: Path, cache: Path, tmp_path: Path) -> None:
    samples = tiny_inputs(photos, cache)[1]["train"].samples()
    copy = Path(shutil.copy(FOG, tmp_path / "fog.py"))
    extension = (str(copy), load_extension(copy).sha256)
    fog = TrainingBatches(samples, 32, "bicubic", 12, 5, "fog:fog", ("horizontal",), extension=extension)
    plain = TrainingBatches(samples, 32, "bicubic", 12, 5, "paper", ("horizontal",))
    positions = [(0, 0), (0, 1), (1, 0)]
    for position, batch in zip(positions, load(fog, positions, 1, torch.device("cpu")), strict=True):
        assert torch.equal(batch.images, fog[position].images)
        veil = torch.from_numpy(fog.draw(position).parameters["veil"])
        assert veil.max() > 0
        difference = (batch.images.int() - plain[position].images.int()).abs()
        assert difference.max() <= 220 * float(veil.max()) + 1, "it follows on crop and flips"
        assert difference.max() > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("randaugmnt", "randaugmnt: is no augmentation; did you mean randaugment"),
        ("fog:mist", r"fog:mist: .*fog\.py has no mist"),
        ("mist:mist", "mist:mist: no extension mist is named by the study"),
        ("fog:PATCHES", "fog:PATCHES: is of type int, not Augmentation"),
    ],
)
def test_what_is_none_is_named_before_anything_runs(photos: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_ready(foggy(photos, tmp_path, name))


@pytest.mark.parametrize("key", ["mixup = -0.1", "cutmix = nan", "erasing = 1.5"])
def test_values_out_of_range_are_named(photos: Path, key: str) -> None:
    text = study_text(photos).replace("batch_size = 8", f"batch_size = 8\n{key}")
    with pytest.raises(InputError, match=f"recipe.{key.split()[0]}: should be"):
        parse_study(text, "tiny.toml")


def test_operations_on_colours_are_refused_where_there_are_none() -> None:
    for name in ("none", "paper", "dihedral"):
        check_augmentation(name, {}, 13)
    for name in ("randaugment", "augmix", "trivialaugment", "colour_affine"):
        check_augmentation(name, {}, 3)
        with pytest.raises(InputError, match=rf"augmentation = {name}: .* 3 channels, these have 13; .*dihedral"):
            check_augmentation(name, {}, 13)


def test_a_satellites_bands_are_refused_with_their_task(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(20):
        folder = tmp_path / "bands" / ("dry" if number % 2 else "wet")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 4), dtype=np.uint8)
        Image.fromarray(pixels, "RGBA").save(folder / f"{number}.png")
    text = study_text(Path("bands")).replace("seeds = [0, 1]", 'interventions = ["wild"]')
    text += f'[tasks.bands]\nfolder = "{(tmp_path / "bands").as_posix()}"\nchannels = [0, 1, 2, 3]\n'
    text += '[interventions.wild]\naugmentation = "randaugment"\n'
    with pytest.raises(InputError, match=r"bands: augmentation = randaugment: .* these have 4"):
        check_ready(parse_study(text, "tiny.toml"))
