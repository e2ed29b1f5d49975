"""The study that a command names: a shipped one, a file, or one's own data with nothing said but where they lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from afield.study.preparing.changes import with_backbones, with_settings
from afield.study.preparing.study_file import load_study, shipped_studies
from afield.study.searching.search_choice import SearchChoice
from afield.study.study import Study, StudyHead
from afield.tasks.builtin import TASKS
from afield.tasks.own.task import source_at

BACKBONES = ("small",)
"""where none are named"""
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 1e-2)
"""those of the study that afield re-creates (PAPER.md 3)"""
REDUCTION = 2.0
"""of four cells two go on: a third would be one, chosen after three epochs"""


def choose_study(source: str, settings: Sequence[str] = (), backbones: Sequence[str] = ()) -> Study:
    """The shipped study of that name, that of a TOML file, or that of one's own data at a path (`study_of`,
    `own.source_at`); with `settings` put in place of its own values (`with_settings`); one's own
    data go by the name of their study there, `tasks.NAME.group=trap`. Raises InputError.

    `backbones` are those of a study of one's own data, which names none itself.
    """
    own = source not in shipped_studies() and source_at(source) is not None
    study = study_of(Path(source), backbones) if own else load_study(source)
    if own:
        study = _with_table(_searching_less(study, settings), settings)
    return with_settings(study, settings) if settings else study


def _searching_less(study: Study, settings: Sequence[str]) -> Study:
    """A study that searches nothing for which the settings have one value: nobody wrote its grid."""
    said = {setting.partition("=")[0].strip() for setting in settings}
    grid = {key: values for key, values in study.search.grid.items() if f"recipe.{key}" not in said}
    return study.model_copy(update={"search": study.search.model_copy(update={"grid": grid})})


def _with_table(study: Study, settings: Sequence[str]) -> Study:
    """A study of one's own data with a table `[tasks.NAME]` of them, where keys of it are set; NAME is the study's,
    unless a built-in task has it.
    """
    if not any(setting.strip().startswith("tasks.") for setting in settings):
        return study
    (path,), name = study.study.tasks, study.study.name
    name, source = f"own_{name}" if name in TASKS else name, source_at(path)
    assert source is not None
    head = study.study.model_copy(update={"tasks": (name,)})
    return study.model_copy(update={"study": head, "tasks": {name: source}})


def study_of(data: Path, backbones: Sequence[str] = ()) -> Study:
    """A study of one's own data at a path: those backbones (by default the set `small`), the default recipe, and a
    search over LEARNING_RATES. Raises InputError for backbones that there are not.
    """
    path = data.expanduser().resolve()
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem if path.is_file() else path.name).strip("_.-")[:40]
    plain = Study(
        study=StudyHead(name=name or "own_data", tasks=(str(path),), backbones=BACKBONES),
        search=SearchChoice(grid={"learning_rate": LEARNING_RATES, "weight_decay": (1e-4,)}, reduction=REDUCTION),
    )
    if not backbones:
        return plain
    head = with_backbones(plain, backbones).study
    return plain.model_copy(update={"study": head.model_copy(update={"name": plain.study.name})})
