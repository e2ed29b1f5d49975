"""How fast do images reach the network? afield's prepared images beside the two usual ways, in one run.

    python benchmarks/input_pipeline.py [--data FOLDER] [--size 224] [--batch 32] [--images 1000]

- `torchvision`: ImageFolder, which decodes with PIL, and the study's transforms in a DataLoader
- `study's style`: the loader of arXiv 2301.04644, OpenCV's imread, cvtColor, PIL's fromarray, the same transforms
  (needs opencv-python-headless, left out without it)
- `afield`: prepared images and TrainingBatches, normalised as the training loop does it

Each row gives batches that a network can take: float32, normalised, in random order without end. Workers are started
and warm before anything is timed, then the rows take turns for a few seconds each, so that a machine that slows down
slows all; before each turn the batches that wait in the row's queue are thrown away. Rates are medians over the turns.
Without --data, JPEGs of 600x800 with the spectrum of photographs are generated into a temporary folder. All files are
in the page cache: a disk is not measured.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Sampler, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from afield.base.hashing import sha256_file
from afield.images.loader import TrainingBatches, load
from afield.images.prepared import open_prepared, prepare
from afield.images.rule import train_rule
from afield.images.samples import Samples
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing

Item = tuple[torch.Tensor, int]
Interpolation = Literal["bilinear", "bicubic"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FLIPS = ("horizontal", "vertical")
WORKERS = (0, 1, 2)
ENOUGH = 200_000
"""positions that no run uses up"""
SLOPE, QUALITY = 1.3, 85
"""of the generated JPEGs: amplitude falls as frequency^-SLOPE, JPEG quality; they take about 130 kB each"""


def generate(folder: Path, images: int) -> None:
    """Write that many JPEGs of 600x800 into ten class folders: noise with about the spectrum of photographs.

    The fields are periodic, so each image is one of a few fields, shifted and mixed anew: quick, and no two are alike.
    """
    random = np.random.default_rng(0)
    height, width, fields = 600, 800, 12
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width)
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(
        np.fft.rfft2(random.standard_normal((fields, height, width))) / frequency**SLOPE, s=(height, width)
    )
    noise /= noise.std(axis=(1, 2), keepdims=True)
    for index in range(images):
        shifts = random.integers(0, (height, width), size=(4, 2))
        chosen = random.choice(fields, 4, replace=False)
        light, *colours = (
            np.roll(noise[field], shift, axis=(0, 1)) for field, shift in zip(chosen, shifts.tolist(), strict=True)
        )
        pixels = np.stack([120 + 50 * light + 8 * colour for colour in colours], axis=2).clip(0, 255).astype(np.uint8)
        path = folder / f"class_{index % 10}" / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=QUALITY)


class Endless(Sampler[list[int]]):
    """Batches of positions, epoch after epoch in random order."""

    def __init__(self, images: int, batch: int) -> None:
        self.images, self.batch = images, batch

    def __iter__(self) -> Iterator[list[int]]:
        for epoch in itertools.count():
            order = torch.randperm(self.images, generator=torch.Generator().manual_seed(epoch)).tolist()
            for start in range(0, self.images - self.batch + 1, self.batch):
                yield order[start : start + self.batch]


class OpenCVFolder(Dataset[Item]):
    """The study's own loader style."""

    def __init__(self, files: list[tuple[str, int]], transform: transforms.Compose) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Item:
        import cv2

        path, label = self.files[index]
        pixels = cv2.imread(path)
        if pixels is None:
            raise OSError(f"{path}: OpenCV cannot read it")
        return self.transform(Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))), label


def study_transforms(size: int, interpolation: Interpolation) -> transforms.Compose:
    """RandomResizedCrop with scale (0.65, 1), flips, ToTensor, Normalize (PAPER.md 2.0)."""
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(
                size, scale=(0.65, 1.0), interpolation=transforms.InterpolationMode(interpolation)
            ),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made, and what it cost."""

    folder: Path
    seconds: float
    megabytes: float


def prepare_once(root: Path, files: list[tuple[str, int]], size: int, cache: Path) -> Prepared:
    """Hash and prepare the images in as many processes as there are cores, as a study does before its first trial."""
    begun = time.perf_counter()
    names = [str(Path(path).relative_to(root)) for path, _ in files]
    hashes = [sha256_file(Path(path)) for path, _ in files]
    folder = prepare(root, names, hashes, train_rule(size), cache, os.cpu_count() or 1, lambda done, total: None)
    return Prepared(folder, time.perf_counter() - begun, (folder / "pixels.bin").stat().st_size / 1e6)


def peer(dataset: Dataset[Item], images: int, batch: int, workers: int) -> Iterator[torch.Tensor]:
    """The batches of a DataLoader."""
    loader: DataLoader[Item] = DataLoader(dataset, batch_sampler=Endless(images, batch), num_workers=workers)
    for pixels, _ in loader:
        yield pixels


def ours(
    folder: Path, labels: npt.NDArray[np.int64], options: argparse.Namespace, workers: int
) -> Iterator[torch.Tensor]:
    """The batches of afield, normalised in this process as in training."""
    samples = Samples(open_prepared(folder), np.arange(len(labels)), labels)
    batches = TrainingBatches(samples, options.size, options.interpolation, options.batch, 0, "paper", FLIPS)
    whole = len(labels) // options.batch
    positions = [(epoch, step) for epoch in range(-(-ENOUGH // whole)) for step in range(whole)]
    numerics = numerics_for(settle(NumericsChoice(device="cpu"), "cpu"), convolutional=True)
    preprocessing = Preprocessing(MEAN, STD)
    for batch in load(batches, positions, workers, torch.device("cpu")):
        yield preprocessing(batch.images, numerics)


def rate(source: Iterator[torch.Tensor], seconds: float, discard: int) -> float:
    """Images a second, after as many batches as may have waited."""
    for _ in range(discard):
        next(source)
    begun, images = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        images += len(next(source))
    return images / (time.perf_counter() - begun)


def compare(sources: dict[tuple[str, int], Iterator[torch.Tensor]], options: argparse.Namespace) -> None:
    """Time all rows in turn and print the table."""
    first = {}
    for row, source in sources.items():
        begun = time.perf_counter()
        next(source)
        first[row] = time.perf_counter() - begun
    turns = [
        {row: rate(source, options.seconds, 1 + 3 * row[1]) for row, source in sources.items()}
        for _ in range(options.repeats)
    ]
    peers = [name for name in dict.fromkeys(name for name, _ in sources) if name != "afield"]
    ratios = "".join(f"{f'afield / {name}':>26}" for name in peers)
    print(f"{'':14} workers  images/s  (least to most)  first batch, s{ratios}")
    for row in sources:
        values = [turn[row] for turn in turns]
        spread = f"({min(values):,.0f} to {max(values):,.0f})"
        line = f"{row[0]:14} {row[1]:7} {median(values):9,.0f}  {spread:15} {first[row]:15.1f}"
        if row[0] == "afield":
            line += "".join(f"{median(turn[row] / turn[name, row[1]] for turn in turns):26.1f}" for name in peers)
        print(line)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of class folders of images")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=1000, help="how many: generated, or drawn from --data")
    parser.add_argument(
        "--interpolation", choices=("bilinear", "bicubic"), default="bilinear", help="of all rows alike"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of one turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        root = options.data.resolve() if options.data else Path(temporary) / "images"
        if not options.data:
            generate(root, options.images)
        transform = study_transforms(options.size, options.interpolation)
        folder = ImageFolder(str(root), transform)
        chosen = np.sort(np.random.default_rng(0).permutation(len(folder.samples))[: options.images]).tolist()
        files = [folder.samples[position] for position in chosen]
        if len(files) < options.batch:
            parser.error(f"{len(files)} images do not fill a batch of {options.batch}")
        megabytes = sum(Path(path).stat().st_size for path, _ in files) / 1e6
        print(f"{len(files):,} images, {megabytes:,.1f} MB as files; {options.size} px, batches of {options.batch}")
        prepared = prepare_once(root, files, options.size, Path(temporary))
        print(
            f"preparing once: {prepared.seconds:.1f} s in {os.cpu_count()} processes, "
            f"{len(files) / prepared.seconds:,.0f} images/s, {prepared.megabytes:,.1f} MB\n"
        )
        datasets: dict[str, Dataset[Item]] = {"torchvision": Subset(folder, chosen)}
        if find_spec("cv2"):
            datasets["study's style"] = OpenCVFolder(files, transform)
        else:
            print("OpenCV is not installed, so the study's style is left out: pip install opencv-python-headless\n")
        labels = np.array([label for _, label in files], dtype=np.int64)
        sources = {
            (name, workers): peer(dataset, len(files), options.batch, workers)
            for name, dataset in datasets.items()
            for workers in WORKERS
        }
        sources |= {("afield", workers): ours(prepared.folder, labels, options, workers) for workers in WORKERS}
        compare(sources, options)


if __name__ == "__main__":
    main()
