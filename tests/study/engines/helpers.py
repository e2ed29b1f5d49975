"""A Ray on this machine alone, small enough for a test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from afield.study.engines.ray import import_ray

SMALL = {"object_store_memory": 150_000_000, "include_dashboard": False}
QUIET = {"log_to_driver": False, "configure_logging": False, "logging_level": "ERROR"}


@contextmanager
def small_ray(cache: Path, cpus: int = 2) -> Iterator[None]:
    """Ray with so many CPUs; its workers have the tests' cache. The engine takes it as it finds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        patch.delenv("RAY_ADDRESS", raising=False)
        ray = import_ray()
        ray.init("local", num_cpus=cpus, **SMALL, **QUIET)
        try:
            yield
        finally:
            ray.shutdown()


def killer(place: Path, deaths: int) -> str:
    """An extension whose loss kills the worker that calls it, so many times; else it is cross-entropy."""
    count = place / "deaths"
    count.write_text(str(deaths))
    return f"""
import os
import signal
from pathlib import Path

from torch.nn import functional

from afield import Loss


def compute(logits, labels):
    count = Path({str(count)!r})
    left = int(count.read_text())
    if left and os.getpid() != {os.getpid()}:
        count.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return functional.cross_entropy(logits, labels, reduction="none")


loss = Loss(compute=compute)
"""
