"""What competitions ask about, and what they want to hear."""

from pathlib import Path

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import TASKS
from afield.tasks.submission import SUBMISSIONS, asked_about, class_number, class_numbers, second_class, submission_of


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def ask(root: Path, table: str, column: str, *ids: str) -> None:
    touch(root, table)
    (root / table).write_text("\n".join([f"{column},answer", *(f"{name},0" for name in ids)]) + "\n")


@pytest.mark.parametrize(
    ("task", "table", "image"),
    [
        ("aptos2019", "sample_submission.csv", "test_images/{}.png"),
        ("aptos2019", "test.csv", "test_images/{}.png"),
        ("cassava", "sample_submission.csv", "test_images/{}"),
        ("melanoma2020", "test.csv", "jpeg/test/{}.jpg"),
        ("melanoma2020", "melanoma-2020/sample_submission.csv", "melanoma-2020/test/{}.jpg"),
        ("melanoma2020", "jpeg-melanoma-512x512/test.csv", "jpeg-melanoma-512x512/test/{}.jpg"),
        ("hpa2018", "sample_submission.csv", "rgby/test/{}.png"),
    ],
)
def test_images_are_asked_about_in_the_order_of_the_competition_s_table(
    tmp_path: Path, task: str, table: str, image: str
) -> None:
    form, ids = SUBMISSIONS[task], ["b.jpg", "c.jpg", "a.jpg"]
    ask(tmp_path, table, form.identity, *ids)
    touch(tmp_path, *(image.format(name) for name in [*ids, "none_asks_about_it.jpg"]))
    found = asked_about(TASKS[task], tmp_path, form)
    assert list(found.items()) == [(name, tmp_path / image.format(name)) for name in ids]


def test_an_image_of_several_files_is_there_when_all_of_them_are(tmp_path: Path) -> None:
    task, form = TASKS["hpa2018_rgby"], SUBMISSIONS["hpa2018_rgby"]
    ask(tmp_path, "sample_submission.csv", "Id", "a-1")
    touch(tmp_path, *(f"test/a-1_{stain}.png" for stain in ("red", "green", "blue")))
    with pytest.raises(InputError, match=r"asks about a-1, and there is no test/a-1 or rgby/test/a-1\.png"):
        asked_about(task, tmp_path, form)
    touch(tmp_path, "test/a-1_yellow.png")
    assert asked_about(task, tmp_path, form) == {"a-1": tmp_path / "test/a-1"}


def test_what_is_missing_or_named_twice_is_told(tmp_path: Path) -> None:
    task, form = TASKS["aptos2019"], SUBMISSIONS["aptos2019"]
    with pytest.raises(InputError, match=r"holds none of sample_submission\.csv, test\.csv.*kaggle competitions"):
        asked_about(task, tmp_path, form)
    ask(tmp_path, "test.csv", "id_code", "a", "b", "c")
    touch(tmp_path, "test_images/b.png")
    words = rf"test\.csv asks about a \(and 1 more\), and there is no test_images/a\.png in {tmp_path}"
    with pytest.raises(InputError, match=words):
        asked_about(task, tmp_path, form)
    ask(tmp_path, "test.csv", "id_code", "a", "b", "a")
    with pytest.raises(InputError, match=r"test\.csv: names a more than once"):
        asked_about(task, tmp_path, form)
    ask(tmp_path, "test.csv", "id_code")
    with pytest.raises(InputError, match=r"test\.csv: names no image"):
        asked_about(task, tmp_path, form)
    ask(tmp_path, "test.csv", "image", "a")
    with pytest.raises(InputError, match=r"test\.csv: lacks the column id_code"):
        asked_about(task, tmp_path, form)


def test_a_task_without_a_competition_is_refused() -> None:
    with pytest.raises(InputError, match=r"eurosat: has no competition .*known: aptos2019, cassava"):
        submission_of("eurosat")


def test_competitions_hear_a_number_a_probability_or_several_numbers() -> None:
    classes = ("other", "mole", "scar")
    predicted = pd.DataFrame(
        {
            "predicted": ["scar", "other", "mole; scar", ""],
            "p_other": [0.1, 0.9, 0.2, 0.1],
            "p_mole": [0.2, 0.3, 0.7, 0.3],
            "p_scar": [0.7, 0.4, 0.8, 0.2],
        }
    )
    assert class_number(predicted[:2], classes).tolist() == [2, 0]
    assert second_class(predicted, classes).tolist() == [0.2, 0.3, 0.7, 0.3]
    assert class_numbers(predicted, classes).tolist() == ["2", "0", "1 2", "1"], "each image has one at least"
