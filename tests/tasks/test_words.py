from dataclasses import replace

import pytest

from afield.tasks.builtin import TASKS
from afield.tasks.words import incomplete_words, single_words


def test_missing_samples_are_said_where_the_splits_of_the_study_count_on_them() -> None:
    eurosat = TASKS["eurosat"]
    assert incomplete_words(eurosat, "paper", 27_000) == ""
    assert "26,999 samples are here, 27,000 were published" in incomplete_words(eurosat, "paper", 26_999)
    assert incomplete_words(eurosat, "clean", 100) == ""
    assert incomplete_words(replace(eurosat, published=None), "paper", 100) == ""
    assert incomplete_words(TASKS["cct20"], "paper", 100) == ""  # how many there should be is not known


CHOSEN = "by which epochs and recipes are chosen"
COUNTS = {"train": {"a": 9, "b": 1}, "validation": {"a": 4, "b": 1}, "test": {"a": 1, "b": 1}}


@pytest.mark.parametrize(
    ("metric", "classes", "validation", "test"),
    [
        ("auroc", ("a", "b"), f"AUROC, {CHOSEN}, hangs on its rank", "AUROC has no interval, and hangs on its rank"),
        ("auroc", ("a", "b", "c"), f"share of its class in AUROC, {CHOSEN}", "the interval cannot tell how far that"),
        ("macro_f1", ("a", "b"), f"share of its class in macro F1, {CHOSEN}", "the interval cannot tell how far that"),
        ("accuracy", ("a", "b"), "hardly a look at its class", "and accuracy with its interval hardly shows it"),
    ],
)
def test_a_single_image_of_a_class_is_told_with_what_hangs_on_it(
    metric: str, classes: tuple[str, ...], validation: str, test: str
) -> None:
    task = replace(TASKS["elpv"], metric=metric, classes=classes)
    said = single_words(task, COUNTS)
    assert [words.partition(":")[0] for words in said] == [
        "A single validation image is of b",
        "A single test image each is of a, b",
    ]
    assert validation in said[0]
    assert test in said[1]
    assert single_words(task, {"train": {"a": 1}, "test": {"a": 0, "b": 2}}) == ()
