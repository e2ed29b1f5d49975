"""Tables as people read them, and as files."""

from pathlib import Path

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.study.collecting.table import markdown, write_predictions, write_table


def test_a_table_leaves_empty_what_is_not_known() -> None:
    table = pd.DataFrame({"name": ["a|b"], "value": [float("nan")], "year": pd.array([None], dtype="Int64")})
    assert markdown(table).splitlines()[-1] == "| a\\|b |  |  |"


def test_a_file_holds_the_table_and_nothing_is_printed(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a"], "value": [0.1]})
    assert write_table(table, "csv", None) == "name,value\na,0.1"
    assert write_table(table, "csv", tmp_path / "t.csv") == ""
    assert write_table(table, "parquet", tmp_path / "t.parquet") == ""
    assert pd.read_csv(tmp_path / "t.csv").equals(table)
    assert pd.read_parquet(tmp_path / "t.parquet").equals(table)
    with pytest.raises(InputError, match="name a file with --to"):
        write_table(table, "parquet", None)


def test_predictions_are_printed_short_and_written_whole(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"path": ["x.png", "y.png"], "predicted": ["owl", "fox"], "probability": [0.9, 0.6], "p_fox": [0.1, 0.6]}
    )
    assert write_predictions(table, None).splitlines() == [
        "path   predicted  probability",
        "x.png  owl              0.900",
        "y.png  fox              0.600",
    ]
    assert write_predictions(table, tmp_path / "p.csv") == ""
    assert list(pd.read_csv(tmp_path / "p.csv").columns) == list(table.columns)
