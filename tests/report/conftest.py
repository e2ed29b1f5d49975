import pytest

from afield.report.page import render
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record


@pytest.fixture(scope="package")
def record() -> StudyRecord:
    """The simulated study as it is; frozen, so that tests may share it."""
    return make_record()


@pytest.fixture(scope="package")
def html(record: StudyRecord) -> str:
    """Its page."""
    return render(record)
