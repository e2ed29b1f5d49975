"""Copies of a result folder that are made while a run works in it, to an object store for instance, go on elsewhere.

What copies names the files that there are, then takes one after another: some are gone by then, others are later ones.
Here a run is killed twice, and half of a copy's files are those of the first moment, half of the second.
"""

import random
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

import afield
from tests.fixtures.faults import faulty
from tests.fixtures.tiny import SEARCHES, searched_text, study_text
from tests.study.helpers import assert_same, run_apart

pytestmark = pytest.mark.slow


def files(folder: Path, order: random.Random) -> list[Path]:
    """Names of all files, in any order."""
    found = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return order.sample(found, len(found))


def copy(source: Path, target: Path, names: list[Path]) -> None:
    """Those that are still there."""
    for name in names:
        if (source / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def killed(study: Path, out: Path, after: int) -> None:
    with faulty(out, after=after, killed=True):
        assert run_apart(study, out) == -signal.SIGKILL


def assert_copies_go_on(study: Path, undisturbed: Path, out: Path, moments: Sequence[int]) -> None:
    """Each by itself, and the one into which all were made, where what has gone meanwhile stays."""
    order, copies, together = random.Random(out.name), list[Path](), out.with_name("together")
    rest: list[Path] = []
    for place, after in enumerate(moments):
        killed(study, out, after)
        if copies:
            copy(out, copies[-1], rest)
            copy(out, together, rest)
        names = files(out, order)
        now, rest = names[: len(names) // 2], names[len(names) // 2 :]
        copies.append(out.with_name(f"copy{place}"))
        copy(out, copies[-1], now)
        copy(out, together, now)
    for each in (*copies[:-1], together):
        assert run_apart(study, each) == 0
        assert_same(undisturbed, each)


def test_a_copy_of_a_folder_at_work_goes_on(photos: Path, finished: Path, tmp_path: Path) -> None:
    """Half of it in the middle of the search, half near its end."""
    study = tmp_path / "tiny.toml"
    study.write_text(study_text(photos))
    assert_copies_go_on(study, finished, tmp_path / "out", (90, 60))


@pytest.mark.long
@pytest.mark.parametrize("search", SEARCHES)
def test_copies_of_a_folder_go_on_whatever_the_moment(search: str, photos: Path, cache: Path, tmp_path: Path) -> None:
    """Six moments of each way to search."""
    study, undisturbed = tmp_path / "tiny.toml", tmp_path / "undisturbed"
    study.write_text(searched_text(photos, search, "[3, 4]"))
    assert afield.run_study(study, undisturbed, slots=1).complete
    assert_copies_go_on(study, undisturbed, tmp_path / search, (20, 40, 40, 40, 40, 40))
