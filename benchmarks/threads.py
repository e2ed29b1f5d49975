"""Two trials of one thread each, or one trial of two threads? Training steps of one backbone both ways.

    python benchmarks/threads.py [--backbone NAME] [--threads 2] [--size 64] [--batch 32] [--seconds 5]

The steps are the training loop's own, on one batch of noise that stays in memory, so that nothing but them is measured.
The ways take turns; a ratio above 1 says that trials of one thread train more images a second on the same cores. Needs
no weights and no data.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import median

import numpy as np
import torch

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.images.batch import Batch
from afield.training.device import place, settle_process
from afield.training.learner import Learner
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe

ROUNDS = 7
CLASSES = 2


@dataclass(frozen=True)
class Way:
    """One trial of a way to use the cores."""

    backbone: str
    size: int
    batch: int
    threads: int


@lru_cache(maxsize=2)
def prepared(way: Way) -> tuple[Numerics, Callable[[], torch.Tensor]]:
    """What makes one step of a new network on a batch of noise, and its numerics."""
    row = find(way.backbone)
    numerics = numerics_for(settle(NumericsChoice(device="cpu", threads=way.threads), "cpu"), row.convolutional)
    settle_process(numerics)
    network = place(build(row, CLASSES, initialisation="scratch", seed=0, weights=None), numerics).train()
    recipe = Recipe(learning_rate=1e-4, batch_size=way.batch, image_size=way.size)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (way.batch, way.size, way.size, 3), np.uint8)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    labels = torch.from_numpy(generator.integers(0, CLASSES, way.batch))
    learner = Learner(network, recipe, numerics, Preprocessing(row.mean, row.std), seed=0)
    return numerics, partial(learner.update, Batch(0, 0, images, labels), recipe.learning_rate, 0)


def rate(way: Way, seconds: float) -> float:
    """Images a second of one trial in this process."""
    numerics, step = prepared(way)
    settle_process(numerics)
    begun, images = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step()
        images += way.batch
    return images / (time.perf_counter() - begun)


def main() -> None:
    """Let the two ways take turns and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0.in1k")
    parser.add_argument("--threads", type=int, default=2, help="of the one trial; as many trials of one thread")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one turn")
    options = parser.parse_args()
    several, one = (Way(options.backbone, options.size, options.batch, threads) for threads in (1, options.threads))
    pairs = []
    with ProcessPoolExecutor(options.threads, multiprocessing.get_context("spawn")) as pool:

        def turn(way: Way, trials: int, seconds: float) -> float:
            return sum(pool.map(rate, [way] * trials, [seconds] * trials))

        for way in (several, one):  # every process starts, builds and warms both
            turn(way, options.threads, 2.0)
        for _ in range(ROUNDS):
            pairs.append((turn(several, options.threads, options.seconds), turn(one, 1, options.seconds)))
    ratios = [a / b for a, b in pairs]
    print(f"{options.backbone} at {options.size} px, batches of {options.batch}: images/s (medians of {ROUNDS} turns)")
    print(f"  {options.threads} trials of 1 thread at once  {median(a for a, _ in pairs):8.1f}")
    print(f"  1 trial of {options.threads} threads          {median(b for _, b in pairs):8.1f}")
    print(f"  ratio                       {median(ratios):8.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
