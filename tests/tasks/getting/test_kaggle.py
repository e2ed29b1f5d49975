"""Data that Kaggle gives to its users: by a stand-in for their own client, by hand, or step by step."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import TASKS
from afield.tasks.fetch import describe_order, fetch, order
from afield.tasks.getting.downloads import ON_KAGGLE
from tests.fixtures import layouts
from tests.fixtures.archives import below, packed, tree, zipped
from tests.fixtures.hpa2018 import hpa2018
from tests.fixtures.melanoma import resized

needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")


def unwatched(what: str) -> Callable[[int, int | None], None]:
    return lambda done, total: None


CLIENT = """#!{python}
import pathlib, shutil, sys
said, names = {said!r}, sys.argv[1:]
kind, verb, option, name, p, folder, quiet = names
assert (verb, p, quiet) == ("download", "-p", "-q"), names
assert option == {{"competitions": "-c", "datasets": "-d"}}[kind], names
if said:
    print(said, file=sys.stderr)
    sys.exit(1)
archive = name.split("/")[-1] + ".zip"
shutil.copyfile(pathlib.Path({served!r}) / archive, pathlib.Path(folder) / archive)
print(f"Downloading {{archive}} to {{folder}}")
"""


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a stand-in for the client on the PATH, which copies archives from a folder, or says something and fails."""

    def install(said: str = "", token: bool = True) -> Path:
        place, served = tmp_path / "bin", tmp_path / "kaggle.com"
        place.mkdir(exist_ok=True)
        served.mkdir(exist_ok=True)
        (place / "kaggle").write_text(CLIENT.format(python=sys.executable, said=said, served=str(served)))
        (place / "kaggle").chmod(0o755)
        monkeypatch.setenv("PATH", str(place))
        if token:
            (tmp_path / "kaggle.json").write_text("{}")
        return served

    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return install


def competitions(folder: Path) -> dict[str, Callable[[], object]]:
    """What makes each Kaggle task's published files, as they should lie below a data folder."""
    return {
        "aptos2019": lambda: layouts.aptos2019(folder / "aptos2019"),
        "cassava": lambda: layouts.cassava(folder / "cassava"),
        "hpa2018": lambda: hpa2018(folder / "hpa2018", each=3),
        "hpa2018_rgby": lambda: hpa2018(folder / "hpa2018", each=3),
        "melanoma2020": lambda: resized(folder / "melanoma"),
    }


@pytest.mark.slow
@needs_scripts
@pytest.mark.parametrize("task", ON_KAGGLE)
def test_the_user_s_own_client_brings_what_kaggle_gives_to_its_users(
    tmp_path: Path, kaggle: Callable[..., Path], task: str
) -> None:
    served, published = kaggle(), tmp_path / "published"
    competitions(published)[task]()
    for item in ON_KAGGLE[task]:
        (served / item.file).write_bytes(zipped(tree(published / item.folder)))
    data = tmp_path / "data"
    wanted = order(task, data)
    assert f"kaggle {ON_KAGGLE[task][0].name}" in describe_order(wanted)
    root = fetch(wanted, unwatched)
    assert tree(data) == tree(published)
    assert len(TASKS[task].samples(root)) > 0
    shutil.rmtree(tmp_path / "bin")
    assert fetch(order(task, data), unwatched) == root, "what is here needs no client"


@needs_scripts
def test_folders_that_are_packed_once_more_are_unpacked_too(tmp_path: Path, kaggle: Callable[..., Path]) -> None:
    files = tree(layouts.aptos2019(tmp_path / "published"))
    images = zipped(below("train_images/", files))
    content = zipped(packed(files, "train.csv") | {"train_images.zip": images})
    (kaggle() / "aptos2019-blindness-detection.zip").write_bytes(content)
    fetch(order("aptos2019", tmp_path / "data"), unwatched)
    assert tree(tmp_path / "data" / "aptos2019") == files


@needs_scripts
@pytest.mark.parametrize(
    ("said", "mend"),
    [
        (
            "403 Client Error: Forbidden",
            r"403 Client Error: Forbidden\. Accept the rules at "
            r"https://www\.kaggle\.com/competitions/aptos2019-blindness-detection/rules as the user of the client",
        ),
        ("401 - Unauthorized", "Let the client know you: `kaggle auth login`"),
        ("Connection reset by peer", r"Connection reset by peer\. What it brought so far is kept; run the same"),
        ("", "No such file"),
    ],
)
def test_where_the_client_fails_its_words_and_the_mend_are_told(
    tmp_path: Path, kaggle: Callable[..., Path], said: str, mend: str
) -> None:
    kaggle(said)
    words = rf"aptos2019-blindness-detection: the kaggle client did not bring it \(exit code 1\): .*{mend}"
    with pytest.raises(InputError, match=words):
        fetch(order("aptos2019", tmp_path / "data"), unwatched)
    assert not (tmp_path / "data" / "aptos2019" / "train.csv").exists()


@pytest.mark.parametrize("installed", [False, True])
def test_without_a_client_that_knows_its_user_the_steps_are_told(
    tmp_path: Path, kaggle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if installed:
        kaggle(token=False)
    with pytest.raises(InputError) as refused:
        order("aptos2019", tmp_path / "data")
    said = str(refused.value)
    assert ("does not know its user" if installed else "there is no command kaggle on the PATH") in said
    rules = "https://www.kaggle.com/competitions/aptos2019-blindness-detection/rules"
    assert f"1. make an account at https://www.kaggle.com and accept the rules at {rules}" in said
    assert "2. pip install kaggle" in said
    assert f"3. afield tasks fetch aptos2019 --data {tmp_path / 'data'}" in said
    if installed:
        monkeypatch.setenv("KAGGLE_USERNAME", "me")
        with pytest.raises(InputError, match="does not know its user"):
            order("aptos2019", tmp_path / "data")
        monkeypatch.setenv("KAGGLE_KEY", "secret")
        assert order("aptos2019", tmp_path / "data").missing


def test_an_archive_that_was_put_there_by_hand_needs_no_client(tmp_path: Path, kaggle: Callable[..., Path]) -> None:
    files = tree(layouts.cassava(tmp_path / "published"))
    archive = tmp_path / "cassava" / "cassava-leaf-disease-classification.zip"
    archive.parent.mkdir()
    archive.write_bytes(zipped(files)[:-40])
    with pytest.raises(InputError, match="there is no command kaggle"):  # the half of one is none
        order("cassava", tmp_path)
    archive.write_bytes(zipped(files))
    assert fetch(order("cassava", tmp_path), unwatched) == archive.parent
    assert packed(tree(archive.parent), "train") == files


@pytest.mark.slow
@needs_scripts
def test_a_stop_ends_the_client_too_and_what_it_brought_stays_for_it_to_resume(
    tmp_path: Path, kaggle: Callable[..., Path]
) -> None:
    kaggle()
    slow = f"#!{sys.executable}\nimport os, pathlib, sys, time\nfolder = pathlib.Path(sys.argv[6])\n"
    slow += "(folder / 'aptos2019-blindness-detection.zip').write_bytes(bytes(1000))\n"
    slow += "(folder / 'process').write_text(str(os.getpid()))\ntime.sleep(60)\n"
    (tmp_path / "bin" / "kaggle").write_text(slow)
    told: list[tuple[int, int | None]] = []

    def interrupt(what: str) -> Callable[[int, int | None], None]:
        def stop(done: int, total: int | None) -> None:
            told.append((done, total))
            if (tmp_path / "aptos2019" / "process").exists():
                raise KeyboardInterrupt

        return stop

    with pytest.raises(KeyboardInterrupt):
        fetch(order("aptos2019", tmp_path), interrupt)
    assert told[-1] == (1000, None)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "aptos2019" / "process").read_text()), 0)
    assert (tmp_path / "aptos2019" / "aptos2019-blindness-detection.zip").stat().st_size == 1000
