"""Runs and records as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.show import describe_cost
from afield.base.text import count
from afield.study.preparing.changes import with_backbones
from afield.study.store import Store
from afield.study.study import Study

if TYPE_CHECKING:
    from afield.study.running.outcome import Outcome


def describe_change(study: Study, backbones: Sequence[str]) -> tuple[Study, str]:
    """A study with other backbones, and words for what they cost and what is left out for want of its backbones; with
    none named the study as it is, and no words.
    """
    if not backbones:
        return study, ""
    changed = with_backbones(study, backbones)
    gone = [name for name in study.study.interventions if name not in changed.study.interventions]
    lines = [describe_cost(changed.study.backbones)]
    lines += [f"left out: intervention {name}, tried on {', '.join(study.backbones_of(name))} alone" for name in gone]
    joined = (("ensemble", study.ensembles, changed.ensembles), ("soup", study.soups, changed.soups))
    for what, before, after in joined:
        lines += [f"left out: {what} {name}, of which there would be one alone" for name in before if name not in after]
    return changed, "\n".join(lines)


def describe_outcome(outcome: Outcome) -> str:
    """What a run came to, in a line."""
    done = f"{count(outcome.trained, 'training')} done now ({count(outcome.epochs, 'epoch')})"
    return f"{done}, {outcome.failed} failed, {outcome.missing} results missing"


def where_to_look(out: Path, study: str) -> str:
    """The command that shows what of a study is not there; it names the study where the folder holds several."""
    which = f" --study {study}" if len(Store.open(out).studies()) > 1 else ""
    return f"afield status {out}{which}"
