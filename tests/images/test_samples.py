"""Which images lie in a GPU's memory: its numbers are made up here, and the CPU stands for it."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from afield.images import samples
from afield.images.samples import mapped, resident
from afield.trial.inputs import SplitInputs
from tests.fixtures.tiny import tiny_inputs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def splits(photos: Path, cache: Path) -> dict[str, SplitInputs]:
    return tiny_inputs(photos, cache)[1]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Its bytes, those that are free, and those of torch's allocator, of which nothing is in use."""
    told = {"free": 0, "whole": 0, "reserved": 0}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (told["free"], told["whole"]))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: told["reserved"])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(samples, "_HELD", OrderedDict())
    return told


def test_both_splits_together_take_a_quarter_at_most(splits: dict[str, SplitInputs], card: dict[str, int]) -> None:
    train, validation = (splits[name].images.folder for name in ("train", "validation"))
    both = len(mapped(train)) + len(mapped(validation))
    card.update(free=4 * both, whole=4 * both)
    shown = resident(train, CPU)
    assert shown is not None
    assert torch.equal(shown, mapped(train))
    assert resident(validation, CPU) is not None
    card.update(whole=4 * both - 4)
    assert resident(train, CPU) is shown, "what lies there stays"
    samples._HELD.popitem(last=False)
    assert resident(validation, CPU) is None


def test_what_others_hold_is_not_taken(splits: dict[str, SplitInputs], card: dict[str, int]) -> None:
    train = splits["train"].images.folder
    bytes_ = len(mapped(train))
    card.update(free=4 * bytes_ - 4, whole=40 * bytes_)
    assert resident(train, CPU) is None
    card.update(reserved=4)
    assert resident(train, CPU) is not None


def test_the_last_two_folders_are_held(splits: dict[str, SplitInputs], card: dict[str, int], tmp_path: Path) -> None:
    card.update(free=10**9, whole=10**9)
    train, validation = (splits[name].images.folder for name in ("train", "validation"))
    third = tmp_path / "third"
    third.symlink_to(train)
    for folder in (train, validation, train, third):
        resident(folder, CPU)
    assert [folder for folder, _ in samples._HELD] == [train, third]
