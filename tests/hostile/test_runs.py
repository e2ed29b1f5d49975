"""`afield run` on spoilt result folders of every kind of file: it makes anew what it can, or names the file, and
touches nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.hostile.commands import KEPT, MORE_KEYS, asked, elsewhere, few_or_many, files_of, restore_all, try_each
from tests.hostile.spoils import resealed, spoilt

pytestmark = pytest.mark.slow

WRITTEN = (*KEPT, "out/report.html", "out/runs/", "out/budgets/tiny", "out/shards/tiny/")
"""what a run writes whatever the folder holds"""
SETTLED = ("rules", "test_reads.jsonl")
"""what tells of the time before test was read, and is not made anew"""
TOO_LITTLE = {"budgets": ("budget: 0.001s is too small", "soups.cells: ")}
"""words about the study where a spoilt file leaves it too little to do: a budget that is settled anew, or was cut so"""


@pytest.fixture
def run(rich: Path, out: Path) -> Callable[[], tuple[int, str, str]]:
    """Run the rich folder's study into its copy, with a budget that is used up: it does all but train."""
    words = ["run", rich.with_name("rich.toml"), "--out", out, "--slots", 1, "--budget", "0.001s"]
    return lambda: asked(words)


def check(run: Callable[[], tuple[int, str, str]], out: Path, spoilt_file: Path) -> str | None:
    """Run on a folder that was spoilt in one file. Gives what was answered where all was there."""
    before = files_of(out.parent)
    code, said, errors = run()
    assert code in (0, 1, 2, 130)
    if code == 130:
        assert "the budget of 0.001s is used" in errors
    elif code:
        assert "error: " in errors
        assert "Traceback" not in errors
        named = spoilt_file.name, spoilt_file.parent.name, str(out)
        assert any(name in errors for name in (*named, *TOO_LITTLE.get(spoilt_file.parent.name, ()))), errors
    after = files_of(out.parent)
    may_change = (*WRITTEN, *of_the_same(out, spoilt_file))
    assert all(name.startswith(may_change) for name in before.keys() - after.keys()), before.keys() - after.keys()
    changed = {name for name in after if before.get(name) != after[name] and not name.startswith(may_change)}
    as_it_was = {name for name in changed if after[name] == before.get(name.replace("out/", "kept/", 1))}
    assert changed == as_it_was
    return None if code else said


def of_the_same(out: Path, spoilt_file: Path) -> tuple[str, ...]:
    """That file, and what a run sets aside with it because it is of the same training."""
    kind, *within = spoilt_file.relative_to(out).parts
    if kind in ("trials", "scores"):
        return f"out/trials/{within[0]}", f"out/scores/{within[0]}"
    return (f"out/{spoilt_file.relative_to(out).as_posix()}",)


@few_or_many
def test_a_run_in_a_spoilt_folder_says_what_it_said_before_or_what_is_wrong(
    often: settings, run: Callable[[], tuple[int, str, str]], out: Path
) -> None:
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    code, answer, _ = run()
    assert code == 0
    restore_all(out, files[0])

    def look(path: Path) -> None:
        said = check(run, out, path)
        if not {path.name, path.parent.name} & set(SETTLED):
            assert said in (None, answer)

    try_each(often, spoilt(files, str(elsewhere(out))), out, look)


@few_or_many
def test_a_run_among_sealed_files_that_tell_of_something_else(
    often: settings, run: Callable[[], tuple[int, str, str]], out: Path
) -> None:
    drawn = resealed(sorted(out.rglob("*.json")), MORE_KEYS)
    try_each(often, drawn, out, lambda path: check(run, out, path))
