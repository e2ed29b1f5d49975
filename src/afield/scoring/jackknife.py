"""How far a metric swings with the test samples, told without a bootstrap: the jackknife that leaves out a block.

A bootstrap computes a metric in thousands of resamples, this one once a block: whole clusters are dealt to some blocks,
each of which is left out in turn. For any metric; of a mean over clusters that are a block each it gives the textbook's
variance. What is paid is precision: of g blocks a variance is known on g - 1 degrees of freedom.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from afield.base.streams import stream
from afield.scoring.intervals import resampled_values
from afield.scoring.metric import Floats, Metric
from afield.scoring.predictions import Predictions

BLOCKS = 50
"""at most; where there are fewer clusters each is a block"""


def blocks_of(cluster: npt.NDArray[np.str_], blocks: int = BLOCKS) -> npt.NDArray[np.intp]:
    """Which block each sample is of, [n]: whole clusters, dealt at random into blocks that have as many, or one more.

    The draw depends on the sorted names of the clusters alone: networks scored on the same samples share their blocks.
    """
    names, place = np.unique(cluster, return_inverse=True)
    dealt: npt.NDArray[np.intp] = stream(0, "jackknife").permutation(len(names))[place] % min(blocks, len(names))
    return dealt


def swings(metric: Metric, predictions: Predictions, block: npt.NDArray[np.intp]) -> Floats:
    """What each block makes the metric swing by, shape [blocks]: over them the sum of squares is the variance of the
    metric from the test samples, and the sum of products of two networks' the covariance of theirs.

    The jackknife of blocks of unequal size (Busing, Meijer and van der Leeden 1999, Statistics and Computing 9:3-8): of
    n clusters m lie in a block, h = n / m; with the metric t as measured, and t' without the block, its pseudo-value is
    h t - (h - 1) t', whose distance from their weighted mean, over the root of blocks x (h - 1), is its swing.
    `block`: of `blocks_of`. NaN where the metric is not defined without one of the blocks, or there are fewer than two.
    """
    blocks = int(block.max()) + 1
    if blocks < 2:
        return np.full(blocks, math.nan)
    whole_and_without = (block != np.arange(-1, blocks)[:, None]).astype(np.uint16)
    whole, *without = resampled_values(metric, predictions, whole_and_without)
    owners = np.unique(np.stack([block, np.unique(predictions.cluster, return_inverse=True)[1]]), axis=1)[0]
    share = np.bincount(owners, minlength=blocks) / len(owners)
    pseudo = (whole - (1 - share) * np.array(without)) / share
    result: Floats = (pseudo - share @ pseudo) / np.sqrt(blocks * (1 / share - 1))
    return result
