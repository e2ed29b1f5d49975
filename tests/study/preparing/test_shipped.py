"""The shipped studies: each head is whole and true, and each study could be planned as far as names and sizes go."""

import re
from pathlib import Path

import pytest

from afield.backbones.own import planned
from afield.base.errors import InputError
from afield.study.preparing.cost import TRAINING_IMAGES, cost_of
from afield.study.preparing.misfits import complaints_of
from afield.study.preparing.shipped import head_of, list_studies, question_of, show_study
from afield.study.preparing.study_file import load_study, parse_study, shipped_studies
from afield.study.searching.search import rung_sizes
from afield.tasks.builtin import find_task

PAPER = [name for name in shipped_studies() if name.startswith("paper/")]
TAGS = ("(read", "(computed", "(recollected, unverified)", "not known here", "is inferred", "nothing")


def part(name: str, label: str) -> str:
    """A part of a study's head, as one line."""
    text = " ".join(head_of(shipped_studies()[name]))
    return re.split(r" (?:Re-creates|Found there|Cost): ", text.split(f"{label}: ", 1)[1])[0]


def test_the_page_tells_what_the_heads_tell() -> None:
    page = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")
    for name in PAPER:
        cells = (
            question_of(shipped_studies()[name]),
            *(part(name, at) for at in ("Re-creates", "Found there", "Cost")),
        )
        assert f"| [`{name}`](../src/afield/studies/{name}.toml) | {' | '.join(cells)} |" in page.splitlines()


@pytest.mark.parametrize("name", PAPER)
def test_a_head_says_what_is_asked_what_it_re_creates_and_what_was_found(name: str) -> None:
    assert question_of(shipped_studies()[name]).endswith("?")
    assert "(PAPER.md " in part(name, "Re-creates") or "; PAPER.md " in part(name, "Re-creates")
    assert any(tag in part(name, "Found there") for tag in TAGS)
    assert all(line.isascii() and len(line) <= 118 for line in shipped_studies()[name].splitlines())


@pytest.mark.parametrize("name", PAPER)
def test_the_cost_in_the_head_is_that_of_the_study(name: str) -> None:
    assert part(name, "Cost") == cost_of(load_study(name)).words() + "."


@pytest.mark.parametrize("name", PAPER)
def test_every_task_backbone_and_recipe_fit_together(name: str) -> None:
    study = load_study(name)
    for task in study.study.tasks:
        found = find_task(task, study.tasks)
        for intervention in study.study.interventions:
            for backbone in study.backbones_of(intervention):
                assert list(complaints_of(study, found, planned(backbone, {}), study.recipe_of(intervention))) == []


def test_the_main_study_costs_what_is_told_of_it() -> None:
    cost = cost_of(load_study("paper/main"))  # PAPER.md 3: 19 models x 6 data sets x 20 cells, about 1.4e9 image passes
    assert (cost.searches, cost.trainings, cost.epochs) == (19 * 6, 2_280, 2_280 * 30)
    assert cost.passes == 19 * 20 * 30 * 124_676


def test_halving_and_seeds_by_hand() -> None:
    text = """
    study = { name = "x", tasks = ["part", "eurosat"], backbones = ["small"], seeds = [0, 1], protocol = "paper" }
    search.grid = { learning_rate = [1e-4, 1e-3, 1e-2], weight_decay = [1e-4, 0.0] }
    tasks.part = { task = "eurosat", share = 0.1 }
    """
    study = parse_study(text, "x.toml")
    assert rung_sizes(study.search, 6, 30) == [(3, 6), (10, 2), (30, 1)]
    epochs = 6 * 3 + 2 * 7 + 20 + 30  # the last: the chosen recipe under the second seed
    found = cost_of(study)
    assert (found.searches, found.trainings, found.epochs) == (20, 140, 20 * epochs)
    assert found.passes == pytest.approx(10 * epochs * 21_600 * 1.1)
    unknown = parse_study(text.replace("share = 0.1", "shots = 5"), "x.toml")
    assert cost_of(unknown).passes is None
    assert "passes" not in cost_of(unknown).words()


def test_known_sizes_are_of_tasks_that_there_are() -> None:
    for protocol, sizes in TRAINING_IMAGES.items():
        for name in sizes:
            assert protocol == "clean" or find_task(name).published is not None


def test_the_list_has_a_line_a_study_and_show_the_file() -> None:
    listed, shipped = list_studies(), shipped_studies()
    assert len(listed.splitlines()) == 1 + len(shipped)
    assert all(question_of(text) in listed for text in shipped.values())
    assert show_study("quickstart") == shipped_studies()["quickstart"].rstrip("\n")
    with pytest.raises(InputError, match=r"paper/mian: no shipped study of that name; did you mean paper/main or "):
        show_study("paper/mian")
