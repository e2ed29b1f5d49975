"""How words stand in a terminal."""

from afield.base.text import columns, count, entry


def test_only_columns_of_numbers_stand_to_the_right() -> None:
    assert columns([("x", "1", "1"), ("long", "20", "no")], ("name", "n", "m")).splitlines() == [
        "name   n  m",
        "x      1  1",
        "long  20  no",
    ]
    assert columns([], ("name", "n")) == "name  n"


def test_an_address_stays_whole_beside_its_key() -> None:
    address = "https://" + "x" * 60
    assert entry("get it", address, 40) == f"get it          {address}"


def test_a_number_may_be_said_in_other_words() -> None:
    assert count(2, "search", "searches", say=lambda number: "two") == "two searches"
