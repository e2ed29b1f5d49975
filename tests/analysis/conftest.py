import pytest

from afield.study.record import StudyRecord
from tests.fixtures.records import make_record


@pytest.fixture(scope="session")
def record() -> StudyRecord:
    """The simulated study as it is; frozen, so that tests may share it."""
    return make_record()
