"""What `afield backbones list` and `show` tell."""

import re
from pathlib import Path
from typing import Any

import pytest

from afield.backbones.catalogue import catalogue
from afield.backbones.show import list_backbones, show_backbone
from afield.backbones.weights import Sources
from afield.base.errors import InputError


def ids(text: str) -> list[str]:
    return [line.split()[0] for line in text.split("\n\n")[0].splitlines()[1:]]


def test_the_whole_list_is_readable_in_100_columns_and_best_first():
    text = list_backbones()
    assert max(map(len, text.splitlines())) <= 100
    listed = ids(text)
    assert sorted(listed) == sorted(catalogue())
    top1 = [catalogue()[name].imagenet_top1 for name in listed]
    known = [value for value in top1 if value is not None]
    assert known == sorted(known, reverse=True)
    assert top1[: len(known)] == known
    assert f"{len(listed)} of {len(listed)} backbones\n" in text


def test_a_set_is_listed_with_its_cost_and_kinds_of_accuracy():
    text = list_backbones(study="clip")
    assert "* linear probe, not supervised" in text
    assert re.search(r"^ViT-L-14-336\.openai +85\.40\* +304\.\d\d|^ViT-L-14-336\.openai +85\.40\*", text, re.M)
    rows = [catalogue()[name] for name in ids(text)]
    assert len(rows) == 6
    sizes: list[Any] = [row.params_m for row in rows]
    assert f"{sum(sizes):,.0f} M parameters" in text
    assert f"about {sum(sizes) * 4 / 1000:,.1f} GB" in text


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"top1": "80:70"}, "--top1 80:70: is no range in per cent"),
        ({"top1": "70"}, "--top1 70: is no range"),
        ({"top1": "70:180"}, "--top1 70:180: is no range"),
        ({"max_params": "30m"}, "--max-params 30m: is no number of parameters"),
        ({"pattern": "resnet50"}, "no backbone of the catalogue passes all of these filters"),
        ({"objective": "supervized"}, "did you mean supervised"),
    ],
)
def test_filters_that_cannot_be_are_told(filters, words):
    with pytest.raises(InputError, match=re.escape(words)):
        list_backbones(**filters)


def test_filters_of_the_command_line_narrow():
    listed = ids(list_backbones(top1="70:80", max_params="30M", family="resnet"))
    rows = [catalogue()[name] for name in listed]
    assert len(rows) > 20
    assert all(70 <= row.imagenet_top1 <= 80 and row.params_m <= 30 and row.family == "ResNet" for row in rows)
    assert set(ids(list_backbones("resnet50.am*"))) == {"resnet50.am_in1k"}


EXAMPLES = ["tf_efficientnet_lite0.in1k", "alexnet.IMAGENET1K_V1", "ViT-B-16.openai", "vit_base_patch16_224.mae"]


@pytest.mark.parametrize("name", [*EXAMPLES, "mixer_b16_224.goog_in21k_ft_in1k"])
def test_a_backbone_is_shown_whole_and_without_gaps(name):
    text, row = show_backbone(name, Sources(offline=True)), catalogue()[name]
    assert not [line for line in text.splitlines() if "None" in line or not line[15:].strip()]
    flat = " ".join(text.split())
    told = "unknown: outside the fit" if row.imagenet_top1 is None else f"{row.imagenet_top1:g} % ({row.imagenet_kind}"
    assert told in flat
    for words in (
        f"mean {' '.join(f'{value:g}' for value in row.mean)}, std",
        f"centre crop of {row.input_size} px (crop {row.crop:g})",
        f"{row.gmacs} billion an image of {row.input_size} px",
        row.pretraining_data,
        row.source,
    ):
        assert words in flat


def test_the_makers_preparation_is_told_as_it_is_done():
    def makers(name: str) -> str:
        return " ".join(show_backbone(name, Sources(offline=True)).split())

    # 320 / 0.875 = 365.7, rounded down as timm does
    assert "short side to 365 px (bicubic, antialiased), centre crop of 320 px" in makers("efficientnet_b4.ra2_in1k")
    assert "both sides to 336 px, aspect not kept (bicubic, antialiased), centre crop of 336 px" in makers(
        "eva_giant_patch14_336.clip_ft_in1k"
    )


def test_sizes_are_told_as_the_architecture_takes_them():
    def takes(name: str) -> str:
        return re.search(r"^takes +(.+)$", show_backbone(name, Sources(offline=True)), re.M)[1]

    assert takes("vit_base_patch16_224.mae") == "32 px and up, multiples of 16 px"
    assert takes("alexnet.IMAGENET1K_V1") == "63 px and up"
    assert takes("mixer_b16_224.goog_in21k_ft_in1k") == "224 px alone"


def test_where_the_bytes_are_or_would_come_from(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    away = " ".join(show_backbone("resnet50.am_in1k", Sources(offline=True)).split())
    assert "not here" in away
    assert "timm/resnet50.am_in1k" in away
    assert "AFIELD_WEIGHTS" in away
    mine = tmp_path / "resnet50.am_in1k.safetensors"
    mine.write_bytes(b"x")
    here = show_backbone("resnet50.am_in1k", Sources(directory=Path(tmp_path)))
    assert "".join(str(mine).split()) in "".join(here.split())
