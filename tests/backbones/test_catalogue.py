"""The catalogue against the libraries and the published tables that it names as its sources."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torchvision

from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import catalogue, find, named_set, select
from afield.backbones.preprocessing import resized_side
from afield.backbones.published import OnHub, OnWeb, Packaged
from afield.backbones.published import published as published_at
from afield.backbones.sets import ADDED, CLIP, PAPER, SETS
from afield.base.errors import InputError

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT.parent / "shared" / "published"
ALL = list(catalogue().values())
TIMM = [row for row in ALL if row.library == "timm"]
TORCHVISION = [row for row in ALL if row.library == "torchvision" and row.tag.startswith("IMAGENET1K_")]
TABLES = {
    "imagenet_top1": "timm_results-imagenet.csv",
    "imagenet_v2": "timm_results-imagenetv2-matched-frequency.csv",
    "imagenet_real": "timm_results-imagenet-real.csv",
    "imagenet_a": "timm_results-imagenet-a.csv",
    "imagenet_r": "timm_results-imagenet-r.csv",
    "imagenet_sketch": "timm_results-sketch.csv",
}


def table(name: str) -> dict[tuple[str, int], dict[str, str]]:
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip("the published tables are not beside this repository")
    with path.open(encoding="utf-8", newline="") as stream:
        return {(line["model"], int(line["img_size"])): line for line in csv.DictReader(stream)}


def tool(name: str):
    if not (ROOT / "tools").is_dir():
        pytest.skip("the tools are not in this copy")
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def test_preprocessing_is_timm_s_own_record():
    wrong = []
    for row in TIMM:
        theirs = timm.get_pretrained_cfg(row.id)
        assert theirs is not None, row.id
        said = (row.mean, row.std, row.interpolation, row.crop, row.crop_mode, (3, row.input_size, row.input_size))
        recorded = (theirs.mean, theirs.std, theirs.interpolation, theirs.crop_pct, theirs.crop_mode)
        # timm's transforms_imagenet_eval rounds down
        if said != (*recorded, theirs.input_size) or resized_side(row) != int(row.input_size / theirs.crop_pct):
            wrong.append(row.id)
    assert len(TIMM) > 1250
    assert wrong == []
    assert sum(row.crop_mode == "squash" for row in TIMM) == 73


def test_preprocessing_and_accuracy_are_torchvision_s_own_record():
    known = set()
    for row in TORCHVISION:
        weights = torchvision.models.get_model_weights(row.architecture)[row.tag]
        preset = weights.transforms()
        assert (row.mean, row.std) == (tuple(preset.mean), tuple(preset.std)), row.id
        assert row.interpolation == preset.interpolation.value, row.id
        assert [row.input_size] == preset.crop_size == [row.imagenet_size], row.id
        assert [resized_side(row)] == preset.resize_size, row.id
        assert row.imagenet_top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"], row.id
        known.add(row.id)
    theirs = {
        f"{name}.{weights.name}"
        for name in torchvision.models.list_models(module=torchvision.models)
        for weights in torchvision.models.get_model_weights(name)
    }
    assert theirs - known == {"vgg16.IMAGENET1K_FEATURES"}  # its classifier was never trained


@pytest.mark.slow
def test_preprocessing_is_open_clip_s_own_record():
    import open_clip  # with its transformers, seconds for whoever only collects

    for name in CLIP:
        row = find(name)
        theirs = open_clip.get_pretrained_cfg(row.architecture, row.tag)
        assert (row.mean, row.std, row.interpolation) == (theirs["mean"], theirs["std"], theirs["interpolation"])
        assert row.input_size == open_clip.get_model_config(row.architecture)["vision_cfg"]["image_size"]


def test_parameters_are_those_of_torchvision_s_record():
    for row in TORCHVISION:
        meta = torchvision.models.get_model_weights(row.architecture)[row.tag].meta
        assert row.params_m == pytest.approx(meta["num_params"] / 1e6, rel=0.005, abs=0.0006), row.id


def test_multiply_adds_are_those_of_torchvision_s_record():
    far = {}
    for row in TORCHVISION:
        ops = torchvision.models.get_model_weights(row.architecture)[row.tag].meta["_ops"]
        if row.gmacs != pytest.approx(ops, rel=0.02, abs=0.002):
            far[row.id] = (row.gmacs, ops)
    assert far == {}


def test_parameters_are_those_of_timm_s_table():
    counts = table("timm_results-imagenet.csv")
    far = {}
    for row in TIMM:
        if row.imagenet_size is None:
            continue
        theirs = float(counts[row.id, row.imagenet_size]["param_count"].replace(",", ""))
        if row.params_m != pytest.approx(theirs, rel=0.005, abs=0.006):
            far[row.id] = (row.params_m, theirs)
    assert far == {}


@pytest.mark.parametrize("column", TABLES)
def test_accuracies_are_those_of_timm_s_tables_at_one_size(column):
    published = table(TABLES[column])
    listed = [(row, row.imagenet_size) for row in TIMM if row.imagenet_size is not None]
    for row, size in listed:
        line = published.get((row.id, size))
        assert getattr(row, column) == (None if line is None else float(line["top1"])), row.id
    assert {name for name, _ in published} - {row.id for row in TIMM} == set()


def test_a_name_at_two_sizes_is_one_backbone_at_the_size_of_timm_s_own_test():
    row = find("efficientnet_b4.ra2_in1k")
    assert (row.imagenet_top1, row.imagenet_size, row.input_size) == (83.468, 384, 320)
    published = table(TABLES["imagenet_top1"])
    twice = {name for name, _ in published if sum(other == name for other, _ in published) > 1}
    assert len(twice) > 250
    for name in twice:
        theirs = timm.get_pretrained_cfg(name)
        assert find(name).imagenet_size == (theirs.test_input_size or theirs.input_size)[-1], name


PAPER_1_1 = {  # what the study's facts say: top-1, parameters (M), native size
    "alexnet.IMAGENET1K_V1": (56.52, 61.10, 224),
    "squeezenet1_1.IMAGENET1K_V1": (58.18, 1.24, 224),
    "shufflenet_v2_x0_5.IMAGENET1K_V1": (60.55, 1.37, 224),
    "mobilenet_v3_small.IMAGENET1K_V1": (67.67, 2.54, 224),
    "mnasnet0_5.IMAGENET1K_V1": (67.73, 2.22, 224),
    "shufflenet_v2_x1_0.IMAGENET1K_V1": (69.36, 2.28, 224),
    "vgg13_bn.IMAGENET1K_V1": (71.59, 133.05, 224),
    "deit_tiny_patch16_224.fb_in1k": (72.19, 5.72, 224),
    "vgg16_bn.IMAGENET1K_V1": (73.36, 138.37, 224),
    "densenet121.IMAGENET1K_V1": (74.43, 7.98, 224),
    "resnet50.IMAGENET1K_V1": (76.13, 25.56, 224),
    "resnext50_32x4d.IMAGENET1K_V1": (77.62, 25.03, 224),
    "efficientnet_b0.ra_in1k": (77.70, 5.29, 224),
    "resnet152.IMAGENET1K_V1": (78.31, 60.19, 224),
    "deit_small_patch16_224.fb_in1k": (79.86, 22.05, 224),
    "inception_resnet_v2.tf_in1k": (80.43, 55.84, 299),
    "convnext_tiny.fb_in1k": (82.07, 28.59, 224),
    "pnasnet5large.tf_in1k": (82.81, 86.06, 331),
    "efficientnet_b4.ra2_in1k": (83.47, 19.34, 320),
    "caformer_b36.sail_in1k": (85.50, 98.75, 224),
    "swin_base_patch4_window7_224.ms_in1k": (83.60, 87.77, 224),
    "mixer_b16_224.goog_in21k_ft_in1k": (76.62, 59.88, 224),
    "tinynet_d.in1k": (66.94, 2.34, 152),
    "tinynet_e.in1k": (59.87, 2.04, 106),
    "dla46_c.in1k": (64.88, 1.30, 224),
    "dla46x_c.in1k": (66.01, 1.07, 224),
}


@pytest.mark.parametrize("name", PAPER_1_1)
def test_a_backbone_of_the_study_is_what_the_study_used(name):
    row, (top1, params, size) = find(name), PAPER_1_1[name]
    assert row.params_m == pytest.approx(params, rel=0.005)
    assert row.input_size == size
    if name == "convnext_tiny.fb_in1k":
        # 82.07 at 224 px; timm tests it at 288
        assert row.imagenet_size == 288
        top1 = float(table(TABLES["imagenet_top1"])[name, 288]["top1"])
    assert row.imagenet_top1 == pytest.approx(top1, abs=0.006)


def test_the_study_s_sets_are_as_its_code_has_them():
    assert (len(PAPER), len(ADDED), len(CLIP)) == (19, 7, 6)
    assert set(PAPER_1_1) == {*PAPER, *ADDED}
    top1: list[Any] = [find(name).imagenet_top1 for name in PAPER]
    assert top1 == sorted(top1)
    assert sum(each > 70 for each in top1) == 13
    assert named_set("study") == named_set("paper") == PAPER


def test_towers_of_clip_carry_linear_probes_that_are_told_to_be_unverified():
    rows = [find(name) for name in CLIP]
    assert [row.imagenet_top1 for row in rows] == [73.3, 75.7, 76.1, 80.2, 83.9, 85.4]
    assert {(row.imagenet_kind, row.objective, row.pretraining_data) for row in rows} == {
        ("linear probe", "image-text", "WIT-400M")
    }
    assert all("unverified" in row.source for row in rows)


def test_sets_name_rows_and_keep_their_promises():
    for name, ids in SETS.items():
        assert [other for other in ids if other not in catalogue()] == [], name
        assert len(set(ids)) == len(ids), name
    for name, params, gmacs in (("small", 6, 1.3), ("standard", 30, 5)):
        for row in map(find, named_set(name)):
            assert row.params_m < params, row.id
            assert row.gmacs < gmacs, row.id
    assert set(named_set("small")) < set(named_set("standard")) < set(named_set("large"))
    assert len(named_set("all-real")) == sum(row.imagenet_top1 is not None for row in ALL)
    with pytest.raises(InputError, match="smal: unknown set of backbones; did you mean small"):
        named_set("smal")


def test_rows_are_complete():
    for row in ALL:
        assert all((row.family, row.pretraining_data, row.source, row.objective)), row.id
        assert row.id == f"{row.architecture}.{row.tag}"
        assert row.params_m > 0, row.id
        assert row.gmacs > 0, row.id
        assert row.input_size >= row.smallest_size, row.id
        assert row.size_step == 0 or row.smallest_size % row.size_step == 0, row.id
        assert row.year is None or 2012 <= row.year <= 2026, row.id
        assert (row.imagenet_top1 is not None) or row.objective == "self-supervised", row.id
    assert list(catalogue()) == sorted(catalogue())


@pytest.mark.parametrize(
    ("name", "objective", "data", "augmentation"),
    [
        ("resnet50.am_in1k", "supervised", "ImageNet-1k", "AugMix"),
        ("resnet50.ra_in1k", "supervised", "ImageNet-1k", "RandAugment"),
        ("resnet50.IMAGENET1K_V1", "supervised", "ImageNet-1k", "none"),
        ("vit_base_patch16_224.mae", "self-supervised", "ImageNet-1k", ""),
        ("vit_small_patch16_224.dino", "self-supervised", "ImageNet-1k", ""),
        ("convnext_tiny.in12k_ft_in1k", "supervised", "ImageNet-12k, ImageNet-1k", ""),
        ("vit_base_patch16_clip_224.openai_ft_in1k", "image-text", "WIT-400M, ImageNet-1k", ""),
        ("mixer_b16_224.goog_in21k_ft_in1k", "supervised", "ImageNet-21k, ImageNet-1k", ""),
        ("convnextv2_tiny.fcmae_ft_in22k_in1k", "self-supervised", "ImageNet-1k, ImageNet-22k, ImageNet-1k", ""),
        ("inception_v3.tf_adv_in1k", "adversarial", "ImageNet-1k", ""),
    ],
)
def test_pretraining_is_told(name, objective, data, augmentation):
    row = find(name)
    assert (row.objective, row.pretraining_data, row.augmentation) == (objective, data, augmentation)


def test_what_a_tag_leaves_out_is_told_nevertheless():
    """The makers' and timm's cards name images that the tag does not."""
    pairs = "ImageNet-22k, LAION-400M, LAION-2B, COYO-700M, CC15M"
    for name, data in {
        "eva_giant_patch14_336.clip_ft_in1k": "LAION-400M, ImageNet-1k",
        "beit3_large_patch16_224.in22k_ft_in1k": f"{pairs}, ImageNet-1k",
        "beit3_base_patch16_224.indomain_in22k_ft_in1k": f"{pairs}, COCO, Visual Genome, ImageNet-1k",
        "hgnet_tiny.ssld_in1k": "ImageNet-22k, ImageNet-1k",
        "nextvit_small.bd_ssld_6m_in1k_384": "6 million unnamed images, ImageNet-1k",
        "nextvit_small.bd_in1k": "ImageNet-1k",
    }.items():
        assert find(name).pretraining_data == data, name
    for row in ALL:
        if row.objective == "image-text":
            assert [part for part in row.pretraining_data.split(", ") if not part.startswith("ImageNet-")], row.id


def test_extra_data_agrees_with_timm_s_metadata():
    """timm's table has old names without tags: those of one set of weights are unambiguous."""
    path = PUBLISHED / "timm_model_metadata-in1k.csv"
    if not path.exists():
        pytest.skip("the published tables are not beside this repository")
    with path.open(encoding="utf-8", newline="") as stream:
        old = {line["model"]: line["pretrain"] for line in csv.DictReader(stream)}
    words = {"in1k": "ImageNet-1k", "in1k-dist": "ImageNet-1k", "in21k": "ImageNet-21k, ImageNet-1k"}
    kin: dict[str, list[Backbone]] = {}
    for row in TIMM:
        kin.setdefault(row.architecture, []).append(row)
    told = [(name, rows[0]) for name, rows in kin.items() if len(rows) == 1 and old.get(name) in words]
    wrong = {
        row.id: row.pretraining_data
        for name, row in told
        if row.pretraining_data.replace("22k", "21k") != words[old[name]]
    }
    assert len(told) > 150
    # the metadata say ImageNet-1k alone; timm's tag and the paper (arXiv 2105.01601) say ImageNet-21k first
    assert wrong == {"mixer_l16_224.goog_in21k_ft_in1k": "ImageNet-21k, ImageNet-1k"}


def test_the_traps_are_refused_with_every_weight_and_its_accuracy():
    with pytest.raises(InputError) as told:
        find("convnext_tiny")
    message = str(told.value)
    assert "convnext_tiny: is an architecture with 6 sets of weights; name one of them:" in message
    for name in ("in12k_ft_in1k_384", "in12k_ft_in1k", "fb_in22k_ft_in1k", "fb_in1k", "IMAGENET1K_V1"):
        assert f"  convnext_tiny.{name}: " in message
    assert "  convnext_tiny.fb_in1k: 82.69 % at 288 px, pretrained on ImageNet-1k" in message
    with pytest.raises(InputError, match=r"mixer_b16_224\.goog_in21k_ft_in1k: 76\.62 .*ImageNet-21k, ImageNet-1k"):
        find("mixer_b16_224")
    with pytest.raises(InputError, match=r"resnet50: .*(.|\n)*and \d+ more: afield backbones list 'resnet50\.\*'"):
        find("resnet50")
    with pytest.raises(InputError, match=r"dla46_c: is an architecture; name its weights too:\n  dla46_c\.in1k: 64\.8"):
        find("dla46_c")


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match=r"tf_efficientnet_lite9\.in1k: unknown backbone; did you mean .*lite"):
        find("tf_efficientnet_lite9.in1k")
    with pytest.raises(InputError, match="small: is a set of backbones, not one"):
        find("small")


def test_filters_narrow_and_sort():
    rows = select(family="resnet", top1=(70, 80), max_params=30e6)
    assert rows
    assert all(row.family == "ResNet" and 70 <= row.imagenet_top1 <= 80 and row.params_m <= 30 for row in rows)
    top1: list[Any] = [row.imagenet_top1 for row in rows]
    assert top1 == sorted(top1, reverse=True)
    everywhere = select()
    assert len(everywhere) == len(ALL)
    assert everywhere[-1].imagenet_top1 is None
    assert {row.id for row in select(study="clip")} == set(CLIP)
    assert {row.objective for row in select(objective="adversarial")} == {"adversarial"}
    assert [row.id for row in select("dla46?_c.*")] == ["dla46x_c.in1k"]
    with pytest.raises(
        InputError, match="resnett: no backbone of the catalogue is of this family; did you mean ResNet"
    ):
        select(family="resnett")


@pytest.mark.slow
def test_a_few_rows_made_anew_are_the_file_s():
    if not PUBLISHED.is_dir():
        pytest.skip("the published tables are not beside this repository")
    maker = tool("make_catalogue")
    names = ["resnet50.am_in1k", "squeezenet1_1.caffe_in1k", "alexnet.IMAGENET1K_V1", "test_vit.r160_in1k"]
    rows = maker.make(maker.read_tables(PUBLISHED), maker.Measurements(None), names)
    assert rows == [find(name) for name in sorted(names)]


@pytest.mark.slow
def test_the_file_is_as_the_tool_writes_it():
    maker = tool("make_catalogue")
    path = ROOT / "src/afield/backbones/catalogue.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    assert tuple(header) == maker.COLUMNS
    assert lines == [maker.line(row) for row in ALL]


@pytest.mark.slow
def test_every_row_says_where_its_weights_are_published():
    for row in ALL:
        source = published_at(row)
        assert isinstance(source, OnHub | OnWeb | Packaged), row.id


@pytest.mark.slow
def test_papers_of_families_stand_in_the_libraries():
    families = tool("families")
    timm_s = "".join(path.read_text(encoding="utf-8") for path in Path(timm.__path__[0], "models").glob("*.py"))
    torchvision_s = "".join(
        torchvision.models.get_model_builder(name).__doc__ or ""
        for name in torchvision.models.list_models(module=torchvision.models)
    )
    papers = {number for _, _, number in families.TABLE if len(number) > 4}
    missing = {number for number in papers if number not in timm_s + torchvision_s}
    assert missing <= {"2103.00020"}  # CLIP's own
    unused = [pattern.pattern for pattern, family, _ in families.TABLE if family not in {row.family for row in ALL}]
    assert unused == []


@pytest.mark.slow
def test_the_catalogue_is_read_and_listed_without_torch():
    code = """
import sys
from afield.backbones.catalogue import catalogue
from afield.backbones.show import list_backbones
assert len(catalogue()) > 1350
assert "resnet50.am_in1k" in list_backbones("resnet50.*")
assert not {"torch", "torchvision", "timm", "pandas"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_beginning_of_a_name_leads_to_those_that_begin_so() -> None:
    with pytest.raises(InputError, match=r"squeezenet1_0\.IMAGENET1K_V1, .* begin with it .*list 'squeezenet\*'"):
        find("squeezenet")
