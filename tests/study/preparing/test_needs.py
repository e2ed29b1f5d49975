"""What a study needs: an interrupt while its images are looked at, and what is told before they are."""

import os
import signal
from pathlib import Path

import pytest

from afield.base.errors import InputError, Stopped
from afield.study.preparing.needs import gather
from afield.study.preparing.study_file import parse_study
from tests.fixtures.own import table

STUDY = """
[study]
name = "moths"
tasks = ["moths.csv"]
backbones = ["squeezenet1_1.caffe_in1k"]
unreadable = "drop"
[recipe]
initialisation = "scratch"
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_look_at_all_images_can_be_interrupted_and_goes_on(tmp_path: Path, number: int) -> None:
    table(tmp_path / "moths.csv", {"label": ["owlet", "hawk"] * 10})
    study = parse_study(STUDY, "moths.toml", tmp_path)
    seen: list[tuple[str, int, int]] = []

    def preparing(what: str, done: int, total: int) -> None:
        seen.append((what, done, total))
        if done == 3 and total == 20:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped, match=r"images of moths were looked at, \d of 20; what was found is kept"):
        gather(study, tmp_path / "cache", preparing=preparing)
    looked = [what for what in seen if what[0] == "moths, looking for broken ones"]
    assert 3 <= len(looked) <= 4
    gather(study, tmp_path / "cache", preparing=preparing)
    assert seen[-1] == ("moths, looking for broken ones", 20 - len(looked), 20 - len(looked)), "the rest alone"


def with_further(folder: Path) -> str:
    table(folder / "moths.csv", {"label": ["owlet", "hawk"] * 10})
    (folder / "more").mkdir()
    table(folder / "more" / "more.csv", {"label": ["owlet", "hawk"] * 6})
    text = STUDY.replace("[recipe]", 'interventions = ["plain", "more"]\n[recipe]').replace('unreadable = "drop"\n', "")
    return text + '[interventions.more]\nfurther = { moths = ["more/more.csv"] }\n'


@pytest.mark.slow
def test_the_search_for_copies_can_be_interrupted_and_goes_on(tmp_path: Path) -> None:
    study = parse_study(with_further(tmp_path), "moths.toml", tmp_path)
    read: list[int] = []

    def preparing(what: str, done: int, total: int) -> None:
        if what == "moths, looking for copies, reading":
            read.append(total)
            if len(read) == 4:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped, match=r"copies of held-out images of moths were looked for; what was seen is kept"):
        gather(study, tmp_path / "cache", preparing=preparing)
    assert 4 <= len(read) <= 5
    gather(study, tmp_path / "cache", preparing=preparing)
    assert len(read) == read[0] + 12, "held-out and further images, each once"


def test_no_image_is_looked_at_before_all_else_was_found(tmp_path: Path) -> None:
    text = with_further(tmp_path).replace("squeezenet1_1.caffe_in1k", "squeezenet1_1.caffe_in2k")

    def preparing(what: str, done: int, total: int) -> None:
        raise AssertionError(what)

    with pytest.raises(InputError, match="caffe_in2k"):
        gather(parse_study(text, "moths.toml", tmp_path), tmp_path / "cache", preparing=preparing)
