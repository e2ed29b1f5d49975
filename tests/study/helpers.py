"""Run the tiny study, here or as a command, and compare what came of it; write what trainings would have left."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch.multiprocessing

import afield
from afield.base.files import TEMPORARY
from afield.scoring.predictions import Predictions
from afield.study.inspecting.state import read_state
from afield.study.inspecting.state_words import describe_state, more_words
from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.ready import path_of, sources_of
from afield.study.running.standing import Silent, Standing
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.places import cache_folder
from afield.trial.trial import Trial
from tests.fixtures.plans import make_plan

COSTS = ["train_seconds", "search_seconds", "predict_ms", "predict_mb", "machine"]


class Impatient(Silent):
    """Presses Ctrl-C when so many trainings are done."""

    def __init__(self, done: int) -> None:
        self.left = done

    def standing(self, standing: Standing) -> None:
        if standing.done >= self.left:
            self.left = 1_000
            os.kill(os.getpid(), signal.SIGINT)


def start(study: Path, out: Path, slots: int = 2) -> subprocess.Popen[str]:
    """`afield run` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "afield", "run", str(study), "--out", str(out), "--slots", str(slots)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=dict(os.environ),
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; exit code, output, errors."""
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def run_apart(study: Path, out: Path) -> int:
    """`run_study` in a process of its own whose workers are of its group, all of them forks of one that has imported
    what they import; its exit code, the negative number of the signal that killed it.
    """
    (code,) = run_at_once(study, out, 1)
    return code


def run_at_once(study: Path, out: Path, number: int) -> list[int]:
    """So many of these at once on one folder; their exit codes. Each adds a line to OUT.epochs: how many it trained."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_run_as_a_group, args=(study, out)) for _ in range(number)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [int(process.exitcode or 0) for process in processes]


def _run_as_a_group(study: Path, out: Path) -> None:
    os.setsid()
    fork = multiprocessing.get_context("fork")
    multiprocessing.get_context = torch.multiprocessing.get_context = lambda method=None: fork  # type: ignore[assignment]
    outcome = afield.run_study(study, out, slots=1)
    assert outcome.complete
    with out.with_name(f"{out.name}.epochs").open("a") as stream:
        stream.write(f"{outcome.epochs}\n")


def table(out: Path) -> pd.DataFrame:
    """The results table without its cost columns."""
    return afield.results(out).drop(columns=COSTS)


def predictions(out: Path) -> dict[str, pd.DataFrame]:
    """Every predictions table in the folder, by its path."""
    return {str(path.relative_to(out)): pd.read_parquet(path) for path in sorted(out.rglob("predictions.parquet"))}


def assert_same(one: Path, other: Path) -> None:
    """Table and all predictions equal, bit for bit."""
    pd.testing.assert_frame_equal(table(one), table(other), check_exact=True)
    mine, theirs = predictions(one), predictions(other)
    assert mine.keys() == theirs.keys()
    for path, frame in mine.items():
        pd.testing.assert_frame_equal(frame, theirs[path], check_exact=True)


def whole_state(out: Path) -> str:
    """What `afield status` prints."""
    state = read_state(out)
    return describe_state(state, out, more_words(out, state))


def assert_tidy(out: Path) -> None:
    """No temporary file, claim or checkpoint is left behind."""
    left = [path for path in out.rglob("*") if path.name.startswith(TEMPORARY) or path.name == "checkpoint.pt"]
    left += list((out / "claims").glob("*.json")) + list((out / "runs").glob("*.json"))
    assert left == [], left
    Store.open(out)


def train(store: Store, trial: Trial, until: int, least: float = 0.0) -> None:
    """Write what a training up to that epoch would leave; its metrics depend on the trial alone."""
    luck = random.Random(trial.key)
    rows = [
        {"epoch": n, "validation": least + luck.random(), "validation_loss": 0.5, "seconds": 2.0}
        for n in range(1, trial.recipe.epochs + 1)
    ]
    store.begin(trial)
    store.write_history(trial.key, rows[:until])
    store.checkpoint(trial.key).write_bytes(b"state")
    if until == trial.recipe.epochs:
        store.weights(trial.key).write_bytes(b"network")
        store.finish(trial.key, said(trial), {"key": trial.key, "platform": {}})


def said(trial: Trial) -> Predictions:
    names = np.array(["a", "b"])
    return Predictions(trial.classes, names, names, names, np.array([0, 1]), np.eye(2, dtype=np.float32))


def check_ready(
    study: Study, *, weights: Path | None = None, offline: bool = False, data: str | Path | None = None
) -> Plan:
    """The plan of a study; nothing is downloaded. Raises InputError that lists all that is missing."""
    numerics = settle_numerics(study.numerics, None, study.study.protocol)
    sources = sources_of(weights, offline=offline)
    return make_plan(study, numerics, cache_folder(), sources, path_of(data), download=False)
