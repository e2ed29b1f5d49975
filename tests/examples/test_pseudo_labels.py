"""The example of pseudo-labels: two studies and a script between them, and no picture that selects or tests teaches."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import afield
from afield.base.errors import InputError
from afield.base.extensions import load_extension
from afield.study.preparing.changes import with_settings
from afield.study.preparing.study_file import load_study

EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "pseudo_labels"
SMALL = ["recipe.epochs=3", 'recipe.initialisation="scratch"', "recipe.image_size=32", "recipe.batch_size=8"]
SMALL += ["study.seeds=[0]", "search.grid.learning_rate=[3e-3]"]


def pictures(folder: Path, name: str, number: int, generator: np.random.Generator) -> list[str]:
    """Dark ones (even) and bright ones (odd)."""
    names = [f"{name}/{index:02d}.png" for index in range(number)]
    (folder / name).mkdir()
    for index, path in enumerate(names):
        pixels = generator.integers(0, 100, size=(36, 36, 3)) + 150 * (index % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / path)
    return names


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with data, and a first study run in it."""
    place = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("pseudo") / "example"))
    generator = np.random.default_rng(0)
    known, unknown = pictures(place, "known", 60, generator), pictures(place, "unknown", 20, generator)
    labels = ["dark" if index % 2 == 0 else "bright" for index in range(60)]
    groups = [f"patient-{index // 4}" for index in range(60)]
    pd.DataFrame({"path": known, "label": labels, "group": groups}).to_csv(place / "labelled.csv", index=False)
    new = [f"patient-{100 + index}" for index in range(20)]
    pd.DataFrame({"path": unknown, "group": new}).to_csv(place / "unlabelled.csv", index=False)
    for name in ("first.toml", "second.toml"):
        text = (place / name).read_text()
        assert text.count('\n# group = "group"') == 1
        (place / name).write_text(text.replace("# group =", "group ="))
    afield.run_study(with_settings(load_study(place / "first.toml"), SMALL), place / "out")
    return place


@pytest.mark.slow
def test_a_second_study_learns_from_what_the_first_was_sure_of(
    taught: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(taught)
    monkeypatch.setattr(sys, "argv", ["pseudo_labels.py", "out", "."])
    runpy.run_path("pseudo_labels.py", run_name="__main__")
    said = capsys.readouterr().out
    table = pd.read_csv(taught / "pseudo.csv")
    assert 0 < len(table) <= 20, "the classes are easy to tell"
    assert set(table["path"].str.split("/").str[0]) == {"unknown"}
    assert table["weight"].between(0.9, 1).all()
    truth = np.where(table["path"].str[-6:-4].astype(int) % 2 == 0, "dark", "bright")
    assert (table["label"] == truth).mean() > 0.8
    assert said == f"pseudo.csv: {len(table)} of 20 unlabelled pictures got a label\n"

    study = with_settings(load_study(taught / "second.toml"), SMALL)
    assert afield.run_study(study, taught / "out").complete
    results = afield.results(taught / "out", study="second").set_index("intervention")
    assert set(results.index) == {"plain", "pseudo"}
    assert results["n_test"].nunique() == 1
    again = set(results.loc[["plain"], "key"])
    assert again == set(afield.results(taught / "out", study="first")["key"]), "nothing is trained twice"
    tables = [pd.read_parquet(each) for each in sorted((taught / "out" / "tasks").glob("labelled-*/samples.parquet"))]
    plain, more = sorted(tables, key=len)
    for split in ("validation", "test"):
        assert set(plain.loc[plain["split"] == split, "id"]) == set(more.loc[more["split"] == split, "id"]), split
    added = more[~more["id"].isin(plain["id"])]
    assert len(added) == len(table)
    assert set(added["split"]) == {"train"}
    assert (added["weight"] < 1).any()


@pytest.mark.slow
def test_a_teacher_that_is_sure_of_nothing_is_told_with_the_mend(taught: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pseudo_labels.py", str(taught / "out"), str(taught), "1.1"])
    with pytest.raises(SystemExit, match=r"of no picture is the teacher 1\.1 sure, .* [01]\.\d+; name a lower"):
        runpy.run_path(str(taught / "pseudo_labels.py"), run_name="__main__")


@pytest.mark.slow
def test_pictures_that_select_or_test_are_refused(taught: Path) -> None:
    script = load_extension(taught / "pseudo_labels.py").objects["pseudo_table"]
    assert callable(script)
    whole = pd.read_csv(taught / "unlabelled.csv")
    samples = pd.read_parquet(next((taught / "out" / "tasks").glob("labelled-*/samples.parquet")))
    held = samples.loc[samples["split"] == "test", ["image", "group"]].iloc[0]
    shutil.copy(taught / held["image"], taught / "unknown" / "copy.png")
    broken = {
        "unknown/copy.png .* is a labelled picture": pd.DataFrame({"path": ["unknown/copy.png"], "group": ["new"]}),
        "unknown/00.png .* is of a group that selects or tests": whole.head(1).assign(group=held["group"]),
        "has no column group": whole[["path"]],
    }
    try:
        for words, table in broken.items():
            table.to_csv(taught / "unlabelled.csv", index=False)
            with pytest.raises(InputError, match=words):
                script(taught / "out", taught)
    finally:
        whole.to_csv(taught / "unlabelled.csv", index=False)
