"""The folder that commands are run on, spoilt in one file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from afield.study.collecting import collect
from afield.study.folder import index
from afield.study.inspecting import state
from tests.hostile.commands import asked, elsewhere
from tests.hostile.rich import make_rich


@pytest.fixture(scope="session")
def rich(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        return make_rich(photos, tmp_path_factory.mktemp("rich") / "home", cache)


@pytest.fixture
def out(rich: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rich folder with an index and answers that are kept, a copy of it beside, and something where hostile paths
    lead (`mutations.TEXTS`).
    """
    for each in (collect, index, state):
        monkeypatch.setattr(each, "WORTH", 0)
    folder = Path(shutil.copytree(rich, tmp_path / "here" / "out"))
    for path in (*folder.rglob("*"), folder):
        os.utime(path, ns=(path.stat().st_mtime_ns - 10**11,) * 2)
    for words in (["status", folder], ["table", folder]):
        assert asked(words)[0] == 0
    shutil.copytree(folder, tmp_path / "here" / "kept")
    elsewhere(folder).mkdir(parents=True)
    (elsewhere(folder) / "result.json").write_text("{}")
    return folder
