"""Does training wait for its images? Step rate with real data over the step rate with one resident synthetic batch,
one thread a trial.

    python benchmarks/step_rate.py [--size 64] [--batch 32] [--seconds 10]

Needs the quickstart's packages. The ratio should be at least 0.95: the loader costs at most a twentieth of a step.
The two loops alternate, so that a machine that slows down slows both. On a CPU the same ratio is given by the process's
own CPU time too, which other programs disturb less than the clock.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator
from statistics import median

import torch

from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.images.batch import Batch
from afield.images.loader import TrainingBatches, load
from afield.images.prepared import prepare
from afield.images.rule import train_rule
from afield.study.engines.job import SplitPaths
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task
from afield.tasks.places import cache_folder
from afield.training.device import available_devices, place, settle_process
from afield.training.learner import Learner
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe

BACKBONES = ("squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k", "tf_efficientnet_lite2.in1k")
ROUNDS = 7
ENOUGH = 1000
"""epochs that no run uses up"""


def batches_of(size: int, batch: int, row: Backbone) -> TrainingBatches:
    """The training batches of the solar cells."""
    data = load_task(find_task("elpv"), "clean", cache_folder())
    images = data.table.loc[data.table["split"] == "train", "image"].tolist()
    folder = prepare(
        data.root,
        images,
        [data.hashes[i] for i in images],
        train_rule(size),
        cache_folder(),
        os.cpu_count() or 1,
        lambda done, total: None,
    )
    samples = cache_folder() / "step_rate.parquet"
    data.table.to_parquet(samples)
    split = SplitPaths(samples, "train", folder).open()
    return TrainingBatches(split.samples(), size, row.interpolation, batch, 0, "paper", ("horizontal", "vertical"))


def rate(step: Callable[[Batch], torch.Tensor], batches: Iterator[Batch], seconds: float) -> tuple[float, float]:
    """Steps a second, by the clock and by the process's CPU time."""
    begun, spent, steps = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begun < seconds:
        loss = step(next(batches))
        steps += 1
    if loss.is_cuda:
        torch.cuda.synchronize()
    return steps / (time.perf_counter() - begun), steps / (time.process_time() - spent)


def pairs_of(row: Backbone, options: argparse.Namespace) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Rates with real data and with a resident batch, a pair a round."""
    numerics = numerics_for(settle(NumericsChoice(), available_devices()[0]), row.convolutional)
    settle_process(numerics)
    network = place(build(row, 2, initialisation="scratch", seed=0, weights=None), numerics).train()
    recipe = Recipe(learning_rate=1e-4, batch_size=options.batch, image_size=options.size)
    learner = Learner(network, recipe, numerics, Preprocessing(row.mean, row.std), seed=0)
    batches = batches_of(options.size, options.batch, row)
    positions = [(epoch, step) for epoch in range(ENOUGH) for step in range(batches.steps() - 1)]
    real = load(batches, positions, 0, torch.device(numerics.device))
    synthetic = itertools.repeat(next(real))

    def step(batch: Batch) -> torch.Tensor:
        return learner.update(batch, recipe.learning_rate, 0)

    rate(step, real, 1.0)
    seconds = options.seconds / ROUNDS
    return [(rate(step, real, seconds), rate(step, synthetic, seconds)) for _ in range(ROUNDS)]


def main() -> None:
    """Time the pairs and print a line a backbone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each loop and backbone")
    options = parser.parse_args()
    print(f"{'':30} {'real':>8} {'synthetic':>10}   ratio  by CPU time (medians of {ROUNDS} pairs)")
    print(f"{'backbone':30} {'images/s':>8} {'images/s':>10}")
    for name in BACKBONES:
        pairs = pairs_of(find(name), options)
        fast, slow = (options.batch * median(clock for clock, _ in column) for column in zip(*pairs, strict=True))
        clock, cpu = (median(real[which] / resident[which] for real, resident in pairs) for which in (0, 1))
        print(f"{name:30} {fast:8.0f} {slow:10.0f}   {clock:5.3f}  {cpu:11.3f}")


if __name__ == "__main__":
    main()
