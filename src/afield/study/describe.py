"""Runs and records as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.show import describe_cost
from afield.base.text import columns, count
from afield.study.budget import budget_words
from afield.study.changes import with_backbones
from afield.study.record import StudyRecord
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.words import absence_words

if TYPE_CHECKING:
    from afield.study.outcome import Outcome


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


def describe_record(record: StudyRecord, out: Path) -> str:
    """What of a study is finished, paused, failed and missing in a result folder."""
    rows = []
    for search in record.searches:
        trials = {trial.key: trial for trial in (*search.cells, *search.repeats)}
        states = Counter(trial.state for trial in trials.values())
        scored = int(record.results.loc[record.results["key"].isin([t.key for t in search.repeats]), "key"].nunique())
        counts = tuple(str(states[state]) for state in ("finished", "paused", "failed", "missing"))
        rows.append(
            (search.task, search.backbone, search.intervention, *counts, f"{scored} of {len(record.study.study.seeds)}")
        )
    header = ("task", "backbone", "intervention", "finished", "paused", "failed", "missing", "scored")
    lines = [
        f"{record.study.study.name}: test splits were read {count(record.test_reads, 'time')} in {out}",
        "",
        columns(rows, header),
    ]
    if not any(trial.history or trial.state != "missing" for search in record.searches for trial in search.cells):
        lines += [
            "",
            "No epoch has ended yet: the run prepares images or trains its first epochs, or it was stopped there; "
            "the same `afield run` goes on.",
        ]
    lines += [f"\n{words}" for words in (record.part, budget_words(record.study)) if words]
    lines += [f"{task.name}: {words}" for task in record.tasks for words in absence_words(task.absent())]
    ended = [search for search in record.searches if search.chosen]
    if any(cell.state == "paused" for search in ended for cell in search.cells):
        lines += ["", "Paused trainings of a search that has ended were stopped by halving."]
    lines += [f"The {line}." for line in record.unjoined]
    for failure in record.failures:
        lines.append(
            f"failed: {failure.key} ({failure.backbone}, {failure.intervention}, seed {failure.seed}): {failure.reason}"
        )
    if record.failures:
        lines.append(f"Try again what failed: afield run STUDY --out {out} --retry failed")
    return "\n".join(lines)
