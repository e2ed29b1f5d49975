"""One network alone on a device, with images read meanwhile: to measure, not to train."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import torch

from afield.backbones.backbone import Backbone
from afield.images.prepared import refuse_broken
from afield.training.device import available_devices
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle

Item = TypeVar("Item")


def numerics_alone(backbone: Backbone) -> Numerics:
    """float32 on the best device, with as many threads as torch has: only one network runs here."""
    choice = NumericsChoice(precision="float32", threads=torch.get_num_threads(), deterministic=False)
    return numerics_for(settle(choice, available_devices()[0]), backbone.convolutional)


def pictures_of(
    items: Sequence[Item],
    size: int,
    prepare: Callable[[Item], torch.Tensor | str],
    progress: Callable[[int, int, float], None],
) -> Generator[list[torch.Tensor], None, None]:
    """What `prepare` makes of each item, `size` at a time in order, while the next batch is read; it gives words for
    what cannot be used, and after the first of these only what is broken too is still looked for.

    `progress(items done, all, seconds that they took)` is told after each batch and may raise to stop. Raises
    InputError, in the end, that lists what is broken.
    """
    broken, done, begun = list[str](), 0, time.perf_counter()
    with warnings.catch_warnings(), closing(_read_ahead(items, size, prepare)) as read:
        warnings.filterwarnings("ignore", module="PIL")  # they are about metadata, which is not used
        for prepared in read:
            broken += [complaint for complaint in prepared if isinstance(complaint, str)]
            if not broken:
                yield [picture for picture in prepared if not isinstance(picture, str)]
            done += len(prepared)
            progress(done, len(items), time.perf_counter() - begun)
    refuse_broken(broken, len(items))


def _read_ahead(
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
