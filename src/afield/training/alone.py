"""One network alone on a device, with images read meanwhile: to measure, not to train."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from afield.backbones.backbone import Backbone
from afield.training.device import available_devices
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle

Item = TypeVar("Item")


def numerics_alone(backbone: Backbone) -> Numerics:
    """float32 on the best device, with as many threads as torch has: only one network runs here."""
    choice = NumericsChoice(precision="float32", threads=torch.get_num_threads(), deterministic=False)
    return numerics_for(settle(choice, available_devices()[0]), backbone.convolutional)


def read_ahead(
    items: Sequence[Item], size: int, prepare: Callable[[Item], torch.Tensor | str]
) -> Generator[list[torch.Tensor | str], None, None]:
    """What `prepare` gives of each item, `size` at a time in order; the next batch is read while one is computed."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # Pillow works outside Python's lock
        try:
            ahead: deque[list[Future[torch.Tensor | str]]] = deque()
            for start in range(0, len(items), size):
                ahead.append([pool.submit(prepare, item) for item in items[start : start + size]])
                if len(ahead) > 1:
                    yield [part.result() for part in ahead.popleft()]
            while ahead:
                yield [part.result() for part in ahead.popleft()]
        finally:
            pool.shutdown(cancel_futures=True)
