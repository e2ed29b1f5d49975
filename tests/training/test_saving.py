"""How often a state is saved."""

import pytest

from afield.training.saving import Saving


@pytest.mark.parametrize(
    ("took", "since", "due"),
    [
        (0.0, 0.0, True),  # nothing was saved yet
        (0.9, 0.0, True),
        (3.0, 29.0, False),
        (3.0, 31.0, True),
    ],
)
def test_saves_that_take_long_take_a_tenth_of_the_time(
    took: float, since: float, due: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 100.0 + took, 100.0 + took + since])
    saving = Saving()
    monkeypatch.setattr("afield.training.saving.time.monotonic", lambda: next(clock))
    with saving.timed():
        pass
    assert saving.due() is due
