"""A checkpoint holds everything that an exact resume needs; random streams need nothing, they are derived from the
position.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from afield.base.errors import DamagedError, StoreError
from afield.base.files import write_atomic
from afield.base.regular import read_bytes

Tensors = dict[str, torch.Tensor]


@dataclass
class Best:
    """The network at the best epoch so far (ties: the earliest)."""

    epoch: int
    """from 1"""
    metric: float
    loss: float
    network: Tensors
    logits: torch.Tensor
    """of the validation split at that epoch, float32 [n, classes]"""


@dataclass
class State:
    """Where a training stands: between two steps."""

    epoch: int = 0
    """whole epochs done"""
    step: int = 0
    """steps done in the epoch that has begun"""
    losses: torch.Tensor | None = None
    """[steps] of the epoch that has begun: the sum of an update's losses, 0 where it is still to come"""
    seconds: float = 0.0
    """spent in the epoch that has begun"""
    network: Tensors = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    """of float16's loss"""
    average: Tensors = field(default_factory=dict)
    """of the weights, where the recipe has one"""
    best: Best | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    """a row an epoch"""


def save_checkpoint(path: Path, state: State, platform: Mapping[str, str]) -> None:
    """Write a state, whole or not at all. Raises StoreError where the disk is full."""
    content = {field_name: value for field_name, value in vars(state).items() if field_name != "best"}
    content["best"] = None if state.best is None else vars(state.best)
    buffer = io.BytesIO()  # torch hides a full disk behind a RuntimeError; bytes written by Python do not
    torch.save({"state": content, "platform": dict(platform)}, buffer)
    write_atomic(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))


def load_checkpoint(path: Path, platform: Mapping[str, str]) -> State | None:
    """Read a state that was saved on this platform; None where there is none: on another, bits would differ. Raises
    DamagedError for a file that is not what was saved, StoreError where it cannot be read just now.
    """
    try:
        data = read_bytes(path)  # apart from the parsing: what cannot be read for a moment is not damaged
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error}); run the study again") from error
    try:
        content = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        if content["platform"] != dict(platform):
            return None
        state = dict(content["state"])
        best = state.pop("best")
        return State(**state, best=None if best is None else Best(**best))
    except MemoryError:
        raise
    except Exception as error:  # torch raises many kinds for a damaged file; each means the same here
        raise DamagedError(
            f"{path}: a damaged checkpoint ({type(error).__name__}); run the study again to train this trial anew"
        ) from error
