"""A user's file is loaded as it is hashed, overwrites nothing, and its faults come back as words with their place."""

import hashlib
import sys
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.base.extensions import find_object, keep_copy, load_extension, load_extensions, load_kept, objects


def write(folder, text, name="my_lab.py"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_objects_are_found_by_type_and_in_order(tmp_path):
    extension = load_extension(write(tmp_path, "from fractions import Fraction\nb = 2\na = 1\n_c = 3\ntext = 'x'\n"))
    assert extension.name == "my_lab"
    assert list(objects(extension, int)) == ["b", "a"], "names with an underscore are the file's own"
    assert objects(extension, str) == {"text": "x"}
    assert find_object("my_lab:a", {"my_lab": extension}, int) == 1


def test_sha256_is_of_the_whole_file(tmp_path):
    path = write(tmp_path, "a = 1\n# a comment counts as well\n")
    assert load_extension(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_loading_overwrites_no_module_and_the_same_file_is_one_module(tmp_path):
    before = dict(sys.modules)
    first, second = load_extension(write(tmp_path, "class A: pass\n")), load_extension(tmp_path / "my_lab.py")
    assert first.objects["A"] is second.objects["A"]
    assert {name: sys.modules[name] for name in before} == before
    assert "my_lab" not in sys.modules


def test_a_changed_file_is_another_module(tmp_path):
    first = load_extension(write(tmp_path, "a = 1\n"))
    second = load_extension(write(tmp_path, "a = 2\n"))
    assert (first.objects["a"], second.objects["a"]) == (1, 2)
    assert first.sha256 != second.sha256


def test_data_classes_in_it_work(tmp_path):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text += "@dataclass\nclass P:\n    x: int\np = P(3)\n"
    assert vars(load_extension(write(tmp_path, text)).objects["p"]) == {"x": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\nb = 1 / 0\n", "my_lab.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "my_lab.py, line 1: SyntaxError"),
        ("import sys\nsys.exit(3)\n", "my_lab.py, line 2: SystemExit: 3"),
        (
            "import no_such_package_anywhere\n",
            "line 1: ModuleNotFoundError: No module named 'no_such_package_anywhere'",
        ),
        ("def f():\n    raise ValueError('seven')\n\nf()\n", "my_lab.py, line 2: ValueError: seven"),
        ("import json\njson.loads('{')\n", "my_lab.py, line 2: JSONDecodeError"),
        ("a = 1\0\n", "my_lab.py: "),
    ],
)
def test_a_file_that_raises_is_named_with_line_and_words(tmp_path, text, words):
    before = set(sys.modules)
    with pytest.raises(InputError, match=r"my_lab\.py") as caught:
        load_extension(write(tmp_path, text))
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not [name for name in set(sys.modules) - before if name.startswith("_afield")], "nothing half-loaded stays"


def test_a_missing_package_tells_that_an_extension_is_one_file(tmp_path):
    write(tmp_path, "x = 1\n", "beside.py")
    with pytest.raises(InputError, match="what lies beside it is not found"):
        load_extension(write(tmp_path, "import beside\n"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-lab.py", "must be an identifier"),
        ("2labs.py", "must be an identifier"),
        ("json.py", "is the name of a Python package"),
        ("timm.py", "is the name of a Python package"),
        ("afield.py", "is the name of a Python package"),
    ],
)
def test_names_that_cannot_be_used(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        load_extension(write(tmp_path, "x = 1\n", name))


def test_a_file_in_the_working_folder_does_not_shadow_itself(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    assert load_extension(write(tmp_path, "x = 1\n")).objects["x"] == 1


def test_a_file_in_a_folder_of_its_name_may_be_called_from_beside_it(tmp_path, monkeypatch):
    """`python -m afield` has the working folder on Python's path, where the folder looks like a package."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "veil").mkdir()
    assert load_extension(write(tmp_path / "veil", "x = 1\n", "veil.py")).objects["x"] == 1


def test_missing_file_and_unreadable_text(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_extension(tmp_path / "gone.py")
    (tmp_path / "my_bytes.py").write_bytes(b"a = '\xff'\n")
    with pytest.raises(InputError, match=r"my_bytes\.py"):
        load_extension(tmp_path / "my_bytes.py")


def test_two_of_one_name_are_refused_and_everything_wrong_is_listed(tmp_path):
    (tmp_path / "other").mkdir()
    one, two = write(tmp_path, "x = 1\n"), write(tmp_path / "other", "x = 2\n")
    with pytest.raises(InputError, match="one name") as caught:
        load_extensions([one, two, tmp_path / "gone.py"])
    assert "gone.py: no such file" in str(caught.value)


def test_unknown_references_offer_the_nearest(tmp_path):
    loaded = load_extensions([write(tmp_path, "hydra = 1\nword = 'x'\n")])
    for reference, words in {
        "my_lab:hydro": "did you mean my_lab:hydra",
        "my_lib:hydra": "did you mean my_lab",
        "my_lab:word": "is of type str, not int",
        "my_lab:": "object without a name",
    }.items():
        with pytest.raises(InputError, match=words):
            find_object(reference, loaded, int)
    with pytest.raises(InputError, match=r'name its file first: extensions = \["my_lab\.py"\]'):
        find_object("my_lab:hydra", {}, int)


def test_the_kept_copy_is_what_was_run_even_if_the_file_has_changed_since(tmp_path):
    path = write(tmp_path, "x = 1\n")
    extension = load_extension(path)
    path.write_text("x = 2\n")
    place = keep_copy(extension, tmp_path / "out")
    assert place == str(tmp_path / "out" / extension.sha256[:12] / "my_lab.py")
    assert load_kept(place, extension.sha256).objects["x"] == 1
    assert [file.name for file in (tmp_path / "out").rglob("*") if file.is_file()] == ["my_lab.py"]


def test_an_altered_copy_is_refused_and_mended_by_the_next_run(tmp_path):
    extension = load_extension(write(tmp_path, "x = 1\n"))
    place = keep_copy(extension, tmp_path / "out")
    ran = tmp_path / "ran"
    Path(place).write_text(f"x = open({str(ran)!r}, 'w')\n")
    with pytest.raises(InputError, match="is not the extension that this trial was planned with"):
        load_kept(place, extension.sha256)
    assert not ran.exists(), "none of it was run"
    assert load_kept(keep_copy(extension, tmp_path / "out"), extension.sha256).objects["x"] == 1


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with an entry point, as pip would leave it."""
    site = tmp_path / "site"
    (site / "wild_nets" / "deep").mkdir(parents=True)
    (site / "wild_nets" / "__init__.py").write_text("")
    (site / "wild_nets" / "deep" / "__init__.py").write_text("")
    (site / "wild_nets" / "for_afield.py").write_text("hydra = 7\n")
    info = site / "wild_nets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wild-nets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[afield]\nwild = wild_nets.for_afield\n")
    monkeypatch.syspath_prepend(site)
    yield site
    for name in [name for name in sys.modules if name.split(".")[0] == "wild_nets"]:
        del sys.modules[name]


def test_an_installed_package_is_found_by_its_entry_point(package, tmp_path):
    extension = load_extension("wild")
    assert extension.objects["hydra"] == 7
    assert extension.folder == package / "wild_nets"
    place = keep_copy(extension, tmp_path / "out")
    assert not (tmp_path / "out").exists(), "a package is not copied"
    assert load_kept(place, extension.sha256) == extension


def test_the_hash_of_a_package_covers_all_its_files_and_its_version(package):
    before = load_extension("wild").sha256
    deep = package / "wild_nets" / "deep" / "__init__.py"
    deep.write_text("x = 1\n")
    assert load_extension("wild").sha256 != before
    deep.write_text("")
    assert load_extension("wild").sha256 == before
    metadata = package / "wild_nets-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    assert load_extension("wild").sha256 != before


def test_unknown_and_unsuitable_entry_points(package):
    with pytest.raises(InputError, match="did you mean wild"):
        load_extension("wilt")
    (package / "wild_nets-1.0.dist-info" / "entry_points.txt").write_text(
        "[afield]\nwild = wild_nets.for_afield:hydra\n"
    )
    with pytest.raises(InputError, match="a module as value"):
        load_extension("wild")
