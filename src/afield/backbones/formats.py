"""Which files may be weights: safetensors, and torch's checkpoints as far as they hold tensors alone.

A file is told by its bytes, not by its name, and before anything reads tensors from it. Nothing in it is ever run.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path

from afield.base.errors import InputError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""of files of weights, in the order in which they are looked for"""
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_LONGEST_HEADER = 100_000_000
"""bytes; safetensors' own limit"""


def is_safetensors(start: bytes, size: int) -> bool:
    """Whether a file of `size` bytes that begins with `start` (nine bytes suffice) is of safetensors: the length of a
    header that fits into the file, then the header.

    To be asked before anything else: the length may begin with the bytes of a pickle, never a pickle or an archive with
    a length.
    """
    return start[8:9] == b"{" and 2 <= struct.unpack("<Q", start[:8])[0] <= min(size - 8, _LONGEST_HEADER)


def check_format(path: Path) -> None:
    """Raise InputError, with the way to convert it, for a file that is broken or may not be read.

    Admitted: a whole safetensors file, and a checkpoint of torch.save that asks for nothing which
    `torch.load(weights_only=True)` refuses. That is seen without reading a tensor; only what a torch before 1.6 saved,
    one pickle after another, has to be read for it, with `weights_only=True`.
    """
    try:
        with path.open("rb") as stream:
            start, size = stream.read(16), os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise InputError(f"{path}: weights cannot be read ({error.strerror or error})") from error
    if is_safetensors(start, size):
        _check_safetensors(path, struct.unpack("<Q", start[:8])[0], size)
    elif start.startswith(_ZIP):
        _check_zip(path)
    elif start.startswith(_PICKLE):
        _check_pickle(path)
    else:
        raise InputError(
            f"{path}: is neither safetensors nor a checkpoint of torch.save; it may be broken off, or an error page "
            "that was saved under this name: get it again"
        )


def refused(path: Path, reason: str) -> InputError:
    """The words for a file that would have to be trusted, and where it says how to make one of it that needs no trust.

    No command of one line does that for state_dicts, checkpoints of trainings and whole networks alike.
    """
    return InputError(
        f"{path}: {reason}; it is not loaded, since that could run its code. Where you trust its source, convert it to "
        'safetensors once, as docs/weights.md says under "A file that is refused"'
    )


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception as error:  # of a damaged list of contents zipfile raises many kinds; each means the same here
        raise InputError(f"{path}: is broken off or damaged ({error}); get it again") from error
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise refused(path, "is a TorchScript archive, a program with its weights")
    if "data.pkl" not in inside:
        raise InputError(
            f"{path}: is an archive of something else ({', '.join(sorted(names)[:3])}, ...), not a checkpoint of "
            f"torch.save; give {' or '.join(SUFFIXES)}"
        )
    from torch.serialization import get_unsafe_globals_in_checkpoint  # it takes the pickle apart without running it

    try:
        unsafe = get_unsafe_globals_in_checkpoint(str(path))
    except Exception as error:  # whatever it meets that it does not know
        raise refused(path, f"holds a pickle with more than tensors ({error})") from error
    if unsafe:
        raise refused(path, f"holds a pickle that asks for {', '.join(sorted(unsafe)[:3])}")


def _check_pickle(path: Path) -> None:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of a protocol that it then refuses
            torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        reason = f"asks for {asked.group(1)}" if asked else "holds more than tensors"
        raise refused(path, f"is a pickle that {reason}") from error
    except Exception as error:  # whatever a damaged pickle leads to
        raise InputError(
            f"{path}: is broken off, damaged or no checkpoint of torch.save ({error or type(error).__name__}); "
            "get it again"
        ) from error


def _check_safetensors(path: Path, length: int, size: int) -> None:
    """`length`: bytes of the header; `size`: bytes of the file."""
    try:
        with path.open("rb") as stream:
            stream.seek(8)
            header = json.loads(stream.read(length))
        whole = 8 + length + max((entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise InputError(
            f"{path}: is broken off or damaged (its safetensors header cannot be read); get it again"
        ) from error
    if size != whole:
        raise InputError(f"{path}: is broken off or damaged ({size:,} of {whole:,} bytes); get it again")
