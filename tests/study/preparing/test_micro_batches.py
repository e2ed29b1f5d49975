"""Micro-batches are settled once a folder, and reach the keys of all trials of a backbone and size."""

from dataclasses import replace
from pathlib import Path

import pytest

from afield.backbones.backbone import Backbone
from afield.base.errors import AfieldError, StoreError
from afield.study.plan import Plan
from afield.study.preparing.micro_batches import FILE, settle_micro_batches, try_trial, with_settled
from afield.training.numerics import NumericsChoice, settle
from afield.trial.trial import Trial
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import tiny_study


@pytest.fixture
def plan(photos: Path, cache: Path) -> Plan:
    """As on a machine with a GPU."""
    return make_plan(tiny_study(photos), settle(NumericsChoice(), "cuda"), cache)


def test_found_once_and_shared_by_all_trials(plan: Plan, tmp_path: Path) -> None:
    tried: list[str] = []

    def probe(trial: Trial, backbone: Backbone, share: float) -> int:
        tried.append(backbone.id)
        return 4

    settled = settle_micro_batches(plan, tmp_path, lambda words: None, probe=probe)
    assert {cell.numerics.micro_batch for search in settled.searches for cell in search.cells} == {4}
    assert settled.searches[0].keys != plan.searches[0].keys
    again = settle_micro_batches(plan, tmp_path, lambda words: None, probe=probe)
    assert again.searches[0].keys == settled.searches[0].keys == with_settled(plan, tmp_path).searches[0].keys
    assert tried == ["squeezenet1_1.caffe_in1k"]


def test_what_the_study_says_or_a_cpu_needs_no_try(plan: Plan, tmp_path: Path) -> None:
    def probe(trial: Trial, backbone: Backbone, share: float) -> int:
        raise AssertionError("nothing is open")

    for changes in ({"micro_batch": 8}, {"device": "cpu"}):
        closed = replace(plan, numerics=plan.numerics.model_copy(update=changes))
        assert settle_micro_batches(closed, tmp_path, lambda words: None, probe=probe) is closed
    assert not (tmp_path / FILE).exists()


def test_a_backbone_that_does_not_fit_is_named(plan: Plan, tmp_path: Path) -> None:
    def probe(trial: Trial, backbone: Backbone, share: float) -> int:
        raise AfieldError("a single image does not fit")

    with pytest.raises(AfieldError, match=r"squeezenet1_1\.caffe_in1k at 32 px, batches of 8: a single image"):
        settle_micro_batches(plan, tmp_path, lambda words: None, probe=probe)


@pytest.mark.parametrize("text", ["no JSON", "[1]", '{"a": "b"}', '{"a": -1}'])
def test_a_damaged_file_is_named(plan: Plan, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StoreError, match=r"micro_batches\.json.* delete it to settle"):
        with_settled(plan, tmp_path)


@pytest.mark.parametrize(("target", "loss"), [("class", "auto"), ("labels", "auto"), ("grade", "smooth-l1")])
def test_a_real_network_is_tried_with_its_own_batch(photos: Path, cache: Path, target: str, loss: str) -> None:
    here = make_plan(tiny_study(photos), settle(NumericsChoice(), "cpu"), cache)
    search = here.searches[0]
    recipe = search.cells[0].recipe.model_copy(update={"loss": loss})
    trial = search.cells[0].model_copy(update={"target": target, "recipe": recipe})
    assert try_trial(trial, search.backbone) == 0, "there is room for eight images of 32 px"


@pytest.mark.parametrize(("trials_per_device", "expected"), [(1, 0.75), (3, 0.25)])
def test_the_largest_step_leaves_room_for_images_and_for_other_trials(
    plan: Plan, tmp_path: Path, trials_per_device: int, expected: float
) -> None:
    given = list[float]()

    def probe(trial: Trial, backbone: Backbone, share: float) -> int:
        given.append(share)
        return 0

    settle_micro_batches(plan, tmp_path, lambda words: None, trials_per_device, probe)
    assert given == [expected]
