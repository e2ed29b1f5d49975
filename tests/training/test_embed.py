"""Features streamed for distances are those that a study's head would be given, and what cannot be read is told."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.backbones.weights import Sources, locate
from afield.base.errors import InputError
from afield.images.decode import decode
from afield.images.rule import evaluation_rule, prepare_pixels
from afield.probing.summary import read_summary
from afield.study.preparing.named_task import named_task
from afield.training.embed import summarise
from tests.fixtures.tiny import BACKBONE

OFFLINE = Sources(offline=True)


@pytest.mark.slow
def test_features_are_what_the_head_is_given_of_a_study_s_evaluation_views(photos: Path) -> None:
    told = list[tuple[int, int]]()
    found = summarise(
        str(photos),
        BACKBONE,
        OFFLINE,
        size=48,
        batch_size=7,
        progress=lambda done, of, seconds: told.append((done, of)),
    )
    row = find(BACKBONE)
    network = build(row, 2, initialisation="pretrained", seed=0, weights=locate(row, OFFLINE)).eval()
    files = sorted(photos.rglob("*.png"))
    assert (found.n, found.source, told[-1]) == (len(files), "photos", (len(files), len(files)))
    expected = []
    for file in files:
        view = prepare_pixels(decode(file), evaluation_rule(48, row.interpolation))
        pixels = torch.from_numpy(view.transpose(2, 0, 1).copy())[None].float() / 255
        normalised = (pixels - torch.tensor(row.mean).view(1, 3, 1, 1)) / torch.tensor(row.std).view(1, 3, 1, 1)
        with torch.no_grad():  # SqueezeNet's head stands on a map, which is averaged
            expected.append(network.features(normalised).mean(dim=(2, 3))[0].numpy())
    order = [int(np.abs(np.stack(expected) - given).sum(axis=1).argmin()) for given in found.rows]
    assert sorted(order) == list(range(len(files)))
    assert order != sorted(order), "in a random order"
    np.testing.assert_allclose(found.rows, np.stack(expected)[order], rtol=0, atol=2e-4)
    few = summarise(str(photos), BACKBONE, OFFLINE, size=48, images=9, called="some")
    assert (few.n, few.source) == (9, "some")


@pytest.mark.slow
def test_a_task_gives_one_split_and_its_name(photos: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(photos, tmp_path / "photos"))
    table = photos / "moths.csv"
    files = sorted(photos.rglob("*.png"))
    rows = [f"{path.relative_to(photos).as_posix()},{path.parent.name}" for path in files]
    table.write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    found = summarise(str(table), BACKBONE, OFFLINE, split="test", size=32)
    assert (found.source, found.n) == ("moths", len(files) / 5)  # what is proposed for test
    found.write(tmp_path / "moths.npz")
    assert read_summary(tmp_path / "moths.npz").about == found.about
    with pytest.raises(InputError, match="moths: has no split odd; name train, validation or test"):
        summarise(str(table), BACKBONE, OFFLINE, split="odd", size=32)
    study = photos / "study.toml"
    study.write_text(f"""
        study.name = "few"
        study.tasks = ["few"]
        study.backbones = ["{BACKBONE}"]
        tasks.few = {{ table = "moths.csv", fractions = [0.2, 0.2, 0.6] }}
    """)
    few = summarise(f"{study}:few", BACKBONE, OFFLINE, find=named_task, split="test", size=32)
    assert (few.source, few.n) == ("few", 3 * len(files) / 5)


def test_what_cannot_be_used_is_told_in_words(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("a", "b"):
        (broken / f"{name}.png").write_bytes(b"no image")
    Image.new("RGB", (40, 40)).save(broken / "c.png")
    cases: list[tuple[Path | str, dict[str, Any], str]] = [
        (tmp_path / "empty", {}, "holds no image; name a folder of images, or a task"),
        (
            broken,
            {},
            r"(?s)2 of 3 images cannot be used:.*a\.png.*b\.png|2 of 3 images cannot be used:.*b\.png.*a\.png",
        ),
        (photos, {"images": 9_999}, "photos: has 40 images, not 9,999; ask for fewer"),
        ("hpa2018_rgby", {}, "hpa2018_rgby: its images have 4 channels"),
        ("no-such-thing", {}, "no-such-thing"),
    ]
    for source, keys, words in cases:
        with pytest.raises(InputError, match=words):
            summarise(str(source), BACKBONE, OFFLINE, size=32, **keys)
