"""What a network takes for one image: as many runs as are said, and nothing of it where nobody can know."""

import pytest
import torch
from torch import nn

from afield.training import inference
from afield.training.inference import RUNS, WARM, Inference, measure_inference
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocessing

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


def test_it_is_the_median_of_runs_after_warm_ones_and_has_memory_on_cuda_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Slow().train()
    monkeypatch.setattr(inference.time, "perf_counter", lambda: network.clock)
    image = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    found = measure_inference(network, image, Preprocessing((0.0,) * 3, (1.0,) * 3), NUMERICS)
    assert network.shapes == [(1, 3, 8, 8)] * (WARM + RUNS)
    assert found == Inference(seconds=2.0, memory=None)
