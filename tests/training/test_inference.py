"""What a network takes for one image: as many runs as are said, and the bytes that one of known sizes must hold."""

import time

import pytest
import torch
from torch import nn

from afield.training import inference
from afield.training.inference import RUNS, WARM, measure_inference
from afield.training.numerics import Device, Numerics
from afield.training.preprocessing import Preprocessing
from tests.fixtures.gpu import DEVICES

NUMERICS = Numerics(
    device="cpu",
    precision="float32",
    memory_format="contiguous",
    threads=1,
    micro_batch=0,
    compile=False,
    tf32=False,
    deterministic=True,
)


class Slow(nn.Module):
    """By its own clock it takes ten seconds for each of the first images, in which a GPU would choose its kernels, and
    for one of the others, and two for the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []
        self.clock = 0.0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        self.clock += 10.0 if len(self.shapes) in (*range(WARM), WARM + 3) else 2.0
        self.shapes.append(tuple(images.shape))
        return images.mean(dim=(2, 3))


class Wide(nn.Module):
    """Of one image it makes two maps of a million float32 numbers, which live at once, then a third without the first;
    its weights are 1,000 float32 numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(1000))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first = images.mean() + torch.zeros(1_000_000, device=images.device)
        second = first + 1
        del first
        third = second * 2
        return third[:4][None]


IMAGE = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)


def test_the_time_is_the_median_of_runs_after_warm_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Slow().train()
    monkeypatch.setattr(time, "perf_counter", lambda: network.clock)
    found = measure_inference(network, IMAGE, Preprocessing((0.0,) * 3, (1.0,) * 3), NUMERICS)
    assert network.shapes == [(1, 3, 8, 8)] * (WARM + RUNS + 1)
    assert found.seconds == 2.0


@pytest.mark.parametrize("device", DEVICES)
def test_memory_is_what_lives_at_once_with_the_weights(device: Device, capfd: pytest.CaptureFixture[str]) -> None:
    numerics = NUMERICS.model_copy(update={"device": device})
    pixels = Preprocessing((0.0,) * 3, (1.0,) * 3)
    found, again = (measure_inference(Wide().to(device), IMAGE.to(device), pixels, numerics) for _ in range(2))
    assert found.memory is not None
    beside = (
        2 * 3 * 8 * 8 * 4 if device == "cpu" else 16 * 512
    )  # the image as the network sees it; a GPU's whole blocks
    assert 8_004_000 <= found.memory <= 8_004_000 + beside
    assert again.memory == found.memory
    assert capfd.readouterr().err == ""


def test_of_other_devices_memory_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_PEAKS", {})
    assert measure_inference(Wide(), IMAGE, Preprocessing((0.0,) * 3, (1.0,) * 3), NUMERICS).memory is None
