"""Timings of a study's backbones, and the lines that come of them."""

from pathlib import Path

import pytest

from afield.study.study_file import parse_study
from afield.study.tune import Timing, Way, describe_timings, tune, ways
from tests.fixtures.tiny import tiny_study

FLOAT = Way("float32", "channels_last", compile=False)
BRAIN = Way("bfloat16", "channels_last", compile=False)


def test_a_real_backbone_is_timed_in_every_way(photos: Path) -> None:
    said: list[str] = []
    timings = tune(tiny_study(photos), 0, said.append)
    assert said == ["squeezenet1_1.caffe_in1k at 32 px, batches of 8"]
    assert [timing.way for timing in timings] == list(ways("cpu"))
    assert all(timing.rate is not None and timing.rate > 0 for timing in timings)
    assert [timing.way for timing in timings if timing.usual] == [FLOAT]


def test_the_lines_are_those_of_the_way_that_suits_all() -> None:
    text = describe_timings(
        [
            Timing("a", FLOAT, 10.0, usual=True),
            Timing("a", BRAIN, 40.0, usual=False),
            Timing("b", FLOAT, 20.0, usual=True),
            Timing("b", BRAIN, 10.0, usual=False),
        ]
    )
    assert '[numerics]\nprecision = "bfloat16"\nmemory_format = "channels_last"\ncompile = false' in text
    assert "4.00" in text
    assert "0.50" in text


def test_the_lines_are_a_studys() -> None:
    head = '[study]\nname = "x"\ntasks = ["elpv"]\nbackbones = ["resnet18.tv_in1k"]\n[numerics]\n'
    numerics = parse_study(head + BRAIN.lines(), "x.toml").numerics
    assert (numerics.precision, numerics.memory_format, numerics.compile) == ("bfloat16", "channels_last", False)


@pytest.mark.parametrize(("fast", "expected"), [(None, "numerics are the fastest as they are"), (5.0, "as they are")])
def test_a_way_that_one_backbone_cannot_train_in_is_none(fast: float | None, expected: str) -> None:
    timings = [Timing("a", FLOAT, 10.0, usual=True), Timing("a", BRAIN, fast, usual=False, reason="no kernel")]
    text = describe_timings(timings)
    assert expected in text
    assert "a, bfloat16, channels_last: no kernel" in text
    assert ("cannot" in text) == (fast is None)


def test_where_no_way_suits_all_it_says_so() -> None:
    assert "No way suits all" in describe_timings([Timing("a", FLOAT, None, usual=True, reason="no kernel")])
