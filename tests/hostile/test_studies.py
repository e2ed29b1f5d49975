"""Study files: of the shipped ones, spoilt, and of those that are too much for a reader."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.errors import InputError
from afield.study.preparing.study_file import parse_study, shipped_studies
from tests.hostile.mutations import few_or_many, refused_in_words, spoilt_bytes, spoilt_trees

SHIPPED = list(shipped_studies().values())
KEYS = (
    "learning_rate", "epochs", "study", "interventions", "soups", "ensembles", "tasks", "search", "grid", "method",
    "initialisation", "loss", "balance", "further", "reviewed", "backbones", "augmentation", "pooling", "head",
    "image_size", "over", "task", "share", "shots", "folds", "labels", "splits", "seeds", "views", "metrics", "devices",
)  # fmt: skip


def toml(value: Any) -> str:
    """A value as TOML has it, tables within the line."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
        case _:
            return json.dumps(value)


@pytest.mark.slow
@few_or_many
def test_spoilt_values_are_refused_in_words_or_are_a_study(often: settings) -> None:
    @often
    @given(spoilt_trees([tomllib.loads(text) for text in SHIPPED], KEYS))
    def check(tree: dict[str, Any]) -> None:
        text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tree.items())
        refused_in_words(lambda: parse_study(text, "study.toml"), "study.toml")

    check()


@few_or_many
def test_spoilt_text_is_refused_in_words_or_is_a_study(often: settings) -> None:
    @often
    @given(st.sampled_from(SHIPPED).flatmap(lambda text: spoilt_bytes(text.encode())))
    def check(content: bytes) -> None:
        text = content.decode(errors="replace")
        refused_in_words(lambda: parse_study(text, "study.toml"), "study.toml")

    check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "too deeply"),
        ("[" + ".".join("a" * 3000) + "]\nb = 1", "too deeply"),
        ("[recipe]\nepochs = " + "9" * 6000, "digits"),
        ("".join(f"[x{number}]\na = 1\n" for number in range(2000)), "complaints more"),
    ],
    ids=["lists", "tables", "digits", "mistakes"],
)
def test_what_is_too_much_for_a_reader_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"study\.toml: .*{words}") as caught:
        parse_study(text, "study.toml")
    assert len(str(caught.value)) < 20_000


def test_a_grid_of_a_million_cells_is_a_slip() -> None:
    values = [round(number * 1e-6, 6) for number in range(1, 1001)]
    grid = {"learning_rate": values, "weight_decay": values}
    study = {"name": "slip", "tasks": ["elpv"], "backbones": ["squeezenet1_1.caffe_in1k"]}
    with pytest.raises(InputError, match="1,000,000 cells"):
        parse_study(f"study = {toml(study)}\nsearch = {toml({'grid': grid})}", "study.toml")
