"""Heads of one's own in a study: refused before anything is trained, and in the keys of their trials alone."""

import re
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.study.preparing.study_file import parse_study
from tests.fixtures.tiny import study_text
from tests.study.helpers import check_ready

LAB = """
from torch import nn
from afield import Head

mine = Head(build=nn.Linear)
broken = Head(build=lambda features, outputs: nn.Linear(features, 7))
"""


def text_with(photos: Path, folder: Path, head: str) -> str:
    (folder / "my_lab.py").write_text(LAB)
    text = 'extensions = ["my_lab.py"]\n' + study_text(photos) + f'\n[interventions.other]\nhead = "{head}"\n'
    return text.replace("seeds = [0, 1]", 'seeds = [0]\ninterventions = ["plain", "other"]')


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("my_lab:mime", "my_lab:mime: .* has no mime; did you mean my_lab:mine"),
        ("my_lab:nn", "my_lab:nn: is of type module, not Head .* Head objects in it: my_lab:mine, my_lab:broken"),
        ("my_lab:broken", r"my_lab:broken: the head gives \[4, 7\]; must give logits, \[4, 3\]"),
        ("their_lab:mine", "their_lab:mine: no extension their_lab is named by the study"),
    ],
)
def test_what_is_no_head_is_refused_by_name(photos: Path, tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_ready(parse_study(text_with(photos, tmp_path, head), "tiny.toml", tmp_path))
    assert re.search(words, str(caught.value)), str(caught.value)


def test_its_file_is_in_the_keys_of_its_trials_alone(photos: Path, tmp_path: Path) -> None:
    plan = check_ready(parse_study(text_with(photos, tmp_path, "my_lab:mine"), "tiny.toml", tmp_path))
    used = {search.intervention: [name for name, _ in search.cells[0].extensions] for search in plan.searches}
    assert used == {"plain": [], "other": ["my_lab"]}
