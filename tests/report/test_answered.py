"""The answer that is kept beside its page: it stands while nothing has changed, and never longer."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from afield.report.answered import answered
from afield.study.folder.folder_state import state_of
from afield.study.folder.index import Index
from afield.study.folder.sealed import read_json, write_sealed
from afield.study.preparing.study_file import parse_study
from afield.study.study import Study
from tests.fixtures.made import made_folder, planned
from tests.fixtures.tiny import study_text


def grid(photos: Path) -> Study:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 1e-2")
    return parse_study(text, "tiny.toml")


@pytest.fixture(scope="module")
def asked(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished folder whose answer was asked for once."""
    out = made_folder(planned(grid(photos), cache), tmp_path_factory.mktemp("made") / "out")
    answered(out, "tiny")
    return out


def stamp(out: Path) -> tuple[int, int]:
    """When the page and the answer were written."""
    return (out / "report.html").stat().st_mtime_ns, (out / "answers" / "tiny" / "page.json").stat().st_mtime_ns


@pytest.mark.slow
def test_it_stands_while_nothing_changes(asked: Path) -> None:
    before = stamp(asked)
    said = answered(asked, "tiny")
    assert stamp(asked) == before
    assert "photos: Take squeezenet1_1.caffe_in1k" in said
    assert said.endswith(f"\n\nReport: {asked / 'report.html'}")


def test_what_tells_nothing_of_results_leaves_it_standing(asked: Path) -> None:
    before = stamp(asked)
    for name in ("claims", "runs"):
        (asked / name).mkdir(exist_ok=True)
        (asked / name / "mine.json").write_text("{}")
    (asked / "report-other.html").write_text("of another study")
    try:
        answered(asked, "tiny")
        assert stamp(asked) == before
    finally:
        (asked / "report-other.html").unlink()


def test_a_state_that_is_known_is_not_looked_up_again(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = state_of(asked, Index(asked))
    monkeypatch.setattr("afield.report.answered.state_of", lambda *_: pytest.fail("looked at the folder"))
    before = stamp(asked)
    answered(asked, "tiny", state)
    assert stamp(asked) == before


@pytest.mark.slow
def test_it_is_made_anew_when_a_score_is(asked: Path, photos: Path, cache: Path, tmp_path: Path) -> None:
    first = answered(asked, "tiny")
    other = made_folder(planned(grid(photos), cache), tmp_path / "other", luck=1)
    (asked / "scores").rename(tmp_path / "scores")
    shutil.copytree(other / "scores", asked / "scores")
    try:
        assert answered(asked, "tiny") != first
    finally:
        shutil.rmtree(asked / "scores")
        (tmp_path / "scores").rename(asked / "scores")


@pytest.mark.slow
def test_a_page_that_somebody_changed_is_written_anew(asked: Path) -> None:
    said, page = answered(asked, "tiny"), asked / "report.html"
    whole = page.read_bytes()
    page.write_bytes(whole[:-100])
    assert answered(asked, "tiny") == said
    assert page.read_bytes() == whole


def altered(kept: Path) -> None:
    kept.write_text(kept.read_text().replace("Take", "Leave"))


def of_another_state(kept: Path) -> None:
    content = read_json(kept)
    write_sealed(kept, {"state": "0" * 64, "told": {**content["told"], "answer": "Leave it"}})


def of_an_older_afield(kept: Path) -> None:
    kept.write_text('{"text": "Leave it"}')


@pytest.mark.slow
@pytest.mark.parametrize("change", [altered, of_another_state, of_an_older_afield])
def test_one_that_is_damaged_or_of_another_version_counts_for_nothing(
    asked: Path, change: Callable[[Path], None]
) -> None:
    said, kept = answered(asked, "tiny"), asked / "answers" / "tiny" / "page.json"
    change(kept)
    assert answered(asked, "tiny") == said
    assert "Leave" not in kept.read_text()


@pytest.mark.slow
def test_where_it_cannot_be_kept_it_is_said_all_the_same(asked: Path) -> None:
    said, kept = answered(asked, "tiny"), asked / "answers"
    kept.rename(asked.parent / "answers")
    kept.write_text("in the way")
    try:
        assert answered(asked, "tiny") == said
    finally:
        kept.unlink()
        (asked.parent / "answers").rename(kept)
