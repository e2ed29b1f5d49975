"""What the protocol puts in place of the weights' own preprocessing, and what a result says of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import afield
from afield.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD
from afield.backbones.catalogue import find
from afield.base.errors import InputError
from afield.base.reading import Reading
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.protocol import view_of
from afield.tasks.sets.elpv import TASK as ELPV
from afield.tasks.sets.eurosat import TASK as EUROSAT
from afield.tasks.task import Published
from afield.training import device
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import scratch_study, study_text
from tests.tasks.sets.test_eurosat import tiles

LEAVES = replace(EUROSAT, name="leaves", published=Published(256, ("horizontal", "vertical"), "BGR"))


def test_clean_takes_everything_from_the_weights_and_the_task() -> None:
    view = view_of("clean", EUROSAT, find("pnasnet5large.tf_in1k"), Recipe())
    assert (view.mean, view.std, view.interpolation) == ((0.5,) * 3, (0.5,) * 3, "bicubic")
    assert (view.image_size, view.flips, view.channels) == (224, ("horizontal", "vertical"), "RGB")
    assert view.rules("paper")["train"].kind == "train"


def test_paper_gives_every_backbone_the_published_view() -> None:
    """PAPER.md 1.3: PNASNet was pretrained with mean and std 0.5, and the study fed it ImageNet's."""
    for name, size in (
        ("pnasnet5large.tf_in1k", 256),
        ("deit_small_patch16_224.fb_in1k", 224),
        ("swin_base_patch4_window7_224.ms_in1k", 224),
        ("mixer_b16_224.goog_in21k_ft_in1k", 224),
        ("caformer_b36.sail_in1k", 256),
        ("tinynet_e.in1k", 256),
        ("ViT-L-14-336.openai", 336),
    ):
        view = view_of("paper", LEAVES, find(name), Recipe())
        assert (view.mean, view.std, view.interpolation) == (IMAGENET_MEAN, IMAGENET_STD, "bilinear")
        assert (view.image_size, view.channels, view.flips) == (size, "BGR", ("horizontal", "vertical")), name
        assert view.rules("paper")["train"].kind == "full"
    assert view_of("paper", LEAVES, find("resnet50.IMAGENET1K_V1"), Recipe(image_size=512)).image_size == 512
    with pytest.raises(InputError, match="elpv: is no task of the study, so it has no protocol paper"):
        view_of("paper", ELPV, find("resnet50.IMAGENET1K_V1"), Recipe())


def test_a_recipe_s_order_of_channels_holds_under_both_protocols() -> None:
    row = find("resnet50.IMAGENET1K_V1")
    for named in ("RGB", "BGR"):
        assert view_of("paper", LEAVES, row, Recipe(channels=named)).channels == named
        assert view_of("clean", EUROSAT, row, Recipe(channels=named)).channels == named
    grey = replace(EUROSAT, name="grey", reading=Reading(channels=(0,)))
    assert view_of("clean", grey, row, Recipe()).channels == "RGB"
    with pytest.raises(InputError, match=r"grey: its images have 1 channel, which recipe.channels cannot turn to BGR"):
        view_of("clean", grey, row, Recipe(channels="BGR"))


def test_naming_the_order_that_auto_gives_names_no_other_trial(photos: Path, tmp_path: Path) -> None:
    keys = {}
    for order in ("auto", "RGB", "BGR"):
        study = parse_study(study_text(photos).replace("[recipe]", f'[recipe]\nchannels = "{order}"'), "tiny.toml")
        plan = make_plan(study, settle_numerics(study.numerics, None, "clean"), tmp_path / "cache")
        keys[order] = [cell.key for cell in plan.searches[0].cells]
    assert keys["auto"] == keys["RGB"]
    assert not set(keys["RGB"]) & set(keys["BGR"])


def test_further_channels_stay_where_they_are() -> None:
    pixels = torch.arange(1, 5, dtype=torch.uint8).view(1, 4, 1, 1) * 51
    numerics = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)
    seen = Preprocessing((0.0,) * 4, (1.0,) * 4, "BGR")(pixels, numerics)
    assert seen.flatten().tolist() == pytest.approx([0.6, 0.4, 0.2, 0.8])


def test_bgr_swaps_the_colours_and_not_the_statistics() -> None:
    """A saturated red image is blue to the network, and blue is normalised by red's mean."""
    red = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    red[:, 0] = 255
    numerics = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.125)
    seen = {order: Preprocessing(mean, std, order)(red, numerics)[0, :, 0, 0].tolist() for order in ("RGB", "BGR")}
    assert seen["RGB"] == pytest.approx([0.9 / 0.5, -0.2 / 0.25, -0.3 / 0.125])
    assert seen["BGR"] == pytest.approx([-0.1 / 0.5, -0.2 / 0.25, 0.7 / 0.125])


def test_paper_trains_in_float32_and_its_trials_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(device, "available_devices", lambda: ("cuda", "cpu"))
        precisions = [settle_numerics(NumericsChoice(), None, protocol).precision for protocol in ("clean", "paper")]
    assert precisions == ["bfloat16", "float32"]
    tiles(tmp_path / "2750", count=5)
    keys = []
    for protocol in ("clean", "paper"):
        study = scratch_study("land", "eurosat", protocol=protocol)
        numerics = settle_numerics(study.numerics, None, study.study.protocol)
        plan = make_plan(study, numerics, tmp_path / "cache", data=tmp_path)
        keys.append({cell.key for cell in plan.searches[0].cells})
        assert plan.searches[0].cells[0].recipe.image_size == 32
    assert not keys[0] & keys[1]


@pytest.mark.slow
def test_a_study_under_paper_says_that_test_chose(tmp_path: Path) -> None:
    tiles(tmp_path / "eurosat" / "2750", count=5)
    study = scratch_study("land", "eurosat", protocol="paper")
    assert afield.run_study(study, tmp_path / "out", data=tmp_path).complete
    table = afield.results(tmp_path / "out")
    assert set(table["selected_on"]) == {"test"}
    assert (table["validation"] - table["value"]).abs().max() < 1e-12, "one and the same split"
    assert load_record(tmp_path / "out").task("eurosat").selection == "test"
    page = report(tmp_path / "out").read_text(encoding="utf-8")
    assert "test itself chooses, as in the study&#39;s own code" in page
    assert "Test itself chose recipes and epochs" in page
