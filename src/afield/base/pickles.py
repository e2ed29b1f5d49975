"""Pickles from outside: numpy arrays and plain values are admitted, and nothing that they name is imported or run."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray


def load_arrays(content: bytes, encoding: str = "ASCII") -> object:
    """What a pickle holds, where that is plain numpy arrays, numbers, texts and their lists, tuples and dicts.

    `encoding` is that of texts pickled by Python 2; arrays of that time need `latin1`. Raises UnpicklingError for
    anything else, before it is imported.
    """
    return _ArrayUnpickler(io.BytesIO(content), encoding=encoding).load()


def _new_array(kind: object, shape: object, code: object) -> NDArray[Any]:
    """What numpy's own `_reconstruct` does for plain arrays: an empty one, that the pickle then fills."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("it holds something else than plain numpy arrays")
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


class _ArrayUnpickler(pickle.Unpickler):
    """Admits the three names that a plain numpy array needs; any other is refused before it is imported."""

    _ADMITTED: dict[tuple[str, str], object] = {  # noqa: RUF012 (never changed)
        ("numpy.core.multiarray", "_reconstruct"): _new_array,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401 (pickle's own signature)
        if (module_name, global_name) not in self._ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}; only numpy arrays are admitted")
        return self._ADMITTED[module_name, global_name]

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError(f"it refers to {pid!r} outside the file")
