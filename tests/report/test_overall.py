"""What the page says over all tasks."""

import pytest

from afield.analysis.answer import answer
from afield.report.overall import overall_section
from afield.report.page import render
from tests.fixtures.records import make_record, on_tasks


@pytest.mark.slow
def test_several_tasks_are_headed_by_what_holds_over_all() -> None:
    record = on_tasks(
        {
            task: make_record(simulation=place, n_test=200, metrics=("accuracy",), seeds=(0,))
            for place, task in enumerate(("solar", "moths", "cells"))
        }
    )
    page = render(record)
    assert '<a href="#over">All tasks</a>' in page
    assert page.index('id="over"') < page.index('id="task-1"')
    assert "<dt>slope on one more task like these</dt>" in page
    assert "Hotelling" not in page  # its test takes backbones for independent, and three are of one family
    section = overall_section(answer(record).overall)
    assert section is not None
    assert section.reason in page
    assert section.slopes is not None
    assert {row.name for row in section.slopes.rows} == {"solar", "moths", "cells"}


def test_one_task_has_no_part_over_tasks(html: str) -> None:
    assert 'id="over"' not in html
    assert overall_section(None) is None
