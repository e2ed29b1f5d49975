"""Data sets that join the training splits of others: their published layouts, and their classes."""

from pathlib import Path

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.further import further_samples
from afield.tasks.sets import aptos2019, hpa2018, hpa_v18, isic2019, melanoma2020, retinopathy2015
from afield.tasks.training_choice import FurtherChoice
from tests.fixtures import layouts
from tests.fixtures import melanoma as melanoma_layouts
from tests.fixtures.hpa2018 import hpa2018 as hpa_layout


def test_retinopathy_of_2015_has_the_grades_of_aptos_and_both_eyes_of_a_patient_together(tmp_path: Path) -> None:
    layouts.retinopathy2015(tmp_path / "diabetic-retinopathy-detection", patients=20)
    root = retinopathy2015.find(tmp_path)
    table = retinopathy2015.samples(root)
    assert len(table) == 2 * (20 + 3)
    eyes = table.set_index("id").loc[["12_left", "12_right", "30_left"]]
    assert eyes["label"].tolist() == [2, 2, 0]
    assert eyes["image"].tolist() == ["train/12_left.jpeg", "train/12_right.jpeg", "test/30_left.jpeg"]
    assert all((root / image).is_file() for image in table["image"])
    assert table.assign(side=retinopathy2015.split(table, "clean")).groupby("group")["side"].nunique().max() == 1
    choice = FurtherChoice(task="retinopathy2015")
    found = further_samples(choice, aptos2019.TASK, retinopathy2015.TASK, tmp_path)
    assert found.table.set_index("id")["label"].to_dict() == table.set_index("id")["label"].to_dict()
    (root / "retinopathy_solution.csv").unlink()
    assert len(retinopathy2015.samples(root)) == 2 * 20


def test_the_archive_of_2019_is_melanoma_or_not_in_both_of_its_layouts(tmp_path: Path) -> None:
    layouts.isic2019(tmp_path / "isic2019", images=30)
    table = isic2019.samples(isic2019.find(tmp_path))
    assert table["label"].sum() == 10
    assert table["group"].nunique() == 30 - 6
    melanoma_layouts.resized(tmp_path / "other" / "melanoma")
    root = isic2019.find(tmp_path / "other")
    resized = isic2019.samples(root)
    assert len(resized) == melanoma_layouts.IMAGES["2019"]
    assert (resized["label"].sum(), resized["id"].str.startswith("ISIC_").all()) == (15, True)
    assert all((root / image).is_file() for image in resized["image"])
    found = further_samples(FurtherChoice(task="isic2019"), melanoma2020.ALONE, isic2019.TASK, tmp_path)
    assert found.table["label"].tolist() == table.sort_values("id")["label"].tolist()


def test_melanoma_of_2020_alone_is_split_without_the_other_year(tmp_path: Path) -> None:
    melanoma_layouts.resized(tmp_path / "melanoma")
    task = melanoma2020.ALONE
    table = task.samples(task.find(tmp_path))
    assert set(table["year"]) == {"2020"}
    assert len(table) == melanoma_layouts.IMAGES["2020"]
    assert set(task.split(table, "clean")) == {"train", "validation", "test"}


def test_further_images_of_the_protein_atlas_are_read_as_those_of_the_competition(tmp_path: Path) -> None:
    root = hpa_layout(tmp_path / "hpa_v18", each=2)
    (root / "train.csv").rename(root / hpa_v18.TABLE)
    table = hpa_v18.samples(hpa_v18.find(tmp_path))
    first = pd.read_csv(root / hpa_v18.TABLE, dtype=str).iloc[0]
    assert [place for place, has in enumerate(table["label"].iloc[0]) if has] == sorted(
        map(int, first["Target"].split())
    )
    for target in (hpa2018.TASK, hpa2018.RGBY):
        found = further_samples(FurtherChoice(task="hpa_v18"), target, hpa_v18.TASK, tmp_path)
        assert len(found.table) == len(table)


@pytest.mark.parametrize(
    ("module", "name", "word"),
    [
        (retinopathy2015, "retinopathy2015", "kaggle"),
        (isic2019, "isic2019", "isic-archive"),
        (hpa_v18, "hpa_v18", "Id_red"),
    ],
)
def test_what_is_not_here_is_told_with_the_way_to_it(tmp_path: Path, module: object, name: str, word: str) -> None:
    with pytest.raises(InputError, match=rf"{name}: not found: .*{word}"):
        module.find(tmp_path)  # type: ignore[attr-defined]
