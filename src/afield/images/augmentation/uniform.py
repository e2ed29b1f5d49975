"""The random numbers of all that is drawn for a sample: a pure function of (stream key, epoch, sample). No torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def uniforms(key: int, epoch: int, samples: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float64]:
    """`count` random numbers from 0 to below 1 for each of n samples, [n, count].

    The counter is set to (sample, epoch), so each row is pure. Setting the counter of one generator takes a fifth of
    the time of making one a sample, with the same numbers.
    """
    uniform = np.empty((len(samples), count))
    if count == 0:
        return uniform
    bits = np.random.Philox(key=key)
    generator, state = np.random.Generator(bits), bits.state
    for row, sample in enumerate(samples.tolist()):
        state["state"]["counter"][:] = (0, 0, sample, epoch)
        bits.state = state
        generator.random(out=uniform[row])
    return uniform
