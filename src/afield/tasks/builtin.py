"""The tasks that come with the package, and the way from a name to a task."""

from __future__ import annotations

from pathlib import Path

from afield.base.errors import InputError, nearest
from afield.tasks import aptos2019, cassava, elpv, eurosat, ham10000
from afield.tasks.own import folder_task
from afield.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (elpv.TASK, aptos2019.TASK, cassava.TASK, eurosat.TASK, ham10000.TASK, ham10000.MELANOMA)
}


def find_task(name: str) -> Task:
    """The built-in task of that name, or the task of a folder of images at that path.

    >>> find_task("elpv").classes
    ('functional', 'defective')
    """
    if name in TASKS:
        return TASKS[name]
    if Path(name).expanduser().is_dir():
        return folder_task(name)
    raise InputError(
        f"{name}: unknown task, and no folder of that name; {nearest(name, TASKS)} (all: afield tasks list)"
    )
