"""What differs between devices: strict determinism on CUDA, and compiled networks that forget earlier trials."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from afield.base.errors import InputError
from afield.images.loader import TrainingBatches
from afield.images.samples import Samples
from afield.training.checkpoint import State
from afield.training.device import compiled, nondeterminism_named, settle_process
from afield.training.loop import Hooks, Setup, train
from afield.training.numerics import Device, Numerics, NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from tests.fixtures.tiny import tiny_inputs


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Determinism and threads belong to the process: give them back."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]  # torch makes it at run time
    torch.set_num_threads(threads)


class Scattered(nn.Module):
    """A network with an operation that torch knows to be nondeterministic on every device."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = images.mean(dim=(2, 3))
        return self.layer(means.detach().clone().put_(torch.tensor([0]), torch.tensor([1.0])))


def numerics(device: Device = "cpu", **changes: object) -> Numerics:
    return numerics_for(settle(NumericsChoice.model_validate(changes), device), convolutional=True)


@pytest.mark.usefixtures("_as_before")
def test_cuda_is_strict_unless_the_study_says_otherwise() -> None:
    for settled, strict in (
        (numerics("cuda"), True),
        (numerics("cuda", deterministic=False), False),
        (numerics("cuda"), True),
        (numerics("cpu"), False),
    ):
        settle_process(settled)
        assert torch.are_deterministic_algorithms_enabled() is strict
        assert not torch.is_deterministic_algorithms_warn_only_enabled()


@pytest.mark.usefixtures("_as_before")
def test_a_refused_operation_is_named_with_the_mend(photos: Path, cache: Path) -> None:
    _, splits = tiny_inputs(photos, cache)
    samples: Samples = splits["train"].samples()
    setup = Setup(
        Scattered(),
        TrainingBatches(samples, 32, "bilinear", 8, 0, "paper", ()),
        splits["validation"].samples(),
        lambda logits: (0.0, 0.0),
        Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        Recipe(image_size=32, epochs=1, batch_size=8, learning_rate=1e-3),
        numerics(),
    )
    torch.use_deterministic_algorithms(True)
    with pytest.raises(InputError, match=r"the operation put_ .* deterministic = false into the study's \[numerics\]"):
        train(setup, State(), 1, Hooks())
    torch.use_deterministic_algorithms(False)
    assert train(setup, State(), 1, Hooks()).epoch == 1


def test_other_errors_of_a_network_pass() -> None:
    with pytest.raises(RuntimeError, match="cannot be multiplied"), nondeterminism_named():
        torch.ones(2, 3) @ torch.ones(2, 3)


@pytest.mark.slow
def test_each_trial_compiles_each_of_its_shapes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left alone, torch keeps what an earlier trial compiled, and takes the second size of a batch for a sign that any
    size may come: kernels, and so bits, would depend on what ran before.
    """
    graphs = []

    def as_it_is(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=as_it_is))
    network = nn.Conv2d(3, 2, 1)
    for trial in (1, 2):
        forward = compiled(network, numerics(compile=True))
        for samples in (8, 5, 3, 8):
            assert forward(torch.ones(samples, 3, 4, 4)).shape == (samples, 2, 4, 4)
        assert len(graphs) == 3 * trial
    assert compiled(network, numerics()) is network
