"""What do prepared images change? The same crops from prepared and from full-size images, in pixels and in accuracy.

    python benchmarks/preparation.py                       # pixels: elpv at 64 px, generated 600x800 at 224 px
    python benchmarks/preparation.py --data FOLDER --size 64      # pixels of own images
    python benchmarks/preparation.py --train --seeds 5     # accuracy: a backbone trained on elpv both ways
    python benchmarks/preparation.py --train --seeds 20 --first-seed 20      # the same with fresh seeds, 20 to 39

Pixels: each image's crop is drawn once, as in training, cut from the full-size image and from the prepared one, and
resized to what the network sees; the differences are out of 255. A part of them comes from the crop's edges, which lie
on whole pixels of the prepared image: the full-size image cut at the same edges shows it. Two others stand below for
scale: the full-size crop resized by Pillow instead of torch, and by the other of the two common filters.

Accuracy: trials that differ in nothing but the rule, which for the full-size ones is made so large that nothing
shrinks. Each seed gives a pair (the same head, order and crops); the interval of the mean difference is Student's.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from input_pipeline import generate
from PIL import Image
from scipy.stats import t
from torchvision.datasets import ImageFolder

from afield.backbones.backbone import Backbone
from afield.backbones.weights import Weights
from afield.images.augmentation.crops import Draws, apply_by_bytes, draw, locate, scale_boxes
from afield.images.decode import decode, stored_size
from afield.images.prepared import prepare
from afield.images.rule import Rule, prepare_pixels, train_rule
from afield.scoring.metrics import METRICS
from afield.study.engines.job import SplitPaths
from afield.study.preparing.make_plan import plan_of
from afield.study.preparing.needs import gather
from afield.study.study import Study, StudyHead
from afield.tasks.builtin import find_task
from afield.tasks.data import TaskData, load_task
from afield.tasks.places import cache_folder
from afield.training.checkpoint import State
from afield.training.loop import Hooks
from afield.training.numerics import NumericsChoice, settle
from afield.training.recipe import Recipe
from afield.trial.run import run_trial
from afield.trial.score import score
from afield.trial.trial import Trial

Pixels = npt.NDArray[np.uint8]

EPOCHS_DRAWN = 3
"""crops of each image that are compared"""
REPORTED = {"accuracy": 100, "auroc": 100, "log_loss": 1}
"""metrics of the trained networks, with what they are multiplied by"""


class Deviation:
    """Absolute differences of bytes, counted."""

    def __init__(self) -> None:
        self.counts = np.zeros(256, np.int64)

    def add(self, one: Pixels, other: Pixels) -> None:
        """Count the differences of two images of one shape."""
        differences = np.abs(one.astype(np.int16) - other).ravel()
        self.counts += np.bincount(differences, minlength=256)

    def __str__(self) -> str:
        share = self.counts.cumsum() / self.counts.sum()
        mean = float(np.arange(256) @ self.counts / self.counts.sum())
        return f"{mean:8.2f} {int((share < 0.99).sum()):10} {int(np.flatnonzero(self.counts)[-1]):8}"


def resized(pixels: Pixels, box: npt.NDArray[np.int64], size: int, interpolation: str) -> Pixels:
    """A crop as training resizes it on a CPU, [size, size, 3]."""
    whole = Draws(box[None], np.array([False]), np.array([False]))
    crops = locate(np.array([0]), np.array([pixels.shape[:2]], np.int32), whole)
    return np.asarray(
        apply_by_bytes(torch.from_numpy(pixels.flatten()), crops, size, interpolation)[0].permute(1, 2, 0)
    )


def by_pillow(pixels: Pixels, box: npt.NDArray[np.float64], size: int) -> Pixels:
    """A crop, whose edges may lie within pixels, as Pillow resizes it (bicubic)."""
    top, left, height, width = box.tolist()
    edges = (left, top, min(left + width, pixels.shape[1]), min(top + height, pixels.shape[0]))
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC, box=edges))


def deviations(paths: Sequence[Path], size: int) -> dict[str, Deviation]:
    """The differences over all images, by what is compared."""
    found = {
        "prepared, bicubic": Deviation(),
        "prepared, bilinear": Deviation(),
        "its part from edges on whole prepared pixels, bicubic": Deviation(),
        "for scale: Pillow, not torch, bicubic": Deviation(),
        "for scale: bilinear, not bicubic": Deviation(),
    }
    for number, path in enumerate(paths):
        full = decode(path)
        prepared = prepare_pixels(full, train_rule(size))
        original = np.array([full.shape[:2]], np.int32)
        sizes = np.array([prepared.shape[:2]], np.int32)
        for epoch in range(EPOCHS_DRAWN):
            box = draw(0, epoch, np.array([number]), original, ()).box
            scaled = scale_boxes(box, original, sizes)[0]
            bicubic, bilinear = (resized(full, box[0], size, kind) for kind in ("bicubic", "bilinear"))
            found["prepared, bicubic"].add(resized(prepared, scaled, size, "bicubic"), bicubic)
            found["prepared, bilinear"].add(resized(prepared, scaled, size, "bilinear"), bilinear)
            # the full-size image, cut where the prepared one is: at fractions of a pixel, which torch cannot
            edges = scaled * np.tile(original[0] / sizes[0], 2)
            found["its part from edges on whole prepared pixels, bicubic"].add(by_pillow(full, edges, size), bicubic)
            top, left, height, width = box[0].tolist()
            crop, whole = full[top : top + height, left : left + width], np.array([0.0, 0.0, height, width])
            found["for scale: Pillow, not torch, bicubic"].add(by_pillow(crop, whole, size), bicubic)
            found["for scale: bilinear, not bicubic"].add(bilinear, bicubic)
    return found


def print_deviations(name: str, paths: Sequence[Path], size: int) -> None:
    """Compare and print one set of images."""
    print(f"{f'{name}, {len(paths):,} images at {size} px':58} {'mean':>8} {'99th pct.':>10} {'largest':>8}")
    for what, deviation in deviations(paths, size).items():
        print(f"  {what:56} {deviation}")


def compare_pixels(options: argparse.Namespace) -> None:
    """Print the differences in pixels."""
    if options.data:
        files = [Path(path) for path, _ in ImageFolder(str(options.data)).samples]
        chosen = np.random.default_rng(0).permutation(len(files))[: options.images]
        print_deviations(options.data.name, [files[position] for position in chosen], options.size)
        return
    data = load_task(find_task("elpv"), "clean", cache_folder())
    train = data.table.loc[data.table["split"] == "train", "image"]
    print_deviations("elpv, 300x300", [data.root / image for image in train[: options.images]], options.size)
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), options.images // 4)
        print_deviations("generated, 600x800", sorted(Path(folder).rglob("*.jpg")), 224)


def full_size_rule(data: TaskData) -> Rule:
    """A rule for training that shrinks no image: it never enlarges, so it has only to be large enough."""
    return Rule("train", max(max(stored_size(data.root / image)) for image in data.hashes), "bicubic")


@dataclass(frozen=True)
class Pair:
    """A trial for each seed, what it trains, and where its splits lie under each rule."""

    trials: tuple[Trial, ...]
    backbone: Backbone
    weights: Weights
    splits: dict[str, dict[str, SplitPaths]]
    """by "full size" and "prepared", then by split"""


def make_pair(options: argparse.Namespace, folder: Path) -> Pair:
    """Plan the trials as a study does, and prepare the task's images under both rules."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    head = StudyHead(name="preparation", tasks=(options.task,), backbones=(options.backbone,), seeds=tuple(seeds))
    recipe = Recipe(learning_rate=options.learning_rate, epochs=options.epochs, batch_size=32, image_size=options.size)
    numerics = settle(NumericsChoice(device="cpu"), "cpu")
    study = Study(study=head, recipe=recipe)
    plan = plan_of(study, gather(study, cache_folder()), numerics)
    (search,) = plan.searches
    data, rules = plan.tasks[search.task], plan.rules(search)
    samples = folder / "samples.parquet"
    data.table.to_parquet(samples)

    def paths(split: str, rule: Rule) -> SplitPaths:
        images = data.images(split)
        hashes = [data.hashes[image] for image in images]
        made = prepare(data.root, images, hashes, rule, folder, os.cpu_count() or 1, lambda done, total: None)
        return SplitPaths(samples, split, made)

    common = {split: paths(split, rules[split]) for split in ("validation", "test")}
    return Pair(
        search.repeats(0),
        search.backbone,
        plan.weights[search.backbone.id],
        {
            "full size": common | {"train": paths("train", full_size_rule(data))},
            "prepared": common | {"train": paths("train", rules["train"])},
        },
    )


def metrics_of(pair: Pair, job: tuple[Trial, str]) -> list[float]:
    """Train one network and measure it on test, in the order of REPORTED."""
    trial, splits = job[0], pair.splits[job[1]]
    state = run_trial(
        trial,
        splits["train"].open(),
        splits["validation"].open(),
        pair.backbone,
        pair.weights,
        METRICS[trial.metric],
        state=State(),
        until=trial.recipe.epochs,
        workers=0,
        hooks=Hooks(),
    )
    assert state.best is not None, "a finished trial has a best epoch"
    predictions = score(trial, pair.backbone, state.best.network, splits["test"].open())
    return [METRICS[name].compute(predictions) * factor for name, factor in REPORTED.items()]


def compare_accuracy(options: argparse.Namespace) -> None:
    """Train the pairs, as many networks at once as there are cores, and print the differences."""
    with tempfile.TemporaryDirectory() as folder:
        pair = make_pair(options, Path(folder))
        jobs = [(trial, rule) for trial in pair.trials for rule in pair.splits]
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            values = list(pool.map(partial(metrics_of, pair), jobs))
    full, prepared = np.array(values).reshape(options.seeds, 2, len(REPORTED)).swapaxes(0, 1)
    recipe, last = pair.trials[0].recipe, pair.trials[-1].seed
    print(
        f"{options.task}, {options.backbone}, {recipe.image_size} px, {recipe.epochs} epochs, learning rate "
        f"{recipe.learning_rate:g}, test metrics over {options.seeds} seeds ({options.first_seed} to {last})"
    )
    print(f"{'':10} {'full size':>10} {'prepared':>10} {'difference':>11}   95 % interval    sd of seeds (full size)")
    for column, (name, factor) in enumerate(REPORTED.items()):
        digits = 2 if factor == 100 else 4
        difference = prepared[:, column] - full[:, column]
        half = t.ppf(0.975, options.seeds - 1) * difference.std(ddof=1) / math.sqrt(options.seeds)
        mean = float(difference.mean())
        print(
            f"{name:10} {full[:, column].mean():10.{digits}f} {prepared[:, column].mean():10.{digits}f} "
            f"{mean:+11.{digits}f}   {mean - half:+.{digits}f} to {mean + half:+.{digits}f}   "
            f"{full[:, column].std(ddof=1):10.{digits}f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of class folders, to compare its pixels")
    parser.add_argument("--images", type=int, default=800, help="images whose pixels are compared, at most")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--train", action="store_true", help="compare accuracy instead of pixels")
    parser.add_argument("--task", default="elpv")
    parser.add_argument("--backbone", default="squeezenet1_1.caffe_in1k")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0, help="fresh seeds repeat a measurement independently")
    options = parser.parse_args()
    if options.train and options.seeds < 2:
        parser.error("--seeds: an interval needs at least 2")
    torch.set_num_threads(1)
    if options.train:
        compare_accuracy(options)
    else:
        compare_pixels(options)


if __name__ == "__main__":
    main()
