"""A plan that says one thing here and another there is refused where it is read, by the place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afield.base.errors import DamagedError
from afield.study.folder.agreement import disagreements
from afield.study.folder.sealed import write_sealed
from afield.study.inspecting.state import read_state
from afield.study.plan import Plan
from afield.study.store import Store

Content = dict[str, Any]


def search(plan: Content) -> Any:
    (found,) = plan["searches"]
    return found


def like(plan: Content) -> Any:
    """The second trial, which is kept as what it changes of the first."""
    return plan["trials"][search(plan)["cells"][1]]


OF_SEARCHES: dict[str, Callable[[Content], object]] = {
    "searches: several have one name": lambda plan: plan["searches"].append(search(plan)),
    "searches.0.name: names no file": lambda plan: search(plan).update(name="../../etc/passwd"),
    "searches.0.repeats: hold what is no key": lambda plan: search(plan)["repeats"][0].append("../.."),
    "searches.0.repeats: do not begin with the cells": lambda plan: search(plan)["cells"].pop(),
    "searches.0.repeats: are not as many as the seeds": lambda plan: search(plan)["seeds"].append(7),
    "searches.0.generations: have other numbers": lambda plan: search(plan)["generations"].append({"cells": 1}),
}
"""what is wrong with a plan's searches, told by whoever reads these alone, by its words"""
OF_ALL: dict[str, Callable[[Content], object]] = {
    "selection: lacks the task photos": lambda plan: plan["selection"].clear(),
    "incomplete: lacks the task photos": lambda plan: plan["incomplete"].clear(),
    "beside: no extension is named": lambda plan: plan["beside"].update({"my_lab:worst": "higher"}),
    "like: leads to no trial": lambda plan: like(plan).update(like="gone"),
    "searches.0.task: pictures: is not among tasks": lambda plan: search(plan).update(task="pictures"),
    "searches.0.backbone: net: is not among backbones": lambda plan: search(plan).update(backbone="net"),
    "searches.0.cells: not all are among trials": lambda plan: plan["trials"].pop(search(plan)["cells"][1]),
    "backbone: is another one": lambda plan: like(plan).update(backbone="net"),
    "tells no recipe": lambda plan: plan["trials"][search(plan)["cells"][0]].pop("recipe"),
    "is of another task": lambda plan: plan["trials"][search(plan)["cells"][0]].update(task="pictures"),
}


@pytest.fixture
def content(plan: Plan) -> Content:
    """As it would be written."""
    plain: Content = json.loads(json.dumps(plan.content()))
    return plain


def refused(store: Store, content: Content) -> str:
    write_sealed(store.root / "plans" / "tiny.json", content)
    with pytest.raises(DamagedError) as caught:
        store.read_plan("tiny")
    return str(caught.value)


def test_a_plan_as_it_is_made_agrees_with_itself(content: Content) -> None:
    assert list(disagreements(content)) == []


@pytest.mark.parametrize("words", [*OF_SEARCHES, *OF_ALL])
def test_what_does_not_agree_is_named_with_file_and_place(words: str, content: Content, tmp_path: Path) -> None:
    ({**OF_SEARCHES, **OF_ALL})[words](content)
    assert any(words in each for each in disagreements(content))
    told = refused(Store.create(tmp_path / "out"), content)
    assert "tiny.json: damaged, or written by another version of afield" in told
    assert "run the study again to make it anew" in told


@pytest.mark.parametrize("words", OF_SEARCHES)
def test_status_refuses_a_plan_whose_searches_do_not_agree(
    words: str, plan: Plan, content: Content, tmp_path: Path
) -> None:
    store = Store.create(tmp_path / "out")
    store.write_study("tiny", plan.study.model_dump_json(), plan.content())
    OF_SEARCHES[words](content)
    write_sealed(store.root / "plans" / "tiny.json", content)
    with pytest.raises(DamagedError, match=r"tiny\.json: damaged"):
        read_state(store.root)


def test_trials_that_are_like_each_other_are_none(content: Content, tmp_path: Path) -> None:
    first, second = search(content)["cells"][:2]
    content["trials"][first] = {"like": second}
    assert {f"trials.{key}.like: leads to no trial" for key in (first, second)} <= set(disagreements(content))
    assert "like: leads to no trial" in refused(Store.create(tmp_path / "out"), content)


def test_a_trial_like_one_that_is_like_another_is_whole(content: Content) -> None:
    """As two searches share a cell that is the first of one of them alone."""
    *_, second, third = search(content)["cells"][:3]
    content["trials"][third]["like"] = second
    assert list(disagreements(content)) == []
