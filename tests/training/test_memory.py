"""The largest step that fits, with an allocator that fails above so many samples."""

import weakref

import pytest
import torch
from torch import nn

from afield.base.errors import AfieldError
from afield.training.loop import EVALUATION_BATCH
from afield.training.losses import LOSSES
from afield.training.memory import hold_to, largest_micro_batch, try_step
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.recipe import Recipe

LOSS = LOSSES["cross-entropy"]
CPU = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)


class Narrow(nn.Module):
    """A network that has memory for so many samples at once, of which an evaluation needs less, and counts what it
    learned from.
    """

    def __init__(self, room: int, evaluated: int = EVALUATION_BATCH) -> None:
        super().__init__()
        self.room, self.evaluated, self.layer, self.seen = room, evaluated, nn.Linear(3, 2), list[int]()
        self.circle = [self]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > (self.room if self.training else self.evaluated):
            raise torch.OutOfMemoryError("no room")
        if self.training:
            self.seen.append(len(images))
        return self.layer(images.mean(dim=(2, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(("room", "expected"), [(128, 0), (1000, 0), (127, 64), (40, 32), (1, 1)])
def test_halves_until_it_fits(room: int, expected: int) -> None:
    made: list[Narrow] = []

    def attempt(at_once: int) -> None:
        made.append(Narrow(room))
        numerics = CPU.model_copy(update={"micro_batch": at_once})
        try_step(lambda: made[-1], Recipe(image_size=32), numerics, 3, torch.zeros(128, dtype=torch.int64), LOSS)

    assert largest_micro_batch(attempt, 128) == expected
    assert sum(made[-1].seen) == 2 * 128, "two whole updates"


@pytest.mark.slow
def test_an_odd_batch_is_halved_upwards() -> None:
    tried: list[int] = []

    def attempt(at_once: int) -> None:
        tried.append(at_once)
        if at_once > 2:
            raise torch.OutOfMemoryError("no room")

    assert largest_micro_batch(attempt, 13) == 2
    assert tried == [13, 7, 4, 2]


@pytest.mark.slow
def test_where_no_image_fits_it_says_so() -> None:
    def attempt(at_once: int) -> None:
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(AfieldError, match=r"single image does not fit .*smaller recipe\.image_size"):
        largest_micro_batch(attempt, 4)


@pytest.mark.slow
def test_where_only_the_evaluation_does_not_fit_it_says_so() -> None:
    """At once: no micro-batch mends it."""
    tried: list[int] = []

    def attempt(at_once: int) -> None:
        tried.append(at_once)
        narrow = Narrow(4, evaluated=EVALUATION_BATCH - 1)
        numerics = CPU.model_copy(update={"micro_batch": at_once})
        try_step(lambda: narrow, Recipe(image_size=32), numerics, 3, torch.zeros(8, dtype=torch.int64), LOSS)

    with pytest.raises(AfieldError, match=r"no room to evaluate 64 images at once.*image_size or fewer trials"):
        largest_micro_batch(attempt, 8)
    assert tried == [8, 4]


@pytest.mark.parametrize(
    "words",
    [
        "GET was unable to find an engine to execute this computation",
        "FIND was unable to find an engine to execute this computation",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'",
    ],
)
def test_want_of_memory_in_other_words_counts_unless_a_single_image_meets_it(words: str) -> None:
    """cuDNN's engines that lack room to work in are passed over; where none is left, torch says no more than that."""

    def attempt(at_once: int, room: int) -> None:
        if at_once > room:
            raise RuntimeError(words)

    assert largest_micro_batch(lambda at_once: attempt(at_once, 2), 8) == 2
    with pytest.raises(RuntimeError, match=words.split()[0]):
        largest_micro_batch(lambda at_once: attempt(at_once, 0), 8)


def test_a_share_of_the_memory_is_what_is_left_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's limit is for its own allocator: CUDA's memory for each process, and that of others, lie beside it."""
    given = list[float]()
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", given.append)
    for free in (1000, 950, 100):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda free=free: (free, 1000))
        hold_to(0.25)
    assert given == pytest.approx([0.25, 0.2, 0.0])


def test_any_other_error_is_no_want_of_memory() -> None:
    def attempt(at_once: int) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        largest_micro_batch(attempt, 4)


def test_what_a_step_took_is_free_before_the_next_is_tried() -> None:
    """Networks may refer to themselves, and would keep their memory until Python looks for such circles."""
    made: list[weakref.ref[Narrow]] = []

    def attempt(at_once: int) -> None:
        assert all(network() is None for network in made)
        network = Narrow(room=4)
        made.append(weakref.ref(network))
        numerics = CPU.model_copy(update={"micro_batch": at_once})
        try_step(lambda: network, Recipe(image_size=32), numerics, 3, torch.zeros(8, dtype=torch.int64), LOSS)

    assert largest_micro_batch(attempt, 8) == 4
