"""Lists of what belongs together: by the data set's own name for an image, or as `afield check` writes them."""

from pathlib import Path

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.formats.groups import listed_groups

IDS = pd.Series(["a", "b", "c", "007"])


@pytest.mark.parametrize("identity", ["id_code", "id"])
def test_listed_images_have_their_group_and_all_others_one_each(tmp_path: Path, identity: str) -> None:
    path = tmp_path / "groups.csv"
    assert listed_groups("eyes", path, IDS, "id_code").tolist() == ["a", "b", "c", "007"]
    path.write_text(f"\ufeff{identity},group,note\nc,twins,x\n007,twins,y\nstranger,twins,z\n", encoding="utf-8")
    assert listed_groups("eyes", path, IDS, "id_code").tolist() == ["a", "b", "twins", "twins"]


def test_the_data_set_s_own_name_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("id,id_code,group\na,b,twins\n")
    assert listed_groups("eyes", path, IDS, "id_code").tolist() == ["a", "twins", "c", "007"]


def test_what_is_no_such_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    for text, words in (
        ("name,group\na,b\n", "lacks the column id_code; it has name, group"),
        ("id,site\na,b\n", "lacks the column group; it has id, site"),
        ("id_code,group\na,b\na,c\n", "lists a more than once. List each image once"),
        ("", "cannot be read as a table"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"eyes: {path}: {words}"):
            listed_groups("eyes", path, IDS, "id_code")
