"""What extensions and plans hold that no type checker has seen: metrics of any make, splits of any shape."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.base.extensions import Extension
from afield.scoring.metric import Metric
from afield.scoring.predictions import Predictions
from afield.study.collecting.beside_computed import Said, measured_beside
from afield.study.folder.shapes import StoredTraining, check_shape
from afield.study.measured import measured
from afield.study.own_metrics import own_metric
from afield.tasks.reviewed import Reviewed
from afield.tasks.training_split import Added, TrainingSplit, training_words
from tests.hostile.mutations import VALUES, few_or_many, refused_in_words, spoilt_trees

NAMES = np.array([f"s{number}" for number in range(8)])
SAID = Predictions(
    ("fox", "owl"), NAMES, NAMES, NAMES, np.arange(8) % 2, np.linspace(-1, 1, 16).reshape(8, 2).astype(np.float32)
)
SAMPLES = pd.DataFrame({"id": NAMES, "group": NAMES, "unit": NAMES, "cluster": NAMES, "site": ["a", "b"] * 4})
odd: st.SearchStrategy[Any] = st.sampled_from(
    (
        *VALUES,
        None,
        0.5,
        np.float32(0.5),
        np.array([0.5]),
        np.array([0.2, 0.3]),
        np.array(0.5),
        1j,
        b"x",
        object(),
        ZeroDivisionError,
        SystemExit,
    )
)
"""what a metric may give, and an error that it may raise"""
ranges = st.one_of(st.just((0, 1)), odd, st.tuples(odd, odd), st.tuples(odd, odd, odd))


def make(given: Any, of: Any) -> Any:
    """What gives that, or raises it."""

    def give(*arguments: object) -> Any:
        if isinstance(given, type) and issubclass(given, BaseException):
            raise given(f"of {of}")
        return given

    return give


@few_or_many
def test_a_metric_of_any_make_is_refused_in_words_or_gives_numbers(often: settings) -> None:
    @often
    @given(
        gives=odd,
        resampled=st.one_of(st.none(), odd),
        called=st.booleans(),
        settles=st.one_of(st.none(), odd),
        span=ranges,
        direction=st.one_of(st.sampled_from(["higher", "lower"]), odd),
        needs=st.one_of(st.just(()), st.just(("site",)), odd),
        scores=st.one_of(st.just("samples"), odd),
        leads=st.booleans(),
    )
    def check(
        gives: Any,
        resampled: Any,
        called: bool,
        settles: Any,
        span: Any,
        direction: Any,
        needs: Any,
        scores: Any,
        leads: bool,
    ) -> None:
        metric = Metric(
            compute=make(gives, "compute") if called else gives,
            range=span,
            direction=direction,
            needs=needs,
            scores=scores,
            resampled=None if resampled is None else make(resampled, "resampled"),
            settle=None if settles is None else make(settles, "settle"),
        )
        extension = Extension("lab", Path("lab.py"), "a" * 64, {"odd": metric})

        def use() -> None:
            mine = own_metric("lab:odd", {"lab": extension}, leads=leads)
            said = Said(Path(), (), ("t",), lambda: [(SAID, SAID)], lambda metric, pairs: measured(metric, *pairs[0]))
            found = measured_beside(mine, said, {"t": SAMPLES})
            if found.why:
                assert "lab:odd" in found.why
            else:
                assert isinstance(found.value, float)

        refused_in_words(use, "lab:odd")

    check()


SPLIT = TrainingSplit(
    28, (Added("more", 4, {"a.png": "b.png"}, {}, 1, {"c.png": "cut"}), Added("less", 2)), Reviewed(1, 2, 3)
)


@few_or_many
def test_what_a_plan_tells_of_a_training_split_is_refused_by_its_place_or_taken(often: settings) -> None:
    told = json.loads(json.dumps(asdict(SPLIT)))
    assert TrainingSplit.from_plain(told) == SPLIT
    names = ("samples", "added", "reviewed", "exact", "alike", "new")

    @often
    @given(spoilt_trees([told], names))
    def check(values: Any) -> None:
        def use() -> None:
            check_shape(Path("tiny.json"), values, StoredTraining)
            assert training_words(TrainingSplit.from_plain(values))

        refused_in_words(use, "tiny.json")

    check()
