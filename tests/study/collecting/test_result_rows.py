"""What a prediction takes, from the folder of a score into the results table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import afield
from afield.study.collecting.result_rows import _inference
from afield.study.store import Store


def told(score: dict[str, Any] | None, machine: str = "here") -> dict[str, float | None]:
    store = SimpleNamespace(scores=SimpleNamespace(look=lambda key: score))
    return _inference(cast(Store, store), "key", machine)


def test_milliseconds_and_megabytes_count_on_the_machine_that_trained() -> None:
    score = {"machine": "here", "inference": {"seconds": 0.0125, "memory": 96_000_000}}
    assert told(score) == {"predict_ms": 12.5, "predict_mb": 96.0}
    uncounted = {"machine": "here", "inference": {"seconds": 0.0125, "memory": None}}
    assert told(uncounted) == {"predict_ms": 12.5, "predict_mb": None}
    unknown = {"predict_ms": None, "predict_mb": None}
    assert told(score, "elsewhere") == unknown
    assert told({"platform": {}}) == unknown  # of an older afield
    assert told(None) == unknown


@pytest.mark.slow
def test_a_run_measures_what_a_prediction_takes(finished: Path) -> None:
    table = afield.results(finished)
    assert (table["predict_ms"] > 0).all()
    assert table.groupby("key")["predict_ms"].nunique().eq(1).all(), "of a network, not of a metric"
    weights = table["params_m"] * 4  # float32
    assert table["predict_mb"].gt(weights * 0.5).all(), "that of ImageNet's 1,000 classes is gone"
    assert table["predict_mb"].lt(weights + 50).all()
