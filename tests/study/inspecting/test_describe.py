"""What the terminal says of plans and records."""

import dataclasses
from pathlib import Path

from afield.backbones.weights import Sources
from afield.study.collecting.collect import studies_of
from afield.study.forecasting.plan_notes import plan_notes
from afield.study.inspecting.describe import describe_change, describe_outcome, where_to_look
from afield.study.plan import task_words
from afield.study.planning.workload import workloads_of
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.outcome import Outcome
from afield.study.store import Store
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import BACKBONE, starts_text, tiny_study, tiny_weights


def test_a_plan_names_the_classes_that_splits_lack(photos: Path, cache: Path, tmp_path: Path) -> None:
    study = tiny_study(photos)
    plan = make_plan(study, settle_numerics(study.numerics, None), cache)
    (data,) = plan.tasks.values()
    table = data.table[(data.table["split"] == "train") | (data.table["label"] == 0)]
    lacking = dataclasses.replace(plan, tasks={data.task.name: dataclasses.replace(data, table=table)})
    said = "\n".join(plan_notes(lacking))
    assert "photos: No test image is of warm: the results say nothing of it" in said
    assert "photos: No validation image is of warm: epochs and recipes are chosen without it." in said
    assert not [line for line in plan_notes(plan) if "is of" in line]


def test_what_is_true_of_several_tasks_is_said_once(photos: Path, cache: Path) -> None:
    study = tiny_study(photos)
    plan = make_plan(study, settle_numerics(study.numerics, None), cache)
    (data,) = plan.tasks.values()
    says = {"a": "x", "b": "y", "c": "x", "d": "x", "e": "x"}
    of = {name: dataclasses.replace(data.task, proposal=words) for name, words in says.items()}
    tasks = {name: dataclasses.replace(data, task=task) for name, task in of.items()}
    several = dataclasses.replace(plan, tasks=tasks, searches=())
    assert task_words(several) == ["a, c, d and 1 more: x", "b: y"]
    assert plan_notes(several) == task_words(several)


def test_other_backbones_are_told_with_their_cost_and_what_they_leave_out() -> None:
    text = """
        study.name = "two"
        study.tasks = ["elpv"]
        study.backbones = ["squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k"]
        study.interventions = ["plain", "scratch"]
        interventions.scratch = {initialisation = "scratch", backbones = ["squeezenet1_1.caffe_in1k"]}
        ensembles.both = {over = ["backbones"]}
    """
    study = parse_study(text, "two.toml")
    assert describe_change(study, []) == (study, "")
    changed, words = describe_change(study, ["tf_efficientnet_lite0.in1k"])
    assert changed.study.backbones == ("tf_efficientnet_lite0.in1k",)
    assert words.startswith("1 backbone: 5 M parameters")
    assert words.endswith(
        "\nleft out: intervention scratch, tried on squeezenet1_1.caffe_in1k alone"
        "\nleft out: ensemble both, of which there would be one alone"
    )


def test_a_run_ends_with_its_sum_and_the_way_to_what_is_missing(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, trained=1, epochs=3, failed=2, missing=4)
    assert describe_outcome(outcome) == "1 training done now (3 epochs), 2 failed, 4 results missing"
    store = Store.create(tmp_path / "out")
    store.write_study("one", "{}", {})
    assert where_to_look(store.root, "one") == f"afield status {store.root}"
    store.write_study("other", "{}", {})
    assert studies_of(store.root) == ("one", "other")
    assert where_to_look(store.root, "one") == f"afield status {store.root} --study one"


def test_a_plan_counts_what_heads_alone_and_probes_need_and_names_the_last_block(photos: Path, tmp_path: Path) -> None:
    study = parse_study(starts_text(photos, epochs=3), "tiny.toml")
    directory = tiny_weights().path.parent
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path, Sources(directory, offline=True))
    images, epochs = plan.training_images[plan.searches[0].identity], 4 * 3 + 3
    assert {load.intervention: load.passes for load in workloads_of(plan)} == {
        "plain": epochs * images,
        "lp-ft": epochs * images + images,
        "head": images,
        "block": epochs * images,
    }
    plain, _, head, _ = (plan.work(search) for search in plan.searches)
    assert 0 < head < plain / 100
    assert [trial.weights is None for search in plan.searches for trial in search.cells] == [False] * 16
    assert f"{BACKBONE}: the last block is features.12" in plan_notes(plan)
