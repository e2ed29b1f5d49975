"""Tables of a result folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afield.scoring.predictions import Predictions
from afield.study.folder.sealed import read_parquet, write_parquet


@pytest.mark.parametrize("several", [False, True])
def test_a_table_reads_as_pandas_reads_it(tmp_path: Path, several: bool) -> None:
    names = np.array(["a", "b\u00e9", ""])
    label = np.array([[1, 0], [0, -1], [1, 1]]) if several else np.array([1, 0, 1])
    said = Predictions(("x", "y"), names, names, names, label, np.arange(6, dtype=np.float32).reshape(3, 2))
    path = tmp_path / "predictions.parquet"
    write_parquet(path, said.to_frame(key="k", split="test", view="plain"))
    pd.testing.assert_frame_equal(read_parquet(path), pd.read_parquet(path), check_exact=True)


def test_numbers_come_back_bit_for_bit(tmp_path: Path) -> None:
    table = pd.DataFrame({"value": [0.1 + 0.2, float("nan"), -0.0]})
    write_parquet(tmp_path / "t.parquet", table)
    found = read_parquet(tmp_path / "t.parquet")
    assert found["value"].to_numpy().tobytes() == table["value"].to_numpy().tobytes()
