"""Which searches a shard owns: whole ones, balanced, the same wherever it is asked."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.errors import InputError
from afield.study.merging.shards import Shard, balanced, note_shard, part_words, shard_of, shards_in, tied
from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text

SAME = '[interventions."big/32"]\nimage_size = 32\n[interventions.long]\nwarmup_epochs = 1\n'


def plan_of(photos: Path, cache: Path, further: str = "") -> Plan:
    text = study_text(photos).replace("seeds =", 'interventions = ["plain", "big/32", "long"]\nseeds =')
    study = parse_study(text + SAME + further, "tiny.toml")
    return make_plan(study, settle_numerics(study.numerics, None), cache)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 100), max_size=20), st.integers(1, 6))
def test_every_piece_has_one_owner_and_no_shard_has_much_more_than_its_share(
    costs: dict[str, float], shards: int
) -> None:
    owners = balanced(costs, shards)
    assert owners.keys() == costs.keys()
    assert set(owners.values()) <= set(range(1, shards + 1))
    loads = [sum(costs[name] for name in owners if owners[name] == number) for number in range(1, shards + 1)]
    largest = max(costs.values(), default=0)
    assert max(loads) <= sum(costs.values()) / shards + largest + 1e-6
    assert owners == balanced(dict(reversed(costs.items())), shards), "the order in which it is told does not matter"


def test_searches_that_share_a_trial_or_a_soup_stay_together(photos: Path, tmp_path: Path) -> None:
    plan = plan_of(photos, tmp_path / "cache")
    names = [[search.intervention for search in group] for group in tied(plan)]
    assert sorted(names) == [["long"], ["plain", "big/32"]], "a size of 32 is plain's"
    soup = '[soups.all]\nover = ["interventions"]\n'
    assert len(tied(plan_of(photos, tmp_path / "cache", soup))) == 1


def test_the_shards_of_a_plan_are_all_of_it_and_tell_of_the_whole(photos: Path, tmp_path: Path) -> None:
    plan = plan_of(photos, tmp_path / "cache")
    parts = [shard_of(plan, Shard(3, number)) for number in (1, 2, 3)]
    owned = [search.identity for part in parts for search in part.searches]
    assert sorted(owned) == sorted(search.identity for search in plan.searches)
    assert [len(part.searches) for part in parts] == [2, 1, 0]
    assert all(part.whole == plan.searches and part.content() == plan.content() for part in parts)


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/", "a/b", "-1/8", "1/0", "3/8 "])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="write NUMBER/OF"):
        Shard.parse(text)


@pytest.mark.parametrize("name", ["1-of-99999999999", "1-of-\N{ARABIC-INDIC DIGIT ONE}", "one-of-two", "1-of-2.more"])
def test_a_file_that_tells_of_no_shard_counts_for_nothing(name: str, tmp_path: Path) -> None:
    note_shard(tmp_path, "a", Shard(2, 1))
    (tmp_path / "shards" / "a" / f"{name}.json").touch()
    assert shards_in(tmp_path, "a") == (Shard(2, 1),)
    assert part_words(shards_in(tmp_path, "a"), 1, 2)


def test_a_folder_says_that_it_is_one_part_until_all_are_there(tmp_path: Path) -> None:
    note_shard(tmp_path, "ab", Shard.parse("3/3"))
    note_shard(tmp_path, "a", Shard.parse("2/3"))
    assert shards_in(tmp_path, "a") == (Shard(3, 2),)
    words = part_words(shards_in(tmp_path, "a"), 4, 9)
    assert words.startswith("One part of the study: this folder holds shard 2/3, in which 4 of the study's 9 searches")
    for number in (1, 3):
        note_shard(tmp_path, "a", Shard(3, number))
    assert part_words(shards_in(tmp_path, "a"), 4, 9) == "", "what lacks is nowhere else"
    note_shard(tmp_path, "a", None)
    assert shards_in(tmp_path, "a") == ()
    assert part_words((Shard(3, 2),), 9, 9) == ""
