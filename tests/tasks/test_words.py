from dataclasses import replace

from afield.tasks.builtin import TASKS
from afield.tasks.words import incomplete_words


def test_missing_samples_are_said_where_the_splits_of_the_study_count_on_them() -> None:
    eurosat = TASKS["eurosat"]
    assert incomplete_words(eurosat, "paper", 27_000) == ""
    assert "26,999 samples are here, 27,000 were published" in incomplete_words(eurosat, "paper", 26_999)
    assert incomplete_words(eurosat, "clean", 100) == ""
    assert incomplete_words(replace(eurosat, published=None), "paper", 100) == ""
    assert incomplete_words(TASKS["cct20"], "paper", 100) == ""  # how many there should be is not known
