"""A run that finds nothing to do leaves word of it: while neither the folder nor what the study asks for has changed,
the next one need not think all trials through again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

from afield.study.folder.answers import Answers
from afield.study.folder.folder_state import FolderState
from afield.study.preparing.needs import Needs
from afield.study.running.outcome import Outcome
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.task import Task


@dataclass(frozen=True)
class Question:
    """What a run is asked, in the state in which it finds its folder."""

    answers: Answers
    state: FolderState
    asked: str
    """SHA-256 of the study and of all that was found for it"""


@dataclass(frozen=True)
class _Kept:
    asked: str
    failed: int
    missing: int
    said: Sequence[str]


def question_of(study: Study, needs: Needs, out: Path, state: FolderState) -> Question:
    """The question of a run into a folder in that state."""
    return Question(Answers(out, study.study.name), state, _asked(study, needs))


def known_outcome(question: Question, store: Store) -> tuple[Outcome, Sequence[str]] | None:
    """The outcome of a run that has nothing to do, and what it said; None where that must be found out."""
    kept = question.answers.read("run", question.state, lambda told: _Kept(**told))
    if kept is None or kept.asked != question.asked:
        return None
    return Outcome(store.root, 0, 0, kept.failed, kept.missing, question.state), kept.said


def note_outcome(question: Question, outcome: Outcome, said: Sequence[str]) -> None:
    """Leave word of a run that had nothing to do."""
    if question.state.settled:
        kept = _Kept(question.asked, outcome.failed, outcome.missing, tuple(said))
        question.answers.write("run", question.state, kept)


def _asked(study: Study, needs: Needs) -> str:
    """What shapes a plan beside the folder and afield's own files, whose state is told apart; functions of one's own
    come from extensions, which are told by their bytes.
    """
    tasks = [(data.identity, _plain(data.task), len(data.dropped)) for data in needs.tasks.values()]
    changed = [(name, data.identity, data.training) for name, data in needs.changed.items()]
    backbones = list(needs.backbones.items())
    weights = [(name, item.sha256, item.origin) for name, item in needs.weights.items()]
    extensions = [(name, item.sha256) for name, item in needs.extensions.items()]
    return sha256(repr((study.model_dump_json(), tasks, changed, backbones, weights, extensions)).encode()).hexdigest()


def _plain(task: Task) -> list[object]:
    """All of a task but its functions."""
    values = (getattr(task, field.name) for field in fields(task))
    return [value for value in values if not callable(value)]
