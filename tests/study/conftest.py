"""What the tests of result folders share."""

from pathlib import Path

import pytest

from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import tiny_study


@pytest.fixture(scope="module")
def plan(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    study = tiny_study(photos)
    return make_plan(study, settle_numerics(study.numerics, None), tmp_path_factory.mktemp("cache"))
