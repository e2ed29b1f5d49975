"""Hours by hand: from speeds to paces, lines, seconds and their interval."""

from dataclasses import replace
from pathlib import Path

import pytest

from afield.backbones.catalogue import find
from afield.study.planning.estimate import estimate, paces_of
from afield.study.planning.pace import (
    ASSUMED,
    ASSUMED_GMACS,
    MEASURED,
    SCALED_HERE,
    SCORING,
    Calibration,
    Speed,
    checkpoint_bytes,
    pace_of,
    training,
    whole_line,
)
from afield.study.planning.probe_steps import SCATTER, Steps, speed_of
from afield.study.planning.speeds import Timing
from afield.study.planning.workload import Images, Workload, distinct, workloads_of
from afield.study.preparing.study_file import parse_study
from afield.training.numerics import NumericsChoice, settle
from afield.training.recipe import Recipe
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text

SPEED = Speed(train=0.01, evaluate=0.002, begin=2.0, save=1.0, starting=4.0)
IMAGES = Images(train=1_000, validation=500, scored=500, exact=True)


def load(intervention: str = "plain", **recipe: object) -> Workload:
    """Four cells to epoch 1, one of them to epoch 3, repeated under a second seed."""
    values = Recipe.model_validate({"image_size": 112, "epochs": 3, "batch_size": 32, **recipe})
    backbone = find("resnet50.tv_in1k")
    return Workload("elpv", backbone, intervention, values, 2, ((1, 4), (3, 1)), 9, 1, IMAGES)


def test_a_search_by_hand() -> None:
    pace = pace_of(load(), IMAGES, SPEED)
    assert (pace.epoch, pace.save, pace.begin) == (1_000 * 0.01 + 500 * 0.002, 1.0, 2.0)
    assert pace.score == 2 + 500 * 0.002 + SCORING
    # an epoch with its checkpoint takes 12 s: cells 2 + 12, the survivor 2 + 2 x 12, the repeat 2 + 3 x 12 and a score
    assert whole_line(load(), pace) == ((14.0,) * 4, (26.0,), (pace.score, 38.0 + pace.score))
    timing = Timing(Calibration.of([], "cpu"), {load().identity: SPEED})
    found = estimate([load()], timing, slots=2, preparing=10.0)
    assert found.middle == pytest.approx(10 + 4 + 28 + 26 + 38 + pace.score)
    assert found.high == pytest.approx(10 * 1.33 + 4 + MEASURED * (28 + 26 + 38 + pace.score))
    assert found.low == pytest.approx(10 / 1.33 + 4 + (28 + 26 + 38 + pace.score) / MEASURED)


def test_checkpoints_that_take_long_take_a_tenth_of_the_time_and_one_at_the_end() -> None:
    pace = pace_of(load(), IMAGES, replace(SPEED, save=5.0))
    assert training(10, pace) == pytest.approx(2 + 10 * 11 + 5 + 11)
    assert training(1, pace) == pytest.approx(2 + 11 + 5)
    assert training(1, replace(pace, save=60.0)) == pytest.approx(2 + 11 + 60)


def test_cells_that_are_proposed_in_batches_wait_for_those_before_them() -> None:
    proposed = replace(load(), rungs=((3, 7),), together=5)
    pace = pace_of(proposed, IMAGES, SPEED)
    assert whole_line(proposed, pace)[:-1] == ((38.0,) * 5, (38.0,) * 2)


def test_what_is_scaled_goes_by_multiply_adds_at_the_size_and_is_known_worse() -> None:
    gmacs = find("resnet50.tv_in1k").gmacs
    assert gmacs is not None
    shipped = Calibration.of([], "cpu").speed(load())
    assert shipped.train == pytest.approx(gmacs / 4 / ASSUMED_GMACS["cpu"])
    assert (shipped.source, shipped.factor) == ("assumed", ASSUMED)
    calibration = Calibration.of([("a", 2.0, Speed(0.5, 0, 0, 0)), ("b", 8.0, Speed(0.5, 0, 0, 0))], "cpu")
    assert (calibration.gmacs, calibration.backbones) == (pytest.approx((4 * 16) ** 0.5), ("a", "b"))
    scaled = calibration.speed(load())
    assert (scaled.train, scaled.source, scaled.factor) == (pytest.approx(gmacs / 4 / 8), "scaled", SCALED_HERE)
    assert scaled.train == pytest.approx(calibration.speed(load(image_size=224)).train / 4)


def test_a_head_alone_learns_from_features_that_are_made_once() -> None:
    head = load(trained="head", augmentation="none")
    pace = pace_of(head, IMAGES, SPEED)
    assert pace.features == 1_500 * 0.002
    assert pace.epoch == pytest.approx(0.003)
    assert whole_line(head, pace)[0] == (pace.features,)
    assert (head.passes, load().passes, load(initialisation="probe").passes) == (1_000, 9_000, 10_000)
    assert checkpoint_bytes(head.backbone, head.recipe) == 0
    averaged, usual = (checkpoint_bytes(each.backbone, each.recipe) for each in (load(ema=0.9), load()))
    assert averaged == pytest.approx(usual * 5 / 4)


def test_a_speed_is_the_mean_of_all_processes_with_the_scatter_of_their_steps() -> None:
    one = Steps(3.0, 1.0, (1.0, 1.2), 10, 0.02, 0.5, 100)
    other = Steps(5.0, 2.0, (0.8, 1.0), 10, 0.04, 0.7, 300)
    speed = speed_of([one, other])
    assert (speed.train, speed.evaluate, speed.begin) == (pytest.approx(0.1), pytest.approx(0.03), 1.5)
    assert (speed.starting, speed.save, speed.memory) == (5.0, 0.6, 300)
    assert speed.scatter == pytest.approx((0.08 / 3) ** 0.5 / 2)  # of 1, 1.2, 0.8, 1: variance 0.08 / 3, four steps
    assert speed.factor == pytest.approx((1 + 2 * speed.scatter) * MEASURED)
    assert speed_of([Steps(3.0, 1.0, (1.0,), 10, 0.02, 0.5, 100)]).scatter == SCATTER


def test_interventions_that_are_one_and_the_same_and_impossible_ones_take_no_time() -> None:
    same, other = load("same"), load("larger", image_size=224)
    impossible = Workload(**{**vars(load("x")), "recipe": load(image_size=33).recipe, "unfit": "too odd"})
    assert distinct([load(), same, other, impossible]) == (load(), other)
    unknown = Workload(**{**vars(load("y")), "images": None})
    assert paces_of([unknown], Timing(Calibration.of([], "cpu"))) == {}


def test_a_plan_counts_on_the_cell_that_takes_most_memory(photos: Path, cache: Path) -> None:
    """Wherever it stands in the grid."""
    text = study_text(photos, "grid").replace("[search.grid]", "[search.grid]\nema = [0, 0.9]")
    study = parse_study(text, "tiny.toml")
    plan = make_plan(study, settle(NumericsChoice(), "cpu"), cache)
    (search,), (counted,) = plan.searches, workloads_of(plan)
    assert (search.cells[0].recipe.ema, search.largest.recipe.ema, counted.recipe.ema) == (0, 0.9, 0.9)
