"""Pickles from outside: arrays of Python 2's time are read, anything else is refused before it is imported."""

import pickle

import numpy as np
import pytest

from afield.base.pickles import load_arrays
from tests.fixtures.web import python2_batch


def test_arrays_and_plain_values_of_python_2_are_read() -> None:
    pixels = np.arange(6144, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)
    batch = load_arrays(python2_batch("labels", [3, 7], pixels), encoding="latin1")
    assert isinstance(batch, dict)
    assert batch["labels"] == [3, 7]
    assert np.array_equal(batch["data"], pixels)


@pytest.mark.parametrize("value", [print, ValueError, np.random.default_rng, complex(1, 2)])
def test_what_must_be_imported_is_refused(value: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"it asks for .*; only numpy arrays are admitted"):
        load_arrays(pickle.dumps(value, protocol=2))
