"""What a study needs: an interrupt while its images are looked at."""

import os
import signal
from pathlib import Path

import pytest

from afield.base.errors import Stopped
from afield.study.needs import gather
from afield.study.study_file import parse_study
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
