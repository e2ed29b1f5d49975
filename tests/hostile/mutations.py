"""How good input is spoilt: trees of values, lines of a table, bytes of a file."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from afield.base.errors import AfieldError

Tree: TypeAlias = Any
LONG = "x" * 4000
TEXTS = (
    "", " ", LONG, "../../etc/passwd", "/", "\N{COLLISION SYMBOL}", "<script>alert(1)</script>", "x.py:", "a:b", ":",
    "line\nbreak", "\x1b[31mred", "\u202eesrever", "nan", "-1", "1e400", "=1+1", "\N{ARABIC-INDIC DIGIT ONE}", "None",
    "'", '"',
)  # fmt: skip
VALUES: tuple[Tree, ...] = (
    *TEXTS, -1, 0, 10**30, float("inf"), float("nan"), -0.0, 5e-324, True, [], {}, [[]], [{}], {"a": {}}, [1e-4, 1e-4],
    ["x"],
)  # fmt: skip
MANY = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=25)
few_or_many = pytest.mark.parametrize(
    "often",
    [pytest.param(FEW, id="few"), pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.long], id="thousand")],
)


def refused_in_words(use: Callable[[], object], place: str, longest: int = 20_000) -> None:
    """Nothing happens, or what was given is refused: the words name the place, and can be read."""
    try:
        use()
    except AfieldError as error:
        words = str(error)
        assert place in words, words
        assert len(words) < longest, words[:300]


def _places(tree: Tree, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield from _places(value, (*place, key))


@st.composite
def spoilt_trees(draw: st.DrawFn, trees: list[Tree], keys: tuple[str, ...]) -> Tree:
    """One of the trees, with up to four values replaced, taken away, or put under some other key."""
    tree = copy.deepcopy(draw(st.sampled_from(trees)))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(tree))
        if not places:
            break
        *above, last = draw(st.sampled_from(places))
        inner = tree
        for key in above:
            inner = inner[key]
        match draw(st.sampled_from(["replace", "replace", "add", "remove"])):
            case "replace":
                inner[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "add" if isinstance(inner, list):
                inner.insert(last, copy.deepcopy(draw(st.sampled_from(VALUES))))
            case "add":
                inner[draw(st.sampled_from((*keys, *TEXTS)))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "remove":
                del inner[last]
    return tree


@st.composite
def spoilt_rows(draw: st.DrawFn, rows: list[list[str]]) -> str:
    """The lines of a table (CSV, not quoted) with cells replaced, taken away or put in, cut off or twice there."""
    rows = [list(row) for row in rows]
    for _ in range(draw(st.integers(1, 5))):
        row = draw(st.sampled_from(rows))
        if not row:
            continue
        place = draw(st.integers(0, len(row) - 1))
        match draw(st.sampled_from(["replace", "replace", "replace", "insert", "remove", "column", "twice", "cut"])):
            case "replace":
                row[place] = draw(st.sampled_from(TEXTS))
            case "insert":
                row.insert(place, draw(st.sampled_from(TEXTS)))
            case "remove":
                del row[place]
            case "column":
                value = draw(st.sampled_from(TEXTS))
                for each in rows[1:]:
                    each[place : place + 1] = [value]
            case "twice":
                rows.append(list(row))
            case "cut":
                rows = rows[: max(1, rows.index(row))]
    return "\n".join(",".join(row) for row in rows)


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of which some were changed, cut off, put in or written twice."""
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        place = draw(st.integers(0, len(content) - 1))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(["change", "cut", "insert", "twice"])):
            case "change":
                content = (
                    content[:place] + draw(st.binary(min_size=length, max_size=length)) + content[place + length :]
                )
            case "cut":
                content = content[:place]
            case "insert":
                content = content[:place] + draw(st.binary(max_size=40)) + content[place:]
            case "twice":
                content = content[:place] + content[place : place + length] * 2 + content[place + length :]
    return content


@st.composite
def spoilt_numbers(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of JSON in which one to nine numbers have become another one."""
    number = draw(st.sampled_from([b"1e400", b"9" * 5000, b"-1", b"0", b"NaN", b"0.25", b"null"]))
    places = list(re.finditer(rb"(?<=[:\[ ,])-?[0-9][0-9.e-]*", content))
    for found in sorted(draw(st.sets(st.sampled_from(places), min_size=1, max_size=9)), key=lambda each: -each.start()):
        content = content[: found.start()] + number + content[found.end() :]
    return content
