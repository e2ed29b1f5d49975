"""Does training wait for its images? Step rate with real data over the step rate with one resident synthetic batch,
one thread a trial.

    python benchmarks/step_rate.py [--size 64] [--batch 32] [--seconds 10]

Needs the quickstart's packages. The ratio should be at least 0.95: the loader costs at most a twentieth of a step.
The two loops alternate, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterator
from statistics import median

import torch

from afield.backbones.build import build
from afield.backbones.catalogue import Backbone, backbone
from afield.images.loader import Batch, TrainingBatches
from afield.images.prepared import cache_folder, prepare, train_rule
from afield.study.job import SplitPaths
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task
from afield.training.device import available_devices, place, settle_process
from afield.training.loop import Preprocessing, Setup, _step, make_optimiser
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.recipe import Recipe

BACKBONES = ("squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k", "tf_efficientnet_lite2.in1k")
ROUNDS = 7


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


def rate(setup: Setup, batches: Iterator[Batch], optimiser: torch.optim.Optimizer, seconds: float) -> float:
    """Steps a second."""
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        _step(setup.network, optimiser, next(batches), setup)
        steps += 1
    if setup.numerics.device == "cuda":
        torch.cuda.synchronize()
    return steps / (time.perf_counter() - begun)


def main() -> None:
    """Time the pairs and print a line a backbone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each loop and backbone")
    options = parser.parse_args()
    print(f"{'backbone':30} {'real':>8} {'synthetic':>10}  images/s   ratio (median of {ROUNDS} pairs)")
    for name in BACKBONES:
        row = backbone(name)
        numerics = numerics_for(settle(NumericsChoice(), available_devices()[0]), row.convolutional)
        settle_process(numerics)
        real = batches_of(options.size, options.batch, row)
        network = place(build(row, 2, initialisation="scratch", seed=0, weights=None), numerics)
        recipe = Recipe(learning_rate=1e-4, batch_size=options.batch, image_size=options.size)
        setup = Setup(
            network, real, real.samples, lambda logits: (0.0, 0.0), Preprocessing(row.mean, row.std), recipe, numerics
        )
        optimiser = make_optimiser(network, recipe)
        resident = real[0, 0]
        positions = itertools.cycle([(epoch, step) for epoch in range(3) for step in range(real.steps() - 1)])
        loaded, synthetic = (real[position] for position in positions), itertools.repeat(resident)
        rate(setup, loaded, optimiser, 1.0)
        pairs = [
            [rate(setup, source, optimiser, options.seconds / ROUNDS) for source in (loaded, synthetic)]
            for _ in range(ROUNDS)
        ]
        fast, slow = (options.batch * median(column) for column in zip(*pairs, strict=True))
        print(f"{name:30} {fast:8.0f} {slow:10.0f}             {median(a / b for a, b in pairs):.3f}")


if __name__ == "__main__":
    main()
