"""The whole study on 1, 8 and 64 GPUs: hours, how busy they are, what limits. A simulation; nothing is trained.

    python -m benchmarks.scale [--seed 0]                             # from the root of the repository

What is simulated is afield's own order of work: searches as the shipped studies plan them, rungs that wait for all of
their cells, the longest chains first, one trial a GPU. What a trial takes is reckoned from measured rates:

    training      images/s of an RTX 3090 (AMP, channels-last, PyTorch 1.12) as timm published them
                  (results/benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv); the four that are not there by a straight
                  line of log rate on log GMACs through those that are
    evaluating    a third of training's cost an image, on a quarter as many images
    beginning     START seconds whenever a trial is taken up: worker, weights, checkpoint

and a node of eight GPUs that is lost (exponential times between losses) takes what its trials did since their last
epoch with it, and is gone for AWAY seconds. Images are taken to be prepared, and to reach the GPUs in time.
"""

from __future__ import annotations

import argparse
import heapq
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from afield.backbones.catalogue import find
from afield.base.streams import stream
from afield.study.preparing.cost import TRAINING_IMAGES
from afield.study.preparing.study_file import load_study
from afield.study.searching.search import rung_sizes
from afield.study.searching.search_choice import SearchChoice
from afield.study.study import Study

RATES = {
    "mobilenet_v3_small.IMAGENET1K_V1": 8035.08, "mnasnet0_5.IMAGENET1K_V1": 4680.08,
    "vgg13_bn.IMAGENET1K_V1": 573.47, "vgg16_bn.IMAGENET1K_V1": 470.30, "deit_tiny_patch16_224.fb_in1k": 2290.33,
    "densenet121.IMAGENET1K_V1": 913.65, "resnet50.IMAGENET1K_V1": 1218.01, "resnext50_32x4d.IMAGENET1K_V1": 1001.03,
    "efficientnet_b0.ra_in1k": 1751.72, "resnet152.IMAGENET1K_V1": 501.44, "deit_small_patch16_224.fb_in1k": 1050.70,
    "inception_resnet_v2.tf_in1k": 358.54, "convnext_tiny.fb_in1k": 819.24, "pnasnet5large.tf_in1k": 83.16,
    "efficientnet_b4.ra2_in1k": 354.99,
}  # fmt: skip
"""training images/s of one RTX 3090 at the size that the weights were made for"""
EVALUATED, EVALUATION = 0.25, 1 / 3
"""images that are evaluated an epoch, of the training images; and the cost of one, of a training image"""
START = 8.0
AWAY = 600.0
NODE = 8
"""GPUs that are lost together"""
STUDIES = ("paper/main", "paper/main-clean", "paper/web-scraped")
HALVING = SearchChoice(method="halving", rungs=(3, 10))


@cache
def _line() -> tuple[float, float]:
    known = [find(name) for name in RATES]
    slope, level = np.polyfit(np.log([each.work for each in known]), np.log(list(RATES.values())), 1)
    return float(slope), float(level)


def rate(name: str) -> float:
    """Training images/s of a backbone on one GPU."""
    slope, level = _line()
    return RATES.get(name) or float(np.exp(level + slope * np.log(find(name).work)))


@dataclass
class Search:
    """One search under way: its rungs still to come and what they wait for."""

    epoch: float
    """seconds"""
    rungs: list[tuple[int, int]]
    """(epochs, cells), repeats under other seeds as a last one of their own"""
    waiting: int = 0
    """trials of this rung that are not done"""


@dataclass(frozen=True)
class Came:
    """What one simulation came to."""

    hours: float
    busy: float
    """GPU hours of work that counted"""
    lost: float
    """GPU hours that lost nodes took along, or that went into beginning again"""
    tail: float
    """hours at the end in which a GPU had nothing to do"""
    longest: float
    """hours of the longest chain that no number of GPUs shortens"""
    losses: int


def searches_of(study: Study, choice: SearchChoice) -> list[Search]:
    """The searches of a study, every one with the epochs that its rungs add."""
    images, found = TRAINING_IMAGES[study.study.protocol], []
    for task in study.study.tasks:
        for name in study.study.interventions:
            cells, epochs = len(study.cells(name)), study.recipe_of(name).epochs
            for backbone in study.backbones_of(name):
                reached, rungs = 0, []
                for until, alive in rung_sizes(choice, cells, epochs):
                    rungs.append((until - reached, alive))
                    reached = until
                if len(study.study.seeds) > 1:
                    rungs.append((epochs, len(study.study.seeds) - 1))
                found.append(Search(images[task] * (1 + EVALUATED * EVALUATION) / rate(backbone), rungs))
    return found


def simulate(searches: list[Search], gpus: int, between: float, generator: np.random.Generator) -> Came:
    """Run searches on so many GPUs, where each node is lost every `between` seconds on average (infinite: never)."""
    longest = max(sum(epochs for epochs, _ in each.rungs) * each.epoch for each in searches)
    ready: list[tuple[float, int, Search, int]] = []
    number = 0

    def offer(search: Search, epochs: int) -> None:
        nonlocal number
        number += 1
        chain = (epochs + sum(rung for rung, _ in search.rungs)) * search.epoch
        heapq.heappush(ready, (-chain, number, search, epochs))

    def next_rung(search: Search) -> None:
        if search.rungs:
            epochs, cells = search.rungs.pop(0)
            search.waiting = cells
            for _ in range(cells):
                offer(search, epochs)

    for search in searches:
        next_rung(search)
    free = list(range(gpus))
    jobs: dict[int, tuple[float, Search, int]] = {}  # by GPU: when it began, of which search, how many epochs
    events: list[tuple[float, int, str, int, int]] = []
    run: Counter[int] = Counter()
    order = 0

    def at(time: float, kind: str, place: int, which: int = 0) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (time, order, kind, place, which))

    nodes = -(-gpus // NODE)
    if np.isfinite(between):
        for node in range(nodes):
            at(generator.exponential(between), "lost", node)
    now = busy = lost = 0.0
    first_idle, losses = None, 0
    while ready or jobs:
        while ready and free:
            gpu = free.pop()
            _, _, search, epochs = heapq.heappop(ready)
            run[gpu] += 1
            jobs[gpu] = (now, search, epochs)
            at(now + START + epochs * search.epoch, "done", gpu, run[gpu])
        first_idle = None if ready else (now if first_idle is None and free else first_idle)
        if not jobs and not events:
            break
        now, _, kind, place, which = heapq.heappop(events)
        if kind == "done" and place in jobs and run[place] == which:
            _, search, epochs = jobs.pop(place)
            busy, lost = busy + epochs * search.epoch, lost + START
            free.append(place)
            search.waiting -= 1
            if search.waiting == 0:
                next_rung(search)
        elif kind == "lost":
            losses += 1
            for gpu in range(place * NODE, min(gpus, (place + 1) * NODE)):
                if gpu in jobs:
                    began, search, epochs = jobs.pop(gpu)
                    whole = min(epochs, max(0, int((now - began - START) // search.epoch)))
                    busy, lost = busy + whole * search.epoch, lost + (now - began) - whole * search.epoch
                    offer(search, epochs - whole)
                elif gpu in free:
                    free.remove(gpu)
                run[gpu] += 1
            at(now + AWAY, "back", place)
        elif kind == "back":
            free += range(place * NODE, min(gpus, (place + 1) * NODE))
            at(now + generator.exponential(between), "lost", place)
    tail = 0.0 if first_idle is None else now - first_idle
    return Came(now / 3600, busy / 3600, lost / 3600, tail / 3600, longest / 3600, losses)


def main() -> None:
    """Print a line a study, way of searching, number of GPUs and rate of loss."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    print(
        "| study | search | GPUs | a node is lost every | hours | GPU hours of work | lost | busy | idle tail, h "
        "| longest chain, h | limit |"
    )
    print("|" + "---|" * 11)
    for name in STUDIES:
        study = load_study(name)
        for choice in (SearchChoice(method="grid"), HALVING):
            for gpus in (1, 8, 64):
                for between in (np.inf, 24 * 3600.0, 4 * 3600.0) if gpus == 64 else (np.inf,):
                    generator = stream(seed, "scale", name, choice.method, gpus, str(between))
                    came = simulate(searches_of(study, choice), gpus, between, generator)
                    words = "never" if not np.isfinite(between) else f"{between / 3600:.0f} h ({came.losses})"
                    limit = "longest chain" if came.longest > 0.9 * came.hours else "work"
                    print(
                        f"| {name} | {choice.method} | {gpus} | {words} | {came.hours:,.1f} | {came.busy:,.0f} "
                        f"| {came.lost:,.1f} | {came.busy / came.hours / gpus:.1%} | {came.tail:.2f} "
                        f"| {came.longest:.1f} | {limit} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
