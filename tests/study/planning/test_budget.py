"""What a budget cuts: alike for all, nested, evenly, in one order; and what is kept of it."""

import json
from pathlib import Path

import pytest

from afield.base.errors import DamagedError, InputError
from afield.study.duration import seconds_of, told
from afield.study.folder.budget_files import Budgets, Clock, KeptBudget
from afield.study.folder.sealed import write_sealed
from afield.study.planning.budget import budget_words, cut, fitted, ladder, spread
from afield.study.planning.budgeted import holding, with_kept
from afield.study.preparing.study_file import load_study, parse_study
from afield.study.study import Study

TWO = """
study = { name = "two", tasks = ["elpv"], backbones = ["small"], seeds = [0, 1, 2], interventions = ["plain", "big"] }
interventions.big.image_size = 96
search.grid = { learning_rate = [1e-5, 1e-4, 1e-3, 1e-2], weight_decay = [1e-5, 1e-4, 1e-3] }
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return parse_study(TWO, "two.toml")


def work(study: Study) -> float:
    """An estimate for tests: a second a cell and a repeat of every backbone and intervention."""
    further = len(study.study.seeds) - 1
    return sum((len(study.cells(name)) + further) * len(study.backbones_of(name)) for name in study.study.interventions)


def test_cells_stay_evenly_and_a_smaller_budget_s_are_among_a_larger_one_s() -> None:
    assert spread() == (0,)
    assert spread(4) == (1, 3, 0, 2)
    # two axes of three: the middle, its farthest corners in order, then the middles of the edges
    assert spread(3, 3) == (4, 0, 2, 6, 8, 1, 3, 5, 7)
    assert sorted(spread(4, 5)) == list(range(20))
    assert spread(1, 2) == (0, 1)


def test_a_cut_is_alike_for_every_backbone_and_intervention_and_nested(study: Study) -> None:
    before: set[tuple[float, float]] = set()
    for cells in range(1, 13):
        smaller = cut(study, "1h", cells, 3)
        assert smaller is not None
        values = {
            name: [(cell.learning_rate, cell.weight_decay) for cell in smaller.cells(name)]
            for name in smaller.study.interventions
        }
        assert values["plain"] == values["big"]
        assert len(values["plain"]) == cells
        assert before <= set(values["plain"])
        assert smaller.recipe.epochs == study.recipe.epochs, "another number of epochs is another recipe"
        before = set(values["plain"])
    assert len(before) == 12


def test_cells_go_first_then_seeds_and_the_largest_that_fits_stays(study: Study) -> None:
    assert list(ladder(study))[:2] == [(12, 3), (11, 3)]
    assert list(ladder(study))[-3:] == [(1, 3), (1, 2), (1, 1)]
    searches = work(study) / 14
    assert fitted(study, f"{work(study)}s", work) is study
    for cells, seeds in ((5, 3), (1, 3), (1, 1)):
        seconds = searches * (cells + seeds - 1)
        found = fitted(study, f"{seconds + 1}s", work)
        assert found.cut is not None
        assert (len(found.cut.cells), len(found.study.seeds)) == (cells, seeds)
        assert found.study.seeds == study.study.seeds[:seeds]
    words = budget_words(fitted(study, f"{searches + 1}s", work))
    assert "alike for every backbone: 1 of 12 cells of each search and 1 of 3 seeds." in words
    assert budget_words(study) == ""


def test_a_budget_for_less_than_one_cell_a_backbone_is_refused_with_the_smallest_that_would_do(study: Study) -> None:
    with pytest.raises(InputError, match=r"1s is too small: .* about 10\.0 h; give 600m or more"):
        fitted(study, "1s", lambda smaller: 3_000 * work(smaller) / work(cut(study, "1s", 1, 1) or study) * 12)


def test_an_ensemble_over_seeds_keeps_two() -> None:
    study = parse_study(TWO + 'ensembles.all = { over = ["seeds"] }', "two.toml")
    assert cut(study, "1h", 1, 2) is not None
    assert cut(study, "1h", 1, 1) is None


@pytest.mark.parametrize("written", ["", "6", "-6h", "0h", "6 hours", "h", "nanh", "1h 30", "1e3h"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(InputError, match="is no duration above 0"):
        seconds_of(written)
    with pytest.raises(InputError, match=r"study\.budget: .* is no duration above 0"):
        parse_study(TWO.replace("seeds =", f'budget = "{written}", seeds ='), "two.toml")


def test_durations() -> None:
    assert [seconds_of(text) for text in ("90m", "1d 12h", "0.5H")] == [5_400, 129_600, 1_800]
    assert [told(seconds) for seconds in (0.2, 119, 120, 5_400, 172_800)] == [
        "under 1 s", "119 s", "2.0 min", "1.5 h", "2.0 days",
    ]  # fmt: skip


def test_the_first_cut_stays_and_a_larger_budget_only_lengthens_the_hours(study: Study, tmp_path: Path) -> None:
    budgets = Budgets(tmp_path)
    assert holding(study, budgets, None) == (None, None)
    smaller = fitted(study, "100s", work)
    assert budgets.first("two", KeptBudget("100s", smaller.cut)) == KeptBudget("100s", smaller.cut)
    assert budgets.first("two", KeptBudget("1h", None)).cut == smaller.cut, "another run was first"
    kept, holds = holding(study, budgets, None)
    assert (holds, with_kept(study, kept)) == ("100s", smaller)
    assert holding(study, budgets, "6h")[1] == "6h"
    kept, holds = holding(study, budgets, None)
    assert (holds, with_kept(study, kept).cut) == ("6h", smaller.cut)
    other = parse_study(TWO.replace("1e-5, 1e-4, 1e-3, 1e-2", "1e-4, 1e-3"), "two.toml")
    with pytest.raises(InputError, match="its budget cut another search in this folder"):
        with_kept(other, kept)
    (tmp_path / "budgets" / "two.json").write_text(json.dumps({"budget": "1h"}))
    with pytest.raises(DamagedError, match="is no budget"):
        budgets.read("two")


@pytest.mark.parametrize("budget", ["", "soon", "-1h", "9" * 400 + "d", 3])
def test_a_kept_budget_that_is_no_duration_is_refused(budget: object, tmp_path: Path) -> None:
    write_sealed(tmp_path / "budgets" / "two.json", {"budget": budget, "cut": None})
    with pytest.raises(DamagedError, match=r"two\.json: is no budget"):
        Budgets(tmp_path).read("two")


@pytest.mark.parametrize("seconds", ["-1", "true", "null", "NaN", "Infinity", "1e400", "1" + "0" * 400, "[]", '"1"'])
def test_hours_that_are_none_are_refused(seconds: str, tmp_path: Path) -> None:
    path = tmp_path / "budgets" / "two" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"seconds": {seconds}}}')
    with pytest.raises(DamagedError, match=r"run\.json: tells of no seconds"):
        Budgets(tmp_path).used("two")


def test_the_hours_of_all_runs_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("afield.study.folder.budget_files.time.monotonic", lambda: now[0])
    budgets = Budgets(tmp_path)
    first = Clock(budgets, "two", "first", "100s")
    assert not first.over()
    now[0] += 30
    assert not first.over()
    now[0] += 5  # killed here: what was noted last stays
    second = Clock(budgets, "two", "second", "100s")
    assert second.used() == 30
    now[0] += 69
    assert not second.over()
    now[0] += 1
    assert second.over()
    second.note()
    assert budgets.used("two") == 100
    assert Clock(budgets, "two", "second", "2h").used() == 30, "its own is counted from its clock"


def test_a_cut_that_is_none_is_refused() -> None:
    for cells, words in (("[2, 1]", "must rise"), ("[12]", "must rise and be below 12")):
        text = f'{TWO}cut = {{ budget = "1h", cells = {cells}, of = 12 }}'
        with pytest.raises(InputError, match=words):
            parse_study(text, "two.toml")
    with pytest.raises(InputError, match=r"cut\.of: 3: the search has 12 cells"):
        parse_study(f'{TWO}cut = {{ budget = "1h", cells = [0], of = 3 }}', "two.toml")


@pytest.mark.parametrize("method", ["random", "halving", "optuna"])
def test_of_cells_that_are_drawn_or_proposed_the_first_ones_stay(method: str, tmp_path: Path) -> None:
    text = f"""
    study = {{ name = "x", tasks = ["elpv"], backbones = ["squeezenet1_1.caffe_in1k"], seeds = [0, 1] }}
    search = {{ method = "{method}", trials = 12, space.learning_rate = {{ low = 1e-5, high = 1e-2 }} }}
    """
    study = parse_study(text, "x.toml")
    assert next(ladder(study)) == (12, 2)
    smaller = cut(study, "1h", 3, 2)
    assert smaller is not None
    assert smaller.search.trials == 3
    assert smaller.cells("plain") == study.cells("plain")[:3]
    assert "3 of 12 cells of each search" in budget_words(smaller)
    kept = Budgets(tmp_path).first("x", KeptBudget("1h", smaller.cut))
    assert with_kept(study, kept) == smaller
    other = parse_study(text.replace("trials = 12", "trials = 13"), "x.toml")
    with pytest.raises(InputError, match="its budget cut another search in this folder"):
        with_kept(other, kept)


def test_a_shipped_study_can_be_cut() -> None:
    study = load_study("paper/main")
    smaller = cut(study, "6h", 4, 1)
    assert smaller is not None
    assert [len(smaller.cells(name)) for name in smaller.study.interventions] == [4]
