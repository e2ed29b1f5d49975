"""Doubtful labels: found from out-of-fold predictions with planted errors, listed, shown, and taken over."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import afield
from afield.base.errors import InputError
from afield.checking.doubtful import Doubts, describe_doubts, doubtful, write_list
from afield.checking.doubtful_page import render_doubts
from afield.cli import app
from afield.scoring.labels import label_array
from afield.scoring.predictions import Predictions
from afield.study.preparing.study_file import parse_study
from afield.study.record import StudyRecord
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.tasks.data import split_samples
from afield.tasks.reviewed import read_review
from tests.fixtures.records import make_record
from tests.fixtures.tiny import make_photos, study_text

Logits = Callable[[pd.DataFrame], npt.NDArray[np.float64]]
FOLDS = '[tasks.signs]\ntable = "labels.csv"\nfolds = 4\nfold = "all"\n'


def study_in(folder: Path, table: pd.DataFrame, own: str = FOLDS) -> Study:
    table.to_csv(folder / "labels.csv", index=False)
    return parse_study(study_text(Path("signs"), "grid", 1) + own, "signs.toml", folder)


def record_of(study: Study, logits: Logits) -> StudyRecord:
    """The record of a study with folds as if its networks had said that of their test samples."""
    base = make_record()
    frames, rows, tasks = [], [], []
    for fold in study.folds["signs"]:
        task = find_task(fold, study.tasks)
        table = split_samples(task, "clean")
        test = table[table["split"] == "test"]
        tasks.append(replace(base.tasks[0], name=fold, classes=task.classes, target=task.target))
        for seed in study.study.seeds:
            names = test["id"].to_numpy(np.str_)
            said = Predictions(
                task.classes, names, names, names, label_array(test["label"]), logits(test).astype(np.float32)
            )
            key = f"{fold}-{seed}"
            frames.append(said.to_frame(key=key, split="test", view="plain"))
            rows.append((fold, study.study.backbones[0], "plain", seed, key, "accuracy"))
    results = pd.DataFrame(rows, columns=["task", "backbone", "intervention", "seed", "key", "metric"])
    return replace(base, study=study, results=results, predictions=pd.concat(frames), tasks=tuple(tasks))


def planted(folder: Path, wrong: int = 12) -> tuple[Study, pd.DataFrame]:
    """300 samples of three classes, of which some have another's label; `true` says which they are."""
    generator = np.random.default_rng(3)
    table = pd.DataFrame({"path": [f"{number:03}.png" for number in range(300)]})
    table["true"] = [("a", "b", "c")[number % 3] for number in range(300)]
    table["label"] = table["true"]
    for row in generator.choice(300, wrong, replace=False):
        table.loc[row, "label"] = {"a": "b", "b": "c", "c": "a"}[table.loc[row, "true"]]
    for path in table["path"]:
        Image.fromarray(generator.integers(0, 255, (24, 24, 3), np.uint8)).save(folder / path)
    return study_in(folder, table), table.set_index("path")


def fairly_sure(table: pd.DataFrame) -> Logits:
    """A network that is right of nine in ten, whatever the label says."""
    true = table["true"]

    def logits(test: pd.DataFrame) -> npt.NDArray[np.float64]:
        generator = np.random.default_rng(len(test))
        said = generator.normal(0, 1.0, (len(test), 3))
        said[np.arange(len(test)), ["abc".index(true[name]) for name in test["id"]]] += 3.5
        return said

    return logits


@pytest.mark.slow
def test_planted_errors_are_on_the_list_and_little_else(tmp_path: Path) -> None:
    study, table = planted(tmp_path)
    found = doubtful(record_of(study, fairly_sure(table)))
    wrong = set(table.index[table["label"] != table["true"]])
    listed = [doubt.id for doubt in found.found]
    assert len(wrong & set(listed)) >= 11
    assert len(listed) <= 20
    assert (found.samples, found.folds, found.networks, found.intervention) == (300, 4, 2, "plain")
    confidences = [doubt.self_confidence for doubt in found.found]
    assert confidences == sorted(confidences)
    for doubt in found.found:
        assert doubt.label == table.loc[doubt.id, "label"]
        assert doubt.suggested != doubt.label
    right = [doubt for doubt in found.found if doubt.id in wrong and doubt.suggested == table.loc[doubt.id, "true"]]
    assert len(right) >= 11


@pytest.mark.slow
def test_a_list_is_read_by_what_takes_it_over_once_somebody_has_filled_it(tmp_path: Path) -> None:
    study, table = planted(tmp_path)
    found = doubtful(record_of(study, fairly_sure(table)))
    write_list(found, tmp_path / "list.csv")
    with pytest.raises(InputError, match="says neither drop nor relabel"):
        read_review("signs", tmp_path / "list.csv")
    write_list(found, tmp_path / "list.csv", "relabel")
    review = read_review("signs", tmp_path / "list.csv")
    assert review.relabelled == {doubt.id: doubt.suggested for doubt in found.found}
    told = describe_doubts(found, tmp_path / "list.csv", tmp_path / "list.html")
    assert "of 300 labels are doubtful" in told
    assert 'reviewed = { signs = "list.csv" }' in told


@pytest.mark.slow
def test_several_labels_are_doubted_one_by_one_where_they_are_known(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    has = generator.random((200, 2)) < 0.5
    table = pd.DataFrame({"path": [f"{number:03}.png" for number in range(200)]})
    for place, name in enumerate(("crack", "rust")):
        table[name] = has[:, place].astype(int).astype(str)
    truth = dict(zip(table["path"], has, strict=True))
    table.loc[5, "crack"] = "0" if has[5, 0] else "1"
    table.loc[6, "rust"] = ""
    for path in table["path"]:
        Image.fromarray(np.zeros((24, 24, 3), np.uint8)).save(tmp_path / path)
    study = study_in(tmp_path, table, FOLDS + 'labels = ["crack", "rust"]\n')

    def sure(test: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.array([np.where(truth[name], 4.0, -4.0) for name in test["id"]])

    (doubt,) = doubtful(record_of(study, sure)).found
    words = ["crack"] * bool(has[5, 0]) + ["rust"] * bool(has[5, 1])
    assert (doubt.id, doubt.suggested) == ("005.png", " + ".join(words) or "none of the classes")
    assert doubt.self_confidence == pytest.approx(1 / (1 + np.exp(4)))


@pytest.mark.slow
def test_the_page_shows_each_picture_with_both_labels_and_runs_nothing(tmp_path: Path) -> None:
    study, table = planted(tmp_path)
    found: Doubts = doubtful(record_of(study, fairly_sure(table)))
    (tmp_path / found.found[0].image).unlink()
    page = render_doubts(found)
    assert page.count("<img") == len(found.found) - 1
    assert page.count("cannot be read") == 1
    assert "<script" not in page
    assert re.search(r"default-src &#39;none&#39;|default-src 'none'", page)
    assert render_doubts(replace(found, title="<b>x")).count("&lt;b&gt;x") == 2


@pytest.mark.slow
def test_what_has_no_out_of_fold_predictions_is_told_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no task of this study is divided into folds; give the task folds = 5 and"):
        doubtful(make_record())
    study, table = planted(tmp_path)
    record = record_of(study, fairly_sure(table))
    with pytest.raises(InputError, match="other: no such task in this study"):
        doubtful(record, "other")
    with pytest.raises(InputError, match="no backbone has been scored on all of its 4 folds yet"):
        doubtful(replace(record, results=record.results[record.results["task"] != "signs-fold1"]))
    study_in(tmp_path, table.reset_index().assign(label=lambda rows: rows["label"].where(rows.index > 0, "b")))
    with pytest.raises(InputError, match=r"signs: 000\.png: is gone or has another label"):
        doubtful(record)


@pytest.mark.slow
def test_a_study_with_folds_gives_a_list_that_another_study_takes(tmp_path: Path) -> None:
    """From photographs to the list by the command, and back into a training."""
    make_photos(tmp_path / "photos")
    own = '[tasks.signs]\nfolder = "photos"\nfolds = 3\nfold = "all"\n'
    text = study_text(Path("signs"), "grid", 1).replace("[0, 1]", "[0]").replace(", 1e-3, 3e-3, 1e-2]", "]")
    study = parse_study(text + own, "signs.toml", tmp_path)
    assert afield.run_study(study, tmp_path / "out").complete
    to = tmp_path / "list.csv"
    done = CliRunner().invoke(app, ["labels", str(tmp_path / "out"), "--to", str(to), "--action", "drop"])
    assert done.exit_code == 0, done.output
    assert "of 40 labels are doubtful" in done.output
    assert (tmp_path / "list.html").is_file()
    listed = pd.read_csv(to)
    if listed.empty:  # networks of one epoch that are sure of nothing: a row by hand, as a reader may add one
        listed = pd.DataFrame({"id": ["cold/000.png"], "label": ["cold"], "suggested": ["warm"], "action": ["drop"]})
        listed.to_csv(to, index=False)
    cleaned = '[interventions.cleaned]\nreviewed = { signs = "list.csv" }\n'
    both = parse_study(
        text.replace("seeds", 'interventions = ["plain", "cleaned"]\nseeds') + own + cleaned, "b.toml", tmp_path
    )
    assert afield.run_study(both, tmp_path / "out").complete
    made = [afield.load_record(tmp_path / "out").task(f"signs-fold{fold}").training["cleaned"] for fold in range(3)]
    assert all(each.reviewed is not None for each in made)
    assert sum(each.reviewed.dropped for each in made if each.reviewed) == len(listed)  # each trains in one fold of 3
