"""Whether all backbones were searched alike."""

from dataclasses import replace

import pytest

from afield.analysis.searches.fairness import unequal, what_each_got
from tests.fixtures.records import make_record


@pytest.mark.slow
def test_what_is_alike_needs_no_word_and_what_is_not_is_named() -> None:
    record = make_record(seeds=(0,), n_test=40)
    plain = [search for search in record.searches if search.intervention == "plain"]
    sound = [replace(search, cells=tuple(replace(cell, state="finished") for cell in search.cells)) for search in plain]
    alike = replace(record, searches=tuple(sound))
    got = what_each_got(alike, "elpv")
    assert {(each.generations, each.cells, each.asked, each.failed) for each in got} == {((3,), 3, 5, 0)}
    assert all(each.ended for each in got)
    assert unequal(got) == ()

    grown = replace(sound[1], cells=(*sound[1].cells, sound[1].cells[0]), generations=(3, 1))
    broken = replace(sound[2], cells=(replace(sound[2].cells[0], state="failed"), *sound[2].cells[1:]))
    halted = replace(sound[3], chosen=None)
    words = unequal(what_each_got(replace(record, searches=(sound[0], grown, broken, halted)), "elpv"))
    assert len(words) == 3
    assert "tf_efficientnet_lite0.in1k 4, the others 3" in words[0]
    assert "tf_efficientnet_lite1.in1k 1 of 3" in words[1]
    assert "1 search has chosen nothing: tf_efficientnet_lite2.in1k" in words[2]


@pytest.mark.slow
def test_interventions_are_not_held_against_each_other() -> None:
    record = make_record(seeds=(0,), n_test=40)
    scratch = next(search for search in record.searches if search.intervention == "scratch")
    more = replace(scratch, cells=(*scratch.cells, *scratch.cells))
    searches = tuple(more if search is scratch else search for search in record.searches)
    assert not any("scratch" in words for words in unequal(what_each_got(replace(record, searches=searches), "elpv")))
