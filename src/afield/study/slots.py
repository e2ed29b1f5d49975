"""How many trials run at once on a machine, and how many processes feed each, where nobody says."""

from __future__ import annotations

from afield.base.process import cores
from afield.training.numerics import NumericsChoice


def settle_slots(slots: int | None, workers: int | None, numerics: NumericsChoice) -> tuple[int, int]:
    """Trials at once and loader processes of each: on a CPU as many trials as cores (by the threads and processes of
    one) that make their own batches; on a GPU one, fed by up to eight.
    """
    on_cpu = numerics.device == "cpu"
    if slots is None:
        slots = max(1, cores() // (int(numerics.threads) * numerics.devices)) if on_cpu else 1
    if workers is None:
        workers = 0 if on_cpu else min(8, max(1, cores() // (slots * numerics.devices)))
    return slots, workers
