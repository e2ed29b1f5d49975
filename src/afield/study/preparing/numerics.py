"""What a study's numerics leave `auto`, settled once a result folder: OUT/numerics.toml."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from afield.base.errors import InputError, StoreError
from afield.base.files import write_text_once
from afield.base.regular import read_text
from afield.tasks.task import Protocol
from afield.training.numerics import Device, NumericsChoice, settle


def settle_numerics(choice: NumericsChoice, out: Path | None, protocol: Protocol = "clean") -> NumericsChoice:
    """Fill what the study leaves `auto`: the device from OUT/numerics.toml where a run has settled it there, else this
    machine's best; the rest by the rule for that device.

    torch is imported to look the device up, but not for a CPU that is named or settled. Without `out` nothing is read
    or written. Of several first runs at once the first to write settles it for all. Raises InputError where this
    machine lacks the device.
    """
    path = None if out is None or choice.device != "auto" else out / "numerics.toml"
    first = path is not None and not path.exists()
    device = choice.device
    if path is not None and not first:
        device = _settled_device(path)
    if device != "cpu":
        from afield.training.device import available_devices, device_count

        here = available_devices()
        device = here[0] if device == "auto" else device
        if device not in here:
            raise InputError(f"numerics.device: this machine has no {device}; it has {', '.join(here)}")
        if device == "mps" and choice.precision == "float64":
            raise InputError('numerics.precision: mps has no float64; say device = "cpu" beside it, or take float32')
        if choice.devices > 1 and choice.devices > device_count(device):
            raise InputError(
                f"numerics.devices: {choice.devices}: one training can use {device_count(device)} of this machine's "
                f"{device}; name no more"
            )
    if protocol == "paper" and choice.precision == "auto":
        choice = choice.model_copy(update={"precision": "float32"})  # the study had no mixed precision
    settled = settle(choice, device)
    if path is not None and first and not write_text_once(path, _as_toml(settled)):
        return settle_numerics(choice, out, protocol)  # another run was first after all
    return settled


def _settled_device(path: Path) -> Device:
    try:
        device = NumericsChoice.model_validate(tomllib.loads(read_text(path))).device
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it to settle the numerics anew") from error
    if device == "auto":
        raise StoreError(f"{path}: names no device; delete it to settle the numerics anew")
    return device


def _as_toml(settled: NumericsChoice) -> str:
    head = "# What `auto` was settled to before the first trial of this folder; `device` is read again by later runs.\n"
    # JSON's strings, numbers and booleans are TOML's too
    return head + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settled.model_dump().items())
