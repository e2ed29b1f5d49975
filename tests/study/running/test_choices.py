"""What a run writes down of its searches, beside other runs that do the same."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from afield.study.merging.shards import Shard, shard_of
from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.choices import Choices
from afield.study.running.claims import Claims
from afield.study.running.ledger import Ledger
from afield.study.searching.planned_search import Generation
from afield.study.store import Store
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import searched_text


def grown(plan: Plan) -> Plan:
    """A plan of one search that has found something to add."""
    (search,) = plan.searches
    cell = search.cells[0]
    more = cell.model_copy(update={"recipe": cell.recipe.model_copy(update={"learning_rate": 1e-5})})
    return plan.with_search(replace(search, cells=(*search.cells, more), later=(Generation(1, "what it saw"),)))


def choices(plan: Plan, store: Store, claims: Claims) -> Choices:
    return Choices(store, claims, cast(Ledger, SimpleNamespace(plan=plan)))  # all that writing a plan asks


@pytest.mark.slow
def test_two_shards_that_write_their_plan_at_once_keep_what_both_have_grown_to(photos: Path, tmp_path: Path) -> None:
    text = searched_text(photos, "extend").replace("seeds =", 'interventions = ["plain", "large"]\nseeds =')
    study = parse_study(text + "\n[interventions.large]\nimage_size = 40\n", "tiny.toml")
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    one, other = (grown(shard_of(plan, Shard(2, number))) for number in (1, 2))
    store, late = Store.create(tmp_path / "out"), Store.create(tmp_path / "out")
    with Claims(store.root) as claims, Claims(store.root) as others, pytest.MonkeyPatch.context() as patch:
        choices(plan, store, claims).write_plan()
        meanwhile = threading.Thread(target=choices(other, store, others).write_plan)

        def read(name: str) -> Mapping[str, Any]:
            """What stands there; then the other shard wants to write, too."""
            stands = store.read_plan(name)
            meanwhile.start()
            meanwhile.join(0.3)
            return stands

        patch.setattr(late, "read_plan", read)
        choices(one, late, claims).write_plan()
        meanwhile.join()
    searches = store.read_plan("tiny")["searches"]
    assert [len(search["cells"]) for search in searches] == [4, 4]
