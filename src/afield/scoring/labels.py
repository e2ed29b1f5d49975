"""Labels as tables hold them, as arrays. Imports little: every task needs it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd


def label_array(labels: pd.Series) -> npt.NDArray[np.int64]:
    """A table's column `label` as an array: [n], or [n, classes] where each entry is a vector."""
    if len(labels) and np.ndim(labels.iloc[0]) == 1:
        return np.array(labels.tolist(), dtype=np.int64)
    return labels.to_numpy(dtype=np.int64)
