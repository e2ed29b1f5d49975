"""Further test splits, views, ensembles and folds, from the study file to the results table, and to new pictures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import afield
from afield.analysis.fitting.points import rows_to_fit
from afield.base.errors import InputError
from afield.scoring.combine import combined
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.collecting.collect import load_record
from afield.study.networks.ensemble import Ensemble
from afield.study.networks.network import Network
from afield.study.preparing.misfits import misfits
from afield.study.preparing.study_file import parse_study
from afield.study.split_view import TEST, SplitView, wanted_of
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.winner import load_predictor
from tests.fixtures.tiny import make_photos

HEAD = """
[study]
name = "joined"
tasks = ["photos"]
backbones = ["squeezenet1_1.caffe_in1k"]
seeds = [0, 1]
views = ["plain", "flips"]

[recipe]
initialisation = "scratch"
image_size = 32
epochs = 2
batch_size = 8
learning_rate = 3e-3

[search]
method = "grid"
"""
ENSEMBLES = """
[ensembles.seeds]
over = ["seeds"]

[ensembles.ranks]
over = ["seeds"]
mean = "ranks"
"""
TABLE = """
[tasks.photos]
table = "{table}"
split = "part"
"""
FOLDS = """
[tasks.photos]
table = "{table}"
folds = 3
fold = "all"
"""
NIGHT = SplitView("test-night")


def study(table: Path, text: str) -> Study:
    return parse_study(HEAD + ENSEMBLES + text.format(table=table.as_posix()), "joined.toml")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes; those of the night are darker."""
    folder = tmp_path_factory.mktemp("photos")
    make_photos(folder, images=24)
    rows = []
    for label in ("cold", "warm"):
        for number, path in enumerate(sorted((folder / label).iterdir())):
            part = ("train", "val", "test", "Test-Night")[min(number // 8, 2) + (number >= 20)]
            if part == "Test-Night":
                Image.open(path).point(lambda value: value // 3).save(path)
            rows.append((f"{label}/{path.name}", label, part))
    pd.DataFrame(rows, columns=["path", "label", "part"]).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def say_again(network: Network | Ensemble, measured: Predictions, table: Path) -> None:
    """What a network, or several, say of the pictures of a split is what was measured."""
    logits = network.logits([table.parent / sample for sample in measured.sample])
    np.testing.assert_allclose(logits, measured.logits, rtol=0, atol=1e-5)
    assert np.ptp(logits, axis=0).min() > 1e-4, "the pictures can be told apart"


def said(store: Store, key: str, at: SplitView, classes: tuple[str, ...]) -> Predictions:
    return Predictions.from_frame(store.scores.predictions(key, at, classes), classes)


@pytest.mark.slow
def test_what_is_chosen_is_scored_on_all_that_the_study_asks_for(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    assert afield.run_study(study(table, TABLE), out, slots=2).complete
    record, rows = load_record(out), afield.results(out)
    store = Store.open(out)
    keys = [trial.key for trial in record.searches[0].repeats]
    task = record.task("photos")
    assert task.extra_splits == ("test-night",)
    assert task.sizes == {"train": 16, "validation": 16, "test": 8, "test-night": 8}

    single = rows[(rows["metric"] == "auroc") & (rows["kind"] == "single")]
    assert sorted(zip(single["split"], single["view"], single["seed"], strict=True)) == [
        (split, view, seed) for split in ("test", "test-night") for view in ("flips", "plain") for seed in (0, 1)
    ]
    together = rows[(rows["metric"] == "auroc") & (rows["kind"] == "ensemble")]
    assert sorted(zip(together["joined"], together["split"], together["view"], strict=True)) == [
        (name, split, view)
        for name in ("ranks", "seeds") for split in ("test", "test-night") for view in ("flips", "plain")
    ]  # fmt: skip
    assert together["seed"].isna().all()
    assert set(rows.loc[rows["joined"] == "ranks", "metric"]) == {"auroc", "average_precision"}

    # none of it leads anything
    assert set(record.results["split"]) == {"test"}
    assert set(record.results["view"]) == {"plain"}
    assert set(record.results["kind"]) == {"single"}
    pretrained = rows.assign(initialisation="pretrained")
    assert len(rows_to_fit(pretrained, "plain")) == (record.results["direction"] == "higher").sum()

    # each number is what the stored predictions say
    members = [said(store, key, NIGHT, task.classes) for key in keys]
    row = together[
        (together["joined"] == "seeds") & (together["split"] == "test-night") & (together["view"] == "plain")
    ]
    assert row["value"].item() == METRICS["auroc"].compute(combined(members))
    assert np.isfinite(row[["low", "high"]].to_numpy(dtype=float)).all()
    assert (out / "joined" / row["key"].item() / "test-night--plain" / "metrics.json").exists()

    # what is measured can be used
    for view in ("plain", "flips"):
        at = SplitView("test", view)
        each = [said(store, key, at, task.classes) for key in keys]
        say_again(afield.load_network(out, keys[0], view=view), each[0], table)
        ensemble = afield.load_ensemble(out, row["key"].item(), view=view)
        say_again(ensemble, combined(each), table)
        assert [member.key for member in ensemble.members] == keys
    with pytest.raises(InputError, match="dihedral: turns and mirrors pictures, and the task's flips do not allow"):
        afield.load_network(out, keys[0], view="dihedral")
    ranks = together.loc[together["joined"] == "ranks", "key"].iloc[0]
    with pytest.raises(InputError, match="ranks is a mean of ranks, which orders the pictures of a split and says not"):
        afield.load_ensemble(out, ranks)
    with pytest.raises(InputError, match=f"no ensemble and no folds have the key {keys[0]}"):
        afield.load_ensemble(out, keys[0])
    with pytest.raises(
        InputError, match="no training, soup, ensemble or folds have the key 0123 and all their networks"
    ):
        load_predictor(out, "0123")

    # each read of a test split is noted once, validation is none
    reads = [json.loads(line) for line in (out / "test_reads.jsonl").read_text().splitlines()]
    assert len(reads) == record.test_reads == 8
    assert {(read["split"], read["view"]) for read in reads} == {
        (split, view) for split in ("test", "test-night") for view in ("plain", "flips")
    }

    # what went is made again, and nothing else
    lost = store.scores.folder(keys[1], SplitView("test-night", "flips"))
    before = (lost / "predictions.parquet").read_bytes()
    (lost / "result.json").write_text("{")
    assert afield.run_study(study(table, TABLE), out, slots=2).complete
    assert (lost / "predictions.parquet").read_bytes() == before
    assert Store.open(out).scores.reads() == 9
    pd.testing.assert_frame_equal(afield.results(out), rows)


@pytest.mark.slow
def test_all_folds_of_a_task_are_one_row(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(study(table, FOLDS), out, slots=2).complete
    record, rows = load_record(out), afield.results(out)
    names = [f"photos-fold{fold}" for fold in range(3)]
    assert [task.name for task in record.tasks] == names
    assert set(record.results["kind"]) == {"fold"}
    joined = rows[(rows["kind"] == "folds") & (rows["metric"] == "accuracy") & (rows["view"] == "plain")]
    assert joined["task"].tolist() == 2 * ["photos"]
    assert joined["seed"].tolist() == [0, 1]
    assert joined["n_test"].tolist() == [48, 48]  # every sample once
    members = record.results[(record.results["metric"] == "accuracy") & (record.results["seed"] == 0)]
    right = (members["value"] * members["n_test"]).sum()
    assert joined["value"].iloc[0] == pytest.approx(right / 48)
    tested = [set(said(Store.open(out), key, TEST, record.tasks[0].classes).sample.tolist()) for key in members["key"]]
    assert not set.intersection(*tested)
    ensemble = afield.load_ensemble(out, joined["key"].iloc[0])
    keys = [search.repeats[0].key for search in record.searches]
    files = sorted((table.parent / "warm").iterdir())
    each = [afield.load_network(out, key).predict(files)["p_warm"] for key in keys]
    np.testing.assert_allclose(ensemble.predict(files)["p_warm"], np.mean(each, axis=0), rtol=0, atol=1e-6)
    assert sorted(ensemble.validation.sample.tolist()) == sorted(set.union(*tested)), "each network's own part"


def test_plain_test_comes_first_and_validation_before_what_it_settles() -> None:
    assert wanted_of(["flips"], []) == (TEST, SplitView("validation", "flips"), SplitView("test", "flips"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[ensembles.a]\nover = ["seeds"]\nseeds = [0, 7]', r"ensembles\.a\.seeds: 7: not among study\.seeds"),
        ('[ensembles.a]\nover = ["backbones"]', r"ensembles\.a: joins backbones, of which there is one alone"),
        ('[ensembles.a]\nover = ["seeds", "seeds"]', r"ensembles\.a\.over: one stands twice; name each once"),
        ('[ensembles.a]\nover = ["sizes"]', r"ensembles\.a\.over"),
        ('[ensembles.a]\nover = ["seeds"]\nmean = "medians"', r"ensembles\.a\.mean"),
        ('[tasks.b]\ntable = "b.csv"\nfold = "all"', r"tasks\.b\.fold: all: of how many\? Give folds"),
    ],
)
def test_what_a_study_cannot_join_is_told_before_anything_runs(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_study(HEAD + text, "joined.toml")


def test_ranks_of_many_classes_are_refused_before_anything_runs() -> None:
    """Two classes have one order of samples, and of several labels each has its own."""
    study = parse_study(HEAD + '[ensembles.a]\nover = ["seeds"]\nmean = "ranks"', "joined.toml")
    tasks = {name: find_task(name) for name in ("eurosat", "elpv", "hpa2018", "aptos2019")}
    told = [line for line in misfits(study, tasks, {}, {}) if line.startswith("ensembles")]
    assert told == [
        f"ensembles.a: mean = ranks orders samples by one class, and {name} has {classes} to choose from; take mean = "
        "probabilities"
        for name, classes in (("eurosat", 10), ("aptos2019", 5))
    ]


SIZES = """
[study]
name = "sizes"
tasks = ["photos"]
backbones = ["squeezenet1_1.caffe_in1k"]
interventions = ["plain", "larger"]

[tasks.photos]
table = "{table}"
split = "part"

[recipe]
initialisation = "scratch"
image_size = 64
epochs = 1
batch_size = 8

[interventions.larger]
image_size = 96

[ensembles.sizes]
over = ["interventions"]
"""


@pytest.mark.slow
def test_two_image_sizes_are_one_ensemble(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(parse_study(SIZES.format(table=table.as_posix()), "sizes.toml"), out, slots=2).complete
    record, rows = load_record(out), afield.results(out)
    single = record.results[record.results["metric"] == "auroc"]
    assert dict(zip(single["intervention"], single["image_size"], strict=True)) == {"plain": 64, "larger": 96}
    row = rows[(rows["joined"] == "sizes") & (rows["metric"] == "auroc") & (rows["split"] == "test")]
    assert row["intervention"].item() == "plain + larger"
    assert row["image_size"].isna().item()
    members = [said(Store.open(out), key, TEST, record.task("photos").classes) for key in single["key"]]
    assert row["value"].item() == METRICS["auroc"].compute(combined(members))
    say_again(afield.load_ensemble(out, row["key"].item()), combined(members), table)
