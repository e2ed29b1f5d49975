"""How near the truth `afield plan` comes: three small real studies, planned and then run, each with its own cache.

    python benchmarks/plan.py [--data /tmp/data] [--weights FOLDER] [--only elpv]

elpv comes with the quickstart's packages, and so do the backbones. Of EuroSAT (folder `2750`) and HAM10000 what is
below --data is used; what is not there is said and left out. Each study takes three to six minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.base.text import columns
from afield.study.duration import told
from afield.study.forecasting.forecast import Forecast, forecast
from afield.study.preparing.study_file import parse_study
from afield.study.running.run import run_study
from afield.study.study import Study

SMALL = ["squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k"]
STUDY = """
[study]
name = "{name}"
tasks = ["{task}"]
backbones = {backbones}
seeds = {seeds}
[recipe]
image_size = 64
epochs = {epochs}
batch_size = 32
[search]
rungs = [1, {epochs}]
[search.grid]
learning_rate = [1e-4, 1e-3, 1e-2]
"""
PART = """
[tasks.{task}_part]
task = "{task}"
share = {share}
"""
STUDIES = {
    "elpv": STUDY.format(name="elpv", task="elpv", backbones=SMALL, seeds=[0, 1], epochs=4),
    "eurosat": STUDY.format(name="eurosat", task="eurosat_part", backbones=SMALL, seeds=[0, 1], epochs=3)
    + PART.format(task="eurosat", share=0.1),
    "ham10000": STUDY.format(name="ham10000", task="ham10000_part", backbones=SMALL, seeds=[0], epochs=3)
    + PART.format(task="ham10000", share=0.4),
}


def planned(study: Study, folder: Path, sources: Sources, data: Path) -> Forecast:
    """A study's forecast, its speeds measured. Raises InputError where something is missing."""
    found = forecast(study, folder / "out", sources=sources, data=data, cache=folder / "cache", say=print)
    if not found.whole:
        raise InputError("; ".join([*found.against, *(each.words for each in found.missing)]))
    return found


def main() -> None:
    """Plan, run, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("/tmp/data"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--only", choices=STUDIES, action="append")
    asked = parser.parse_args()
    rows = []
    for name in asked.only or STUDIES:
        study = parse_study(STUDIES[name], f"{name}.toml")
        with tempfile.TemporaryDirectory(prefix="afield-plan-") as scratch:
            folder = Path(scratch)
            os.environ["AFIELD_CACHE"] = str(folder / "cache")
            since = time.perf_counter()
            try:
                found = planned(study, folder, Sources(asked.weights, offline=True), asked.data)
            except InputError as error:
                print(f"{name}: left out: {error}")
                continue
            planning, since = time.perf_counter() - since, time.perf_counter()
            outcome = run_study(study, folder / "out", weights=asked.weights, offline=True, data=asked.data)
            truth = time.perf_counter() - since
        if not outcome.complete:
            print(f"{name}: {outcome.failed} trainings failed, so its time says little")
        seconds = found.seconds
        inside = "yes" if seconds.low <= truth <= seconds.high else "no"
        between = f"{told(seconds.low)} to {told(seconds.high)}"
        row = (
            name,
            told(planning),
            told(seconds.middle),
            between,
            told(truth),
            f"{seconds.middle / truth:.2f}",
            inside,
        )
        rows.append(row)
        print(columns(rows, ("study", "planning", "estimate", "interval", "truth", "estimate / truth", "inside")))


if __name__ == "__main__":
    main()
