"""Timings of a study's backbones, and the lines that come of them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from afield.base.errors import InputError
from afield.study.preparing import tune as tuning
from afield.study.preparing.study_file import parse_study
from afield.study.preparing.tune import Timing, Way, describe_timings, tune, ways
from afield.training.learner import Learner
from tests.fixtures.tiny import study_text, tiny_study

FLOAT = Way("float32", "channels_last", compile=False)
BRAIN = Way("bfloat16", "channels_last", compile=False)


@pytest.mark.slow
def test_a_real_backbone_is_timed_in_every_way(photos: Path) -> None:
    said: list[str] = []
    timings = tune(tiny_study(photos), 0, said.append)
    assert said == ["squeezenet1_1.caffe_in1k at 32 px, batches of 8"]
    assert [timing.way for timing in timings] == list(ways("cpu"))
    assert all(timing.rate is not None and timing.rate > 0 for timing in timings)
    assert [timing.way for timing in timings if timing.usual] == [FLOAT]


@pytest.mark.slow
def test_what_trains_is_what_the_recipe_trains(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = study_text(photos).replace("squeezenet1_1.caffe_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k")
    text = text.replace(
        "[recipe]", '[recipe]\nhead = "linear"\npooling = "mean of tokens"\ntrained = "lora"\nlora_rank = 2'
    )
    study = parse_study(text.replace('initialisation = "scratch"\n', ""), "tiny.toml")
    trained = list[int]()
    made = Learner.__post_init__

    def counted(learner: Learner) -> None:
        made(learner)
        trained.append(sum(each.numel() for each in learner.network.parameters() if each.requires_grad))

    monkeypatch.setattr(Learner, "__post_init__", counted)
    timings = tune(study, 0, lambda words: None)
    assert all(timing.rate for timing in timings), [timing.reason for timing in timings]
    # rank 2 beside 12 blocks' four layers (192 -> 576, 192, 768 and 768 -> 192), and a head of ten classes
    assert set(trained) == {12 * 2 * (192 + 576 + 192 + 192 + 192 + 768 + 768 + 192) + 192 * 10 + 10}


@pytest.mark.slow
def test_a_head_alone_is_refused_and_several_devices_share_a_batch(photos: Path) -> None:
    text = study_text(photos).replace('initialisation = "scratch"\n', "")
    alone = text.replace("[recipe]", '[recipe]\ntrained = "head"\naugmentation = "none"')
    with pytest.raises(InputError, match=r'recipe.trained is "head", which learns from features.*nothing to tune'):
        tune(parse_study(alone, "tiny.toml"), 0, lambda words: None)
    said: list[str] = []
    timings = tune(parse_study(f'{text}[numerics]\ndevice = "cpu"\ndevices = 2\n', "tiny.toml"), 0, said.append)
    assert said == ["squeezenet1_1.caffe_in1k at 32 px, batches of 4, one of 2 devices"]
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


@pytest.mark.slow
def test_what_compiling_takes_is_no_part_of_a_rate(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own clock each of a compiled network's first two updates takes a minute, each of the others a second."""
    clock = [0.0]

    def slow_at_first(
        network: Callable[..., torch.Tensor], **settings: object
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        shown = list[int]()

        def forward(images: torch.Tensor) -> torch.Tensor:
            clock[0] += 60.0 if len(shown) < tuning.WARM else 1.0
            shown.append(len(images))
            return network(images)

        return forward

    monkeypatch.setattr(tuning, "ways", lambda device: (Way("float32", "channels_last", compile=True),))
    monkeypatch.setattr(torch, "compile", slow_at_first)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    for seconds in (0, 3):
        (timing,) = tune(tiny_study(photos), seconds, lambda words: None)
        assert timing.rate == 8.0, timing.reason
