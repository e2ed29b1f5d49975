"""Melanoma 2020: the resized sets of two years and the competition's own layout, folds, patients and duplicates."""

from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.tasks.data import load_task
from afield.tasks.sets.melanoma2020 import TASK, find, samples, split
from tests.fixtures import melanoma
from tests.fixtures.tiny import scratch_study

TEST_FOLDS = {"2020": {3, 6, 8}, "2019": {0, 2, 5, 11, 12, 21}}
"""PAPER.md 2.4"""
ALL = sum(melanoma.IMAGES.values())


def test_paper_draws_the_published_folds(tmp_path: Path) -> None:
    table = samples(melanoma.resized(tmp_path)).sort_values("id", ignore_index=True)  # as load_task hands it over
    side = split(table, "paper")
    for year, folds in TEST_FOLDS.items():
        rows = table["year"] == year
        assert set(table.loc[rows & (side == "test"), "fold"]) == folds
        assert set(table.loc[rows & (side == "train"), "fold"]) == set(range(melanoma.FOLDS[year])) - folds
    assert set(side) == {"train", "test"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("root", "years"),
    [
        ("melanoma", ("melanoma-2020", "melanoma-2019")),
        ("melanoma2020", ("melanoma-2020", "melanoma-2019")),
        (".", ("jpeg-melanoma-512x512", "jpeg-isic2019-512x512")),
    ],
)
def test_the_resized_sets_are_found_and_loaded_under_both_protocols(
    tmp_path: Path, root: str, years: tuple[str, str]
) -> None:
    melanoma.resized(tmp_path / root, *years)
    paper, clean = (load_task(TASK, protocol, tmp_path / "cache", tmp_path) for protocol in ("paper", "clean"))
    assert paper.root == tmp_path / root
    assert (paper.selection, clean.selection) == ("test", "validation")
    assert len(paper.table) == len(clean.table) == ALL  # duplicates are gone, and nothing else
    assert clean.absent() == {}
    first = clean.table.set_index("id").loc[["2019/ISIC_0015719", "2020/ISIC_0015719"], "image"].tolist()
    assert first == [f"{years[1]}/train/ISIC_0015719.jpg", f"{years[0]}/train/ISIC_0015719.jpg"]


@pytest.mark.slow
def test_clean_keeps_patients_together_and_years_and_classes_in_proportion(tmp_path: Path) -> None:
    melanoma.resized(tmp_path / "melanoma")
    table = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table
    newer, older = (table[table["year"] == year] for year in ("2020", "2019"))
    assert newer["group"].str.startswith("IP_").all()
    assert newer.groupby("group").size().tolist() == [3] * 15
    assert older["group"].equals(older["id"].rename("group"))
    assert table["cluster"].equals(table["group"].rename("cluster"))
    assert table.groupby("group")["split"].nunique().max() == 1
    for rows, melanomas in ((newer, 5), (older, 15)):
        counts = pd.crosstab(rows["split"], rows["label"])[1]
        assert counts.sum() == melanomas
        assert counts.to_dict() == {"train": 0.6 * melanomas, "validation": 0.2 * melanomas, "test": 0.2 * melanomas}


@pytest.mark.slow
def test_lesions_of_2019_stay_together_where_the_archive_s_table_tells_them(tmp_path: Path) -> None:
    root = melanoma.resized(tmp_path / "melanoma")
    alone = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table.set_index("id")["split"]
    older = alone[alone.index.str.startswith("2019/")]
    pairs = list(zip(older.index[older == "train"][:5], older.index[older == "test"][:5], strict=True))
    names = [(name.removeprefix("2019/"), lesion) for lesion, pair in enumerate(pairs) for name in pair]
    rows = [f"{name},55.0,anterior torso,MSK4_{lesion:07d},female" for name, lesion in names]
    unknown = older.index[older == "validation"][0]
    rows.append(f"{unknown.removeprefix('2019/')},55.0,anterior torso,,female")
    path = root / "melanoma-2019" / "ISIC_2019_Training_Metadata.csv"
    path.write_text("\n".join(["image,age_approx,anatom_site_general,lesion_id,sex", *rows]) + "\n")
    table = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table.set_index("id")
    assert all(table["split"][one] == table["split"][other] for one, other in pairs)
    assert table["group"].nunique() == 15 + 60 - len(pairs)
    assert table["group"][unknown] == unknown
    path.write_text("image,lesion\n")
    with pytest.raises(InputError, match="lacks the column lesion_id; it has image, lesion"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)


def test_what_results_may_be_parted_by_is_kept(tmp_path: Path) -> None:
    melanoma.resized(tmp_path / "melanoma")
    table = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table
    assert set(TASK.subgroups) == {"year", "sex", "age_approx", "anatom_site"}
    assert set(table["year"]) == {"2020", "2019"}
    assert set(table["sex"]) == {"male", "female", ""}
    assert set(table["age_approx"]) == {"45", "50", "55", ""}
    assert set(table["anatom_site"]) == {"torso", "lower extremity", "anterior torso", ""}


def test_the_competition_s_own_layout_serves_for_2020_alone(tmp_path: Path) -> None:
    root = melanoma.competition(tmp_path / "siim-isic-melanoma-classification")
    clean = load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    assert clean.root == root
    assert len(clean.table) == melanoma.IMAGES["2020"] + melanoma.DUPLICATES
    assert set(clean.table["year"]) == {"2020"}
    words = r"melanoma2020: 2020: protocol paper draws .*here are none\. Use .*tasks fetch melanoma2020"
    with pytest.raises(InputError, match=words):
        load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    listed = clean.table["id"].str.removeprefix("2020/").tolist()[-melanoma.DUPLICATES :]
    (root / "ISIC_2020_Training_Duplicates.csv").write_text(
        "\n".join(["image_name_1,image_name_2", *(f"{clean.table['id'][0][5:]},{name}" for name in listed)]) + "\n"
    )
    assert len(load_task(TASK, "clean", tmp_path / "cache", tmp_path).table) == melanoma.IMAGES["2020"]


def test_what_is_wrong_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"melanoma2020: not found: .*melanoma-2020/train\.csv.*cdeotte/jpeg-melanoma"):
        find(tmp_path)
    path = melanoma.resized(tmp_path / "melanoma") / "melanoma-2019" / "train.csv"
    sound = path.read_text()
    in_fold_7 = ",7,1024,1024\n"
    for text, words in (
        (sound.replace("tfrecord", "fold"), "lacks the column tfrecord; it has image_name, patient_id"),
        (sound.replace(in_fold_7, ",30,1024,1024\n"), r"column tfrecord, row \d+: is '30' .*must be one of 0, 1, 2"),
        (sound.replace(",malignant,1,", ",malignant,2,", 1), r"column target, row \d+: is '2'; must be one of 0, 1"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"melanoma2020: .*train.csv: {words}"):
            load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    path.write_text("".join(line for line in sound.splitlines(keepends=True) if in_fold_7 not in line))
    with pytest.raises(InputError, match=r"2019: protocol paper draws from the folds 0 to 29 .*5, 6, 8, 9, .*, whole"):
        load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    path.unlink()
    with pytest.raises(
        InputError, match=r"melanoma-2019/train\.csv: cannot be read as a table .*jpeg-isic2019-512x512"
    ):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "chooses"), [("clean", "validation"), pytest.param("paper", "test", marks=pytest.mark.long)]
)
def test_a_study_runs_from_the_layout_to_the_report(tmp_path: Path, protocol: str, chooses: str) -> None:
    melanoma.resized(tmp_path / "melanoma")
    study = scratch_study("skin", "melanoma2020", protocol=protocol)
    assert afield.run_study(study, tmp_path / "out", data=tmp_path).complete
    table = afield.results(tmp_path / "out")
    assert table["metric"].iloc[0] == "auroc"
    assert set(table["selected_on"]) == {chooses}
    assert "SIIM-ISIC" in report(tmp_path / "out").read_text(encoding="utf-8")
