"""The catalogue's figures against the libraries and the published tables that it names as their source."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from afield.backbones.catalogue import Backbone, backbone, catalogue
from afield.base.errors import InputError

ALL = list(catalogue().values())
SHARED = Path(__file__).parents[3] / "shared"


def imagenet_network(row: Backbone) -> torch.nn.Module:
    if row.library == "timm":
        return timm.create_model(row.architecture).eval()
    return torchvision.models.get_model(row.architecture, weights=None).eval()


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
def test_parameters_and_multiply_adds_are_those_of_the_library(row):
    network = imagenet_network(row)
    assert row.params_m == round(sum(p.numel() for p in network.parameters()) / 1e6, 2)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, row.imagenet_size, row.imagenet_size))
    assert row.gmacs == round(counter.get_total_flops() / 2e9, 3)


@pytest.mark.parametrize("row", [row for row in ALL if row.library == "timm"], ids=lambda row: row.id)
def test_preprocessing_is_that_of_timm(row):
    theirs = timm.get_pretrained_cfg(row.id)
    assert (row.mean, row.std) == (theirs.mean, theirs.std)
    assert row.interpolation == theirs.interpolation
    assert theirs.input_size == (3, row.imagenet_size, row.imagenet_size)


@pytest.mark.parametrize("row", [row for row in ALL if row.library == "timm"], ids=lambda row: row.id)
def test_imagenet_accuracy_is_that_of_the_published_table(row):
    table = SHARED / "published" / "timm_results-imagenet.csv"
    if not table.exists():
        pytest.skip("the published tables are not beside this repository")
    with table.open(encoding="utf-8") as stream:
        published = {(line["model"], int(line["img_size"])): line for line in csv.DictReader(stream)}
    line = published[row.id, row.imagenet_size]
    assert row.imagenet_top1 == float(line["top1"])
    assert row.params_m == float(line["param_count"])


def test_rows_are_complete():
    for row in ALL:
        assert 0 < row.imagenet_top1 < 100
        assert all((row.family, row.pretraining, row.licence, row.source, row.imagenet_kind))
        assert row.id.split(".")[0] == row.architecture


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match=r"tf_efficientnet_lite3\.in1k: unknown backbone; did you mean .*lite0"):
        backbone("tf_efficientnet_lite3.in1k")


def test_catalogue_and_weights_need_no_torch_and_run_no_package():
    code = """
import sys
from afield.backbones.catalogue import catalogue
from afield.backbones.weights import locate
origins = [locate(row).origin for row in catalogue().values()]
assert len(origins) == 4, origins
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(name for name in loaded if name in ("torch", "torchvision", "timm", "ndf") or "efficientnet" in name))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
