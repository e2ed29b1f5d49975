"""Which images lie in a GPU's memory: its numbers are made up here, and the CPU stands for it."""

import weakref
from pathlib import Path

import pytest
import torch

from afield.images import samples
from afield.images.samples import begin_residents, mapped, resident
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
    monkeypatch.setattr(samples, "_HERE", samples._Residents())
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
    samples._HERE.held.pop((validation, CPU))
    assert resident(validation, CPU) is None


def test_what_others_hold_is_not_taken(splits: dict[str, SplitInputs], card: dict[str, int]) -> None:
    train = splits["train"].images.folder
    bytes_ = len(mapped(train))
    card.update(free=4 * bytes_ - 4, whole=40 * bytes_)
    assert resident(train, CPU) is None
    card.update(reserved=4)
    assert resident(train, CPU) is not None


def held() -> list[str]:
    return [folder.name for folder, _ in samples._HERE.held]


@pytest.fixture
def folders(splits: dict[str, SplitInputs], tmp_path: Path) -> list[Path]:
    """Four of the same images."""
    places = [tmp_path / name for name in "abcd"]
    for place in places:
        place.symlink_to(splits["train"].images.folder)
    return places


def room_for(count: float, folders: list[Path], card: dict[str, int]) -> None:
    whole = int(4 * count * len(mapped(folders[0])))
    card.update(whole=whole, free=100 * whole)


def test_jobs_that_share_a_device_share_the_quarter(folders: list[Path], card: dict[str, int]) -> None:
    room_for(2, folders, card)
    begin_residents(3)
    assert resident(folders[0], CPU) is None
    begin_residents(2)
    assert resident(folders[0], CPU) is not None
    assert resident(folders[1], CPU) is None


def test_of_two_splits_that_do_not_fit_together_the_first_stays(folders: list[Path], card: dict[str, int]) -> None:
    room_for(1.5, folders, card)
    begin_residents(1)
    train, validation, *_ = folders
    first = resident(train, CPU)
    for _ in range(3):  # epochs
        assert resident(validation, CPU) is None
        assert resident(train, CPU) is first


def test_what_an_earlier_job_holds_stays_until_its_room_is_needed(folders: list[Path], card: dict[str, int]) -> None:
    room_for(3, folders, card)
    for folder in folders[:3]:
        resident(folder, CPU)
    begin_residents(1)
    assert held() == ["a", "b", "c"]
    resident(folders[0], CPU)
    assert resident(folders[3], CPU) is not None
    assert held() == ["c", "a", "d"], "the oldest went, which this job does not use"


def test_what_an_earlier_job_holds_goes_where_others_leave_little(folders: list[Path], card: dict[str, int]) -> None:
    room_for(3, folders, card)
    resident(folders[0], CPU)
    begin_residents(1)
    card.update(free=int(3.5 * len(mapped(folders[0]))))
    assert resident(folders[1], CPU) is not None
    assert held() == ["b"]


class Circle:
    """As a network that refers to itself."""

    def __init__(self) -> None:
        self.circle = self


def test_a_job_gives_back_to_the_device_what_those_before_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch keeps for its process what was freed there, and a training beside it on the GPU finds no room."""
    given_back = list[bool]()
    left = weakref.ref(Circle())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(left() is None))
    begin_residents(1)
    assert not given_back, "this process has no GPU in use"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    begin_residents(1)
    assert given_back == [True]


def test_nothing_goes_for_what_fits_by_no_means(folders: list[Path], card: dict[str, int]) -> None:
    room_for(2, folders, card)
    for folder in folders[:2]:
        resident(folder, CPU)
    begin_residents(1)
    room_for(0.9, folders, card)
    assert resident(folders[2], CPU) is None
    assert held() == ["a", "b"]
