import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.data import TaskData, load_task
from afield.tasks.sets import elpv

installed = pytest.mark.skipif(find_spec("elpv_dataset") is None, reason="the package elpv-dataset is not installed")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    return load_task(elpv.TASK, "clean", tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
@installed
def test_the_figures_of_its_makers(data: TaskData) -> None:
    # shared/data/README.md and the data set's own page: 1508 / 295 / 106 / 715 by probability, mono 1074, poly 1550.
    table = data.table
    assert table["probability"].round(2).value_counts().to_dict() == {0.0: 1508, 1.0: 715, 0.33: 295, 0.67: 106}
    assert table["type"].value_counts().to_dict() == {"poly": 1550, "mono": 1074}
    assert table.loc[table["label"] == 1, "probability"].min() > 0.5
    assert (table["label"] == 1).sum() == 715 + 106
    assert len(data.hashes) == 2624


@installed
def test_splits_are_60_20_20_in_every_stratum(data: TaskData) -> None:
    counts = {split: sum(numbers.values()) for split, numbers in data.counts().items()}
    assert counts == {"train": 1574, "validation": 525, "test": 525}
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    for _, stratum in data.table.groupby(["probability", "type"]):
        for split, share in shares.items():
            assert abs((stratum["split"] == split).sum() - share * len(stratum)) < 1
    assert data.absent() == {}


@installed
def test_the_data_and_splits_are_those_of_version_1(data: TaskData) -> None:
    # A change here means other splits under the same name: raise the task's version with it.
    assert (data.task.version, data.fingerprint) == (1, "5dedcc8649005444d403")


@installed
def test_another_protocol_is_refused() -> None:
    with pytest.raises(InputError, match=r"elpv: is no task of the study, so it has no protocol paper; use clean"):
        load_task(elpv.TASK, "paper", Path("unused"))


@installed
def test_the_package_is_found_without_importing_it() -> None:
    sys.modules.pop("elpv_dataset", None)
    assert elpv.find(Path()).name == "data"
    assert "elpv_dataset" not in sys.modules


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "elpv_dataset", raising=False)
    with pytest.raises(InputError, match=r"pip install 'afield\[quickstart\]'"):
        elpv.find(Path())
