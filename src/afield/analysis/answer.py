"""The answer in sentences: what the commands print and what heads the report."""

from __future__ import annotations

from dataclasses import dataclass

from afield.analysis.compare import Effect, Ranking
from afield.analysis.transfer import TransferFit
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class TaskAnswer:
    """What the study says about one task, and the analyses behind the sentences."""

    task: str
    take: str
    """which backbone to take, what ties with it, from how much data"""
    transfer: str
    """whether ImageNet accuracy told, and why"""
    pretraining: str | None
    """what pretraining brought against scratch; None where the study has no such control"""
    open: tuple[str, ...]
    """what would settle what is open"""
    warnings: tuple[str, ...]
    ranking: Ranking
    fit: TransferFit | None
    """of the task's leading metric"""
    effects: tuple[Effect, ...]
    """from-scratch interventions against plain"""


@dataclass(frozen=True)
class Answer:
    """The whole study's answer, a part a task."""

    tasks: tuple[TaskAnswer, ...]


def answer(record: StudyRecord) -> Answer:
    raise NotImplementedError
