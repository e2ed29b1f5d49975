"""What a record gives of its tables."""

import dataclasses

import pandas as pd

from tests.fixtures.records import make_record


def test_what_a_trial_said_is_found_in_a_table_of_any_order() -> None:
    record = make_record(n_test=20)
    table = record.predictions
    mixed = dataclasses.replace(record, predictions=table.sample(frac=1, random_state=0))
    for (key, split), rows in table.groupby(["key", "split"]):
        pd.testing.assert_frame_equal(record.said(str(key), str(split)), rows)
        pd.testing.assert_frame_equal(mixed.said(str(key), str(split)).sort_index(), rows.sort_index())
    assert record.said("unknown", "test").empty
    assert list(record.said("unknown", "test")) == list(table)
