"""A study whose searches grow, from its file to its record: written down as it grows, stopped and gone on with."""

import json
import shutil
from pathlib import Path

import pytest

import afield
from afield.base.errors import Stopped
from afield.study.collecting.collect import load_record
from afield.study.preparing.study_file import parse_study
from afield.study.study import Study
from tests.fixtures.tiny import searched_text
from tests.study.helpers import Impatient, assert_same, assert_tidy, whole_state

pytestmark = pytest.mark.slow


def study_of(photos: Path, method: str) -> Study:
    return parse_study(searched_text(photos, method), "tiny.toml")


@pytest.fixture(scope="module", params=["optuna", "extend"])
def whole(request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The study of a method, run without a stop."""
    out = tmp_path_factory.mktemp("whole") / "out"
    afield.run_study(study_of(photos, request.param), out)
    return request.param, out


def test_it_is_told_as_it_grew_and_a_second_run_finds_nothing_to_do(whole: tuple[str, Path], photos: Path) -> None:
    method, out = whole
    (search,) = load_record(out).searches
    tried = [cell.recipe["learning_rate"] for cell in search.cells]
    if method == "optuna":
        assert (search.generations, len(set(tried)), search.borders) == ((2, 2, 1), 5, ())
        assert search.axes == {"learning_rate": tuple(sorted(tried))}
        assert (sum(search.asked), search.epochs_spent) == (10, 10)
    else:
        assert search.generations[0] == 3
        assert search.generations[1:] in ((1,), (1, 1)), "the choice lay at an end, which it may have left again"
        assert tried[3] in (1e-5, 1e-9)
        assert search.axes["learning_rate"] == tuple(sorted(tried))
        assert sum(search.asked) == 3 + 1 + 2 * (len(tried) - 3)
    assert search.chosen == search.repeats[0].key
    assert set(afield.results(out)["search_cells"]) == {len(tried)}
    assert "missing" in whole_state(out)
    plan = (out / "plans" / "tiny.json").read_text()
    assert afield.run_study(study_of(photos, method), out).trained == 0
    assert (out / "plans" / "tiny.json").read_text() == plan
    assert_tidy(out)


def test_stopped_and_gone_on_with_it_equals_the_undisturbed_one(
    whole: tuple[str, Path], photos: Path, tmp_path: Path
) -> None:
    method, out = whole
    study, other = study_of(photos, method), tmp_path / "out"
    with pytest.raises(Stopped):
        afield.run_study(study, other, watch=Impatient(3))
    assert load_record(other).searches[0].chosen is None
    assert afield.run_study(study, other).complete
    assert_same(out, other)
    assert (other / "plans" / "tiny.json").read_text() == (out / "plans" / "tiny.json").read_text()


@pytest.mark.parametrize("whole", ["optuna"], indirect=True)
def test_what_was_proposed_stands_where_the_library_now_says_something_else(
    whole: tuple[str, Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, out = whole
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    (search,) = load_record(copy).searches
    shutil.rmtree(copy / "trials" / search.cells[-1].key)
    monkeypatch.setattr("afield.study.searching.growth.propose", lambda *_: pytest.fail("it was proposed before"))
    assert afield.run_study(study_of(photos, method), copy).trained == 1
    assert_same(out, copy)
    (copy / "plans" / "tiny.json").write_text("cut")
    monkeypatch.undo()
    assert afield.run_study(study_of(photos, method), copy).trained == 0
    mended, before = (json.loads((each / "plans" / "tiny.json").read_text()) for each in (copy, out))
    assert mended == before
