"""What a study needs: an interrupt while its images are looked at, and what is told before they are."""

import os
import signal
from pathlib import Path

import pytest

from afield.base.errors import InputError, Stopped
from afield.study.planning.missing import missing_of
from afield.study.preparing.needs import Problem, gather, look, told_of_the_whole
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


FOLDED = """
[study]
name = "moths"
tasks = ["moths"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.moths]
table = "moths.csv"
folds = 7
fold = "all"
[recipe]
initialisation = "scratch"
"""


@pytest.mark.parametrize(("labels", "said"), [(["owlet", "hawk"] * 5, "moths: folds: 7 parts, but"), ([], "no such")])
def test_what_all_folds_of_a_task_lack_is_told_once(tmp_path: Path, labels: list[str], said: str) -> None:
    if labels:
        table(tmp_path / "moths.csv", {"label": labels})
    study = parse_study(FOLDED, "moths.toml", tmp_path)
    with pytest.raises(InputError) as told:
        gather(study, tmp_path / "cache")
    assert said in str(told.value)
    assert "fold0" not in str(told.value)
    assert str(told.value).count("\n") == 0
    assert [(each.name, each.kind) for each in missing_of(study, look(study, tmp_path / "cache"))] == [
        ("moths", "data")
    ]


def test_what_not_all_folds_lack_is_told_of_each() -> None:
    study = parse_study(FOLDED.replace("folds = 7", "folds = 3"), "moths.toml")
    one = tuple(Problem("study", "", f"moths-fold{fold}: {words}") for fold, words in enumerate("aab"))
    assert told_of_the_whole(study, one) == one
    assert told_of_the_whole(study, (*one[:2], Problem("study", "", "moths-fold2: a"), Problem("study", "", "b"))) == (
        Problem("study", "", "moths: a"),
        Problem("study", "", "b"),
    )
