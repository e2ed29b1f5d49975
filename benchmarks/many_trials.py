"""A result folder of 30,000 finished trials: how long do `run` with nothing left to do, `status` and `table` take?

    python benchmarks/many_trials.py [--folder DIR] [--tasks 18] [--repeats 3]

Makes 18 tasks of forty tiny pictures and a study on them: 19 backbones under four ways of training, a grid of 20 cells
and three seeds, so 1,368 searches and, with the repeats of each choice, 30,096 trainings of 30 epochs. Nothing is
trained: what trainings would have left is written by the store's own functions, with numbers from a generator, small
predictions and empty networks. Then each command runs as a process of its own, once to make what it derives, then
`--repeats` times; medians are shown beside the goals, and seconds of processor time, which company on the machine
lengthens less than those by the clock. With `--folder` a folder that was made before is used again.

Writing takes minutes and about a gigabyte; it skips the flushing of each file to the disk, which the commands that are
timed do not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from PIL import Image

from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.measured import Measured, measured, source_of, write_measured
from afield.study.plan import Plan
from afield.study.preparing.inputs import write_task
from afield.study.preparing.make_plan import plan_of
from afield.study.preparing.needs import gather
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import load_study
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.tasks.data import TaskData
from afield.trial.trial import Trial

EPOCHS = 30
GOALS = {"run": 3.0, "status": 1.0, "table": 5.0}
"""seconds"""
MEMORY = 1024
"""MiB at most, of each"""

STUDY = """
[study]
name = "many"
tasks = [{tasks}]
backbones = [
    "vgg11.tv_in1k", "vgg13.tv_in1k", "vgg16.tv_in1k", "resnet18.tv_in1k", "resnet34.tv_in1k",
    "resnet50.tv_in1k", "resnet101.tv_in1k", "resnet152.tv_in1k", "resnext50_32x4d.tv_in1k", "wide_resnet50_2.tv_in1k",
    "densenet121.tv_in1k", "densenet161.tv_in1k", "densenet169.tv_in1k", "mobilenetv3_large_100.ra_in1k",
    "tf_efficientnet_lite0.in1k", "tf_efficientnet_lite1.in1k", "tf_efficientnet_lite2.in1k", "resnetv2_50.a1h_in1k",
    "mixnet_s.ft_in1k",
]
interventions = ["plain", "smooth", "step", "warm"]
seeds = [0, 1, 2]

[recipe]
initialisation = "scratch"  # no weights are needed to plan it
epochs = {epochs}

[search]
method = "grid"
[search.grid]
learning_rate = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3]
weight_decay = [0.0, 1e-5, 1e-4, 1e-3]

[interventions.smooth]
label_smoothing = 0.1
[interventions.step]
schedule = "step"
milestones = [15, 20, 25]
[interventions.warm]
warmup_epochs = 3
"""


def make_study(folder: Path, tasks: int) -> Path:
    """Write tiny pictures and the study on them."""
    generator = np.random.default_rng(0)
    names = []
    for number in range(tasks):
        task = folder / "data" / f"task{number:02}"
        for label in ("one", "two"):
            (task / label).mkdir(parents=True)
            for picture in range(20):
                pixels = generator.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(task / label / f"{picture:02}.png")
        names.append(f'"{task.as_posix()}"')
    path = folder / "many.toml"
    path.write_text(STUDY.format(tasks=", ".join(names), epochs=EPOCHS), encoding="utf-8")
    return path


def fill(study: Path, out: Path, cache: Path) -> int:
    """Write what a run of the study would have left; gives how many trainings that is."""
    content, store = load_study(study), Store.create(out)
    plan = plan_of(content, gather(content, cache), settle_numerics(content.numerics, out))
    for data in plan.tasks.values():
        write_task(store, data)
    done, known = 0, dict[str, dict[str, Measured]]()
    for search in plan.searches:
        luck = random.Random(search.name)
        for trial in search.cells:
            train(store, plan, trial, luck.gauss(0.6, 0.1), luck)
        best = max(search.cells, key=lambda cell: store.read(cell.key).history[-1]["validation"])
        repeats = search.repeats(search.cells.index(best))
        for trial in repeats[1:]:
            train(store, plan, trial, luck.gauss(0.6, 0.1), luck)
        for trial in repeats:
            store.write_network(trial.key, b"no network", {"key": trial.key})
            evaluate(store, plan, trial, luck, known.setdefault(trial.task, {}))
        done += len(search.cells) + len(repeats) - 1
        print(f"\r{done:,} trainings written", end="", file=sys.stderr)
    print(file=sys.stderr)
    return done


def train(store: Store, plan: Plan, trial: Trial, skill: float, luck: random.Random) -> None:
    """Write a finished training whose validation metric rises towards `skill`."""
    rows = [
        {
            "epoch": epoch,
            "images_per_second": luck.uniform(100, 200),
            "learning_rate": trial.recipe.learning_rate * (1 - epoch / EPOCHS),
            "seconds": luck.uniform(1, 2),
            "train_loss": luck.random(),
            "validation": min(1.0, max(0.0, skill * epoch / EPOCHS)),
            "validation_loss": luck.random(),
        }
        for epoch in range(1, EPOCHS + 1)
    ]
    store.begin(trial)
    store.write_history(trial.key, rows)
    result = {
        "key": trial.key,
        "best_epoch": EPOCHS,
        "validation": rows[-1]["validation"],
        "validation_loss": rows[-1]["validation_loss"],
        "epochs": EPOCHS,
        "seconds": sum(row["seconds"] for row in rows),
        "platform": {"cpu": "a processor", "device": "cpu", "numpy": "2", "torch": "2"},
        "machine": "a machine (x86_64)",
    }
    store.finish(trial.key, guesses(plan, trial, "validation", luck), result)


def evaluate(store: Store, plan: Plan, trial: Trial, luck: random.Random, known: dict[str, Measured]) -> None:
    """Write a score on test with its metrics; those of a task's first network stand in for all, since they take a
    second each.
    """
    validation, test = (guesses(plan, trial, split, luck) for split in ("validation", "test"))
    store.scores.log_read(trial.key, TEST)
    store.scores.write(trial.key, TEST, test)
    store.scores.seal(trial.key, TEST, {"key": trial.key})
    for name in plan.tasks[trial.task].task.metrics:
        if name not in known:
            known[name] = measured(METRICS[name], validation, test)
    place = store.scores.folder(trial.key) / "metrics.json"
    write_measured(place, source_of(store, trial.key, TEST), known)


def guesses(plan: Plan, trial: Trial, split: str, luck: random.Random) -> Predictions:
    """Predictions of a split that are right more often than not."""
    names, labels = samples(plan.tasks[trial.task], split)
    noise = np.random.default_rng(luck.getrandbits(32)).normal(size=(len(labels), len(trial.classes)))
    return Predictions(trial.classes, names, names, names, labels, (noise + np.eye(2)[labels]).astype(np.float32))


@lru_cache
def samples(data: TaskData, split: str) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    """Ids and labels of a split."""
    table = data.samples(split)
    return table["id"].to_numpy(dtype=np.str_), table["label"].to_numpy(dtype=np.int64)


_TIMED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, done.stderr, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""a process of its own, small: the peak of a child counts what its parent has at that moment"""


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds by the clock, seconds of processor time and peak memory (MiB) of a command; its output goes nowhere."""
    told = subprocess.run([sys.executable, "-c", _TIMED, *command], stdout=subprocess.PIPE, text=True, check=True)
    code, said, seconds, busy, memory = json.loads(told.stdout)
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}: {said}")
    return seconds, busy, memory


def main() -> None:
    """Make the folder where it is missing, time the commands and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--tasks", type=int, default=18)
    parser.add_argument("--repeats", type=int, default=3)
    choice = parser.parse_args()
    folder = choice.folder or Path(tempfile.mkdtemp(prefix="many-trials-"))
    out, study = folder / "out", folder / "many.toml"
    os.environ["AFIELD_CACHE"] = str(folder / "cache")
    if not study.exists():
        began = time.perf_counter()
        flush, os.fsync = os.fsync, lambda fd: None  # of 300,000 small files; see above
        done = fill(make_study(folder, choice.tasks), out, folder / "cache")
        os.fsync = flush
        print(f"{folder}: {done:,} finished trainings, written in {time.perf_counter() - began:.0f} s")
    afield = [sys.executable, "-m", "afield"]
    commands = {
        "run": [*afield, "run", str(study), "--out", str(out)],
        "status": [*afield, "status", str(out)],
        "table": [*afield, "table", str(out)],
    }
    heads = f"{'first, s':>10}{'then, s':>10}{'goal, s':>10}{'processor, s':>15}{'memory, MiB':>14}{'goal, MiB':>12}"
    print(f"{'command':10}{heads}")
    for name, command in commands.items():
        first, *_ = timed(command)
        found = [timed(command) for _ in range(choice.repeats)]
        seconds, busy, memory = (median(each) for each in zip(*found, strict=True))
        print(f"{name:10}{first:10.2f}{seconds:10.2f}{GOALS[name]:10.1f}{busy:15.2f}{memory:14.0f}{MEMORY:12}")


if __name__ == "__main__":
    main()
