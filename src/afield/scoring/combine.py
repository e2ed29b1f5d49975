"""Several predictions of the same samples as one: the mean of probabilities, or of ranks.

What comes out is stored as logits whose softmax (sigmoid, where a sample may have several classes) is that mean, so
that every metric, threshold and interval works on it as on a network's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.scoring.decisions import finite
from afield.scoring.predictions import Predictions, select

Mean = Literal["probabilities", "ranks"]
RANKED = ("auroc", "average_precision", "map_11")
"""metrics that ask for the order of the samples alone: all that a mean of ranks answers"""


def combined(members: Sequence[Predictions], mean: Mean = "probabilities") -> Predictions:
    """One set of predictions from those of several members, in the first one's order of samples.

    `probabilities`: their mean, computed from log-probabilities in float64; identical members give their own logits,
    bit for bit. `ranks`: of each class the mean of the samples' ranks, as a share of the samples, which leaves out how
    sure each member is; for two classes, or several a sample. Raises InputError for no member, for members that are not
    about the same samples with the same labels, and for ranks of more than two exclusive classes.
    """
    if not members:
        raise InputError("an ensemble needs at least one member")
    first, *others = members
    aligned = [first, *(_in_order_of(first, other) for other in others)]
    logits = np.stack([finite(each).astype(np.float64) for each in aligned])
    if mean == "ranks":
        return replace(first, logits=_mean_of_ranks(first, logits))
    return replace(first, logits=mean_logits(logits, several=first.several))


def mean_logits(logits: npt.NDArray[np.float32] | npt.NDArray[np.float64], *, several: bool) -> npt.NDArray[np.float32]:
    """Logits [n, classes] of the mean probabilities of several members' finite logits [members, n, classes], by softmax
    or, where a sample may have `several` classes, by sigmoid.
    """
    each = logits.astype(np.float64)
    return (_several(each) if several else _exclusive(each)).astype(np.float32)


def _in_order_of(first: Predictions, other: Predictions) -> Predictions:
    """The other's samples in the order of the first one's. Raises InputError where they differ."""
    place = {name: row for row, name in enumerate(other.sample.tolist())}
    lacking = [name for name in first.sample.tolist() if name not in place]
    if lacking or len(first.sample) != len(other.sample):
        what = f"sample {lacking[0]} is in one alone" if lacking else "one has samples that the other lacks"
        raise InputError(f"members of an ensemble are about different samples ({what}); score all on the same split")
    turned = select(other, np.array([place[name] for name in first.sample.tolist()], np.intp))
    if first.classes != turned.classes or not np.array_equal(first.label, turned.label):
        raise InputError("members of an ensemble disagree on classes or labels; they are of different data")
    return turned


def _exclusive(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logits [n, classes] of the mean softmax of [members, n, classes], on the first member's scale."""
    from scipy.special import logsumexp  # takes a while

    scale = logsumexp(logits, axis=2, keepdims=True)
    return _log_mean(logits - (scale - scale[:1]))


def _several(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logits [n, classes] of the mean sigmoid, as the first member's and what the others change of it."""
    from scipy.special import log_expit

    yes, no = log_expit(logits), log_expit(-logits)
    result: npt.NDArray[np.float64] = logits[0] + _log_mean(yes - yes[:1]) - _log_mean(no - no[:1])
    return result


def _log_mean(logs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithm of the mean of what the logarithms [members, ...] are of; exact where all are equal."""
    top = logs.max(axis=0)
    result: npt.NDArray[np.float64] = top + np.log(np.mean(np.exp(logs - top), axis=0))
    return result


def _mean_of_ranks(first: Predictions, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Logits [n, classes] of the mean rank: (rank - 1/2) / n, equals sharing theirs."""
    if not first.several and len(first.classes) != 2:
        raise InputError(
            f"mean = ranks orders samples by one class, and there are {len(first.classes)} to choose from; "
            "take mean = probabilities"
        )
    from scipy.special import logit

    if first.several:
        return logit(_ranks(logits)).astype(np.float32)
    one = logit(_ranks(logits[:, :, 1] - logits[:, :, 0])).astype(np.float32)
    return np.stack([np.zeros_like(one), one], axis=1)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over members [members, n, ...] of (rank - 1/2) / n, in 0..1."""
    from scipy.stats import rankdata  # takes a while

    shares = (rankdata(values, axis=1) - 0.5) / values.shape[1]
    result: npt.NDArray[np.float64] = shares.mean(axis=0)
    return result
