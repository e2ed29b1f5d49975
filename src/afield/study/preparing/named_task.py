"""The task that a command names: a built-in one, one's own data at a path, a study's or an extension's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.base.text import first_few
from afield.tasks.builtin import find_task
from afield.tasks.further import find_further
from afield.tasks.places import user_path
from afield.tasks.source import TaskSource
from afield.tasks.task import Task

if TYPE_CHECKING:
    from afield.study.study import Study

_STUDY, _EXTENSION = ".toml", ".py"
_NAMED = 12
"""tasks that a complaint names"""


def named_task(name: str) -> Task:
    """The task of a name that `find_task` knows; `STUDY.toml:NAME` is a study's, which it names or has a table of (a
    shipped one goes by its name), `FILE.py:NAME` an extension's (an installed package goes by its entry point's).

    Raises InputError for what is none of these, with the tasks that the study or the extension has.
    """
    if not _names_a_file(name):
        return find_task(name)
    source, own = _parts(name)
    return _of_study(source, own) if _is_study(source) else _of_extension(source, own)


def named_further(name: str) -> tuple[Task | TaskSource, str]:
    """What a name of further data stands for, by the same rules, and what it is called (`find_further`). Of a study's
    own data its table does, which need not be a whole task: a single class will do.
    """
    if not _names_a_file(name):
        return find_further(name, {})
    source, own = _parts(name)
    if _is_study(source) and not is_own(own):
        study = _study(source, own)
        return find_further(own, study.tasks)
    task = named_task(name)
    return task, task.name


def _names_a_file(name: str) -> bool:
    """Whether a name means a task of a study or an extension, and not one that is found by its name or path."""
    path, whole_file = user_path(name), name.endswith((_STUDY, _EXTENSION))
    return not path.is_dir() and (whole_file or (is_own(name) and not path.exists()))


def _is_study(source: str) -> bool:
    # what a study needs takes a second, which others need not
    from afield.study.preparing.study_file import shipped_studies

    return source.endswith(_STUDY) or source in shipped_studies()


def _parts(name: str) -> tuple[str, str]:
    """The file and its task, which a study may name by an extension's reference: `STUDY.toml:my_lab:moths`."""
    for ending in (_STUDY, _EXTENSION):
        file, colon, own = name.partition(f"{ending}:")
        if colon:
            return f"{file}{ending}", own
    source, _, own = name.partition(":")
    return source, own


def _of_study(source: str, own: str) -> Task:
    from afield.base.extensions import load_extensions
    from afield.study.preparing.needs import find_study_task

    study = _study(source, own)
    return find_study_task(own, study, load_extensions(study.extensions) if is_own(own) else {})


def _study(source: str, own: str) -> Study:
    """The study, which must have that task."""
    from afield.study.preparing.study_file import load_study

    study = load_study(source)
    _check_known(source, own, dict.fromkeys([*study.study.tasks, *study.tasks]))
    return study


def _of_extension(source: str, own: str) -> Task:
    from afield.base.extensions import load_extension, objects
    from afield.study.preparing.needs import find_own_task
    from afield.tasks.source import TaskSource

    extension = load_extension(source)
    _check_known(source, own, {**objects(extension, Task), **objects(extension, TaskSource)})
    return find_own_task(f"{extension.name}:{own}", {extension.name: extension})


def _check_known(source: str, own: str, known: Iterable[str]) -> None:
    """Complain of a name that is none of the file's tasks, with those that are."""
    names = list(known)
    if own in names:
        return
    tasks = f"the task{'s' if len(names) > 1 else ''} {first_few(names, _NAMED)}" if names else "no task"
    if own:
        raise InputError(f"{source}:{own}: no such task; {source} has {tasks}")
    raise InputError(f"{source}: has {tasks}; name one, {source}:{names[0] if names else 'NAME'}")
