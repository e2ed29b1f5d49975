"""Plans of one study from several folders: each search as far as it has grown, contradictions by name."""

from pathlib import Path
from typing import Any

import pytest

from afield.backbones.catalogue import find
from afield.base.errors import InputError
from afield.base.files import write_json
from afield.study.merging.merge_plans import joined_plans
from afield.study.store import Store
from tests.fixtures.tiny import BACKBONE


def search(name: str, *cells: str) -> dict[str, Any]:
    """A search of these cells under one seed."""
    about = {"name": name, "task": "photos", "backbone": "net", "intervention": name}
    return {**about, "cells": list(cells), "repeats": [[cell] for cell in cells]}


def trials(*keys: str) -> dict[str, Any]:
    """Trials of both searches' task and backbone, of which nothing else is asked."""
    return {key: {"task": "photos", "backbone": "net", "recipe": {}} for key in keys}


def plan(**changes: Any) -> dict[str, Any]:
    """A plan of two searches, of two cells and of one."""
    searches = [search("a", "k1", "k2"), search("b", "k3")]
    content: dict[str, Any] = {
        "trials": trials("k1", "k2", "k3"),
        "searches": searches,
        "tasks": {"photos": "identity"},
        "selection": {"photos": "validation"},
        "dropped": {"photos": {}},
        "incomplete": {"photos": ""},
        "weights": {"net": {"sha256": "0a", "origin": "directory /here"}},
        "backbones": {"net": find(BACKBONE).plain()},
        **{name: {} for name in ("extensions", "numerics", "metrics", "beside")},
    }
    return {**content, **changes}


def stores(folder: Path, *plans: dict[str, Any]) -> list[Store]:
    found = [Store.create(folder / str(number)) for number in range(len(plans))]
    for store, content in zip(found, plans, strict=True):
        write_json(store.root / "plans" / "tiny.json", content)
    return found


def test_searches_are_joined_as_far_as_each_has_grown(tmp_path: Path) -> None:
    grown_a = [search("a", "k1", "k2", "k4"), search("b", "k3")]
    grown_b = [search("a", "k1", "k2"), search("b", "k3", "k5")]
    one = plan(searches=grown_a, trials=trials("k1", "k2", "k3", "k4"))
    other = plan(
        searches=grown_b, trials=trials("k1", "k2", "k3", "k5"), weights={"net": {"sha256": "0a", "origin": "there"}}
    )
    joined = joined_plans("tiny", stores(tmp_path, one, other, plan()))
    assert [search["cells"] for search in joined["searches"]] == [["k1", "k2", "k4"], ["k3", "k5"]]
    assert sorted(joined["trials"]) == ["k1", "k2", "k3", "k4", "k5"]
    assert joined["weights"]["net"]["origin"] == "directory /here", "where a file lay is no contradiction"


def test_what_an_older_plan_leaves_out_is_empty(tmp_path: Path) -> None:
    older = {name: value for name, value in plan().items() if name not in ("beside", "extensions")}
    joined = joined_plans("tiny", stores(tmp_path, older, older, plan()))
    assert len(joined["searches"]) == 2
    newer = plan(extensions={"my_lab": "0a"})
    for number, having in enumerate(((older, newer), (newer, older))):
        with pytest.raises(InputError, match="other files of the extension my_lab"):
            joined_plans("tiny", stores(tmp_path / str(number), *having))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": {"photos": "another"}}, "other data of the task photos"),
        ({"numerics": {"device": "cuda"}}, r"other numerics \(device\)"),
        ({"extensions": {"my_lab": "0a"}}, "other files of the extension my_lab"),
        ({"weights": {"net": {"sha256": "0b", "origin": "directory /here"}}}, "other weights of net"),
        ({"searches": [search("a", "k1", "k2")]}, "other searches"),
        (
            {"searches": [search("a", "k2", "k1", "k3"), search("b", "k3")]},
            "cells of the search a",
        ),
    ],
)
def test_a_contradiction_is_named_with_both_folders(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    having = stores(tmp_path, plan(), plan(**changes))
    with pytest.raises(InputError, match=words) as caught:
        joined_plans("tiny", having)
    assert str(caught.value).startswith("plans/tiny.json: ")
    assert all(str(store.root) in str(caught.value) for store in having)
