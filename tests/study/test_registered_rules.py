"""Rules in a result folder: written once, never taken out, before test is read."""

import json
import shutil
from pathlib import Path

import pytest

import afield
from afield.analysis.registered import registration
from afield.base.errors import DamagedError, InputError
from afield.study.collecting.collect import load_record
from afield.study.preparing.study_file import parse_study
from afield.study.registered_rules import RegisteredRule, rule_of
from afield.study.split_view import TEST, SplitView
from afield.study.store import Store
from afield.study.study import VerdictChoice
from tests.fixtures.tiny import tiny_study

TEXT = """
[study]
name = "one"
tasks = ["elpv"]
backbones = ["squeezenet1_1.caffe_in1k", "resnet18.tv_in1k"]
"""


def test_a_rule_is_registered_once_and_the_first_stays_first(tmp_path: Path) -> None:
    rules = Store.create(tmp_path / "out").rules
    assert rules.read("one") == ()
    first = rule_of(parse_study(TEXT, "one.toml"), {"elpv": "accuracy"})
    second = rule_of(parse_study(TEXT, "one.toml"), {"elpv": "accuracy"}, 0.2)
    for rule, reads in ((first, 0), (first, 3), (second, 3), (first, 9)):
        rules.register("one", rule, reads)
    assert rules.read("one") == (RegisteredRule.of(first, 0), RegisteredRule.of(second, 3))
    assert rules.read("other") == ()
    assert json.loads((tmp_path / "out/rules/one.json").read_text())["registered"][0]["rule"] == first


def test_reads_of_test_alone_are_counted(tmp_path: Path) -> None:
    scores = Store.create(tmp_path / "out").scores
    for key in ("a", "b", "a"):
        scores.log_read(key, TEST)
    scores.log_read("a", SplitView("validation", "plain"))
    assert scores.reads() == 3


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    rules = Store.create(tmp_path / "out").rules
    (tmp_path / "out/rules").mkdir()
    (tmp_path / "out/rules/one.json").write_text("{")
    with pytest.raises(DamagedError, match="what was settled before test was read"):
        rules.read("one")


def test_a_rule_that_nobody_can_have_registered_is_an_altered_one(tmp_path: Path) -> None:
    rules = Store.create(tmp_path / "out").rules
    (tmp_path / "out/rules").mkdir()
    (tmp_path / "out/rules/one.json").write_text(
        '{"registered": [{"rule": {"smallest_slope": 1e400}, "hash": "0", "test_reads": 0}]}'
    )
    assert [rule.whole for rule in rules.read("one")] == [False]


def test_a_study_says_what_would_matter() -> None:
    study = parse_study(f"{TEXT}[verdict]\nsmallest_slope = 0.25\n", "one.toml")
    assert rule_of(study, {})["smallest_slope"] == 0.25
    assert rule_of(parse_study(TEXT, "one.toml"), {})["smallest_slope"] == 0.1
    with pytest.raises(InputError, match=r"verdict\.smallest_slope"):
        parse_study(f"{TEXT}[verdict]\nsmallest_slope = 0\n", "one.toml")
    with pytest.raises(InputError, match="smalest_slope: unknown key; did you mean smallest_slope"):
        parse_study(f"{TEXT}[verdict]\nsmalest_slope = 1\n", "one.toml")


@pytest.mark.slow
def test_a_run_registers_it_before_it_reads_test(finished: Path, photos: Path, tmp_path: Path) -> None:
    (first,) = Store.open(finished).rules.read("tiny")
    assert first.whole
    assert first.test_reads == 0
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    reads = Store.open(out).scores.reads()
    assert reads > 0

    changed = tiny_study(photos).model_copy(update={"verdict": VerdictChoice(smallest_slope=0.3)})
    assert afield.run_study(changed, out).trained == 0, "a verdict is in no trial's key"
    again, second = Store.open(out).rules.read("tiny")
    assert again == first
    assert (second.rule["smallest_slope"], second.test_reads) == (0.3, reads)
    assert "other smallest slope (0.3 in place of 0.1)" in registration(load_record(out)).words
