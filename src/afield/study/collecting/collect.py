"""From a result folder to one StudyRecord: what each trial showed, what was chosen, and the results table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.base.extensions import is_own
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import COLUMNS
from afield.study.beside import planned_beside
from afield.study.collecting.audit_records import read_audits, unscored
from afield.study.collecting.backbone_records import backbone_records
from afield.study.collecting.beside_computed import compute_beside
from afield.study.collecting.combined import keep_combined, metrics_of
from afield.study.collecting.context import Context, choose_stored, context_of
from afield.study.collecting.result_rows import (
    Scored,
    Tables,
    combinations_of,
    further_rows,
    headline_rows,
    joined_table,
    ready,
    shown_of,
)
from afield.study.collecting.search_records import search_records
from afield.study.collecting.soup_records import soups_found, unmade
from afield.study.combining.ensembles import Combination
from afield.study.combining.soups import Soup
from afield.study.folder.answers import Answers
from afield.study.folder.folder_state import state_of
from afield.study.folder.index import WORTH
from afield.study.folder.sealed import read_samples
from afield.study.folder.shapes import misfit
from afield.study.folder.trial_files import TrialFiles
from afield.study.images_of_test import PreparedTest
from afield.study.merging.shards import part_words, shards_in
from afield.study.record import Failure, SearchRecord, StudyRecord, TaskRecord, TrialRecord, Unjoined
from afield.study.searching.outlook import has_failed
from afield.study.split_view import TEST, VALIDATION
from afield.study.store import Store
from afield.tasks.places import cache_folder
from afield.tasks.task import SPLITS, Card, in_order
from afield.tasks.training_split import TrainingSplit


def load_record(out: str | Path, study: str | None = None) -> StudyRecord:
    """Read what a study found in a result folder. Raises InputError for a folder that is not ours and StoreError for
    damaged files.

    `study` names one of several studies that share the folder.
    """
    store = Store.open(Path(out))
    context, stored = context_of(store, choose_stored(store, study))
    chosen = context.study
    searches, tables, joined = _found(context, stored)
    tasks = tuple(tables.tasks.values())
    store.index.keep()
    return StudyRecord(
        study=chosen,
        results=headline_rows(tables),
        further=further_rows(tables, joined, _soups(context, searches)),
        predictions=_predictions(context, searches, tables.tasks),
        resampled=_resampled(context, searches, tasks),
        audits=read_audits(context, searches, tables.tasks),
        searches=searches,
        tasks=tasks,
        backbones=backbone_records(context, stored),
        failures=_failures(context, searches, tables),
        numerics=stored["numerics"],
        platforms=_platforms(context),
        test_reads=store.scores.reads(),
        rules=store.rules.read(chosen.study.name),
        part=part_words(
            shards_in(store.root, chosen.study.name),
            sum(search.chosen is not None or search.lost for search in searches),
            len(searches),
        ),
        unjoined=_unjoined(context, searches, joined),
    )


def joined_in(store: Store, study: str) -> tuple[Combination, ...]:
    """All that the study of that name joins and has scored every member of."""
    context, stored = context_of(store, choose_stored(store, study))
    _, _, joined = _found(context, stored)
    return tuple(each for each in joined if not each.lacking)


def _failures(context: Context, searches: Sequence[SearchRecord], tables: Tables) -> tuple[Failure, ...]:
    """Trainings that ended in an error, and networks that could not be scored although somebody wants them to be."""
    to_audit = unscored(context, searches, tables.tasks)
    found = []
    for search in searches:
        to_score = {*to_audit, *(trial.key for trial in search.repeats if trial.key not in context.scores)}
        for key, trial in {trial.key: trial for trial in (*search.cells, *search.repeats)}.items():
            files = context.files[key]
            if files.failure is not None and has_failed(files, wanted=key in to_score):
                who = trial.task, trial.backbone, trial.intervention, trial.seed
                found.append(Failure(key, *who, files.failure["reason"], files.failure["trace"]))
    return tuple(found)


def _platforms(context: Context) -> tuple[Mapping[str, str], ...]:
    """The distinct platforms that trained."""
    trained = sorted(context.trials.keys() & context.store.trials())
    results = (result for key in trained if (result := context.files[key].result) is not None)
    return tuple({str(sorted(result["platform"].items())): result["platform"] for result in results}.values())


def _unjoined(
    context: Context, searches: Sequence[SearchRecord], joined: Sequence[Combination]
) -> tuple[Unjoined, ...]:
    """What is joined and lacks networks."""
    soups = soups_found(context.study, searches)
    states = {trial.key: trial.state for search in searches for trial in (*search.cells, *search.repeats)}
    lacking = (
        Unjoined(task, f"{each.kind} {each.name} of {task} lacks {each.lacking} of {len(each.members)} networks")
        for each in joined
        for task in (each.members[0].task,)
        if each.lacking
    )
    return (*lacking, *unmade(context.store, soups, states))


def keep_derived(
    store: Store, study: str, leading: Mapping[str, Metric], beside: Mapping[str, Metric]
) -> tuple[str, ...]:
    """Compute and keep, unless they are there, the metrics that nobody who reads the folder can or should compute: of
    all that a study joins, as far as its members are scored, and one's own that it records beside all that fit.
    `leading` and `beside` are one's own by name. Gives a line for each of these that has no value somewhere, with the
    reason. Raises InputError for members that are about different samples.
    """
    chosen = choose_stored(store, study)
    if not (chosen.ensembles or chosen.folds or beside):
        return ()
    context, stored = context_of(store, chosen)
    searches, tables, joined = _found(context, stored)
    for each in joined:
        task = tables.tasks[each.members[0].task]
        metrics = [leading[name] if name in leading else METRICS[name] for name in metrics_of(each, task.metrics)]
        for at in ready(store, each, shown_of(tables, task.name)):
            keep_combined(store, each, task.classes, metrics, at)
    if not beside:
        return ()
    soups = soups_found(context.study, searches)
    samples = {name: pd.read_parquet(store.tasks.samples(name, identity)) for name, identity in stored["tasks"].items()}
    return compute_beside(tables, joined, soups, beside, samples)


def _found(
    context: Context, stored: Mapping[str, Any]
) -> tuple[tuple[SearchRecord, ...], Tables, tuple[Combination, ...]]:
    """The searches, what the results table is made of, and what is joined in it."""
    searches = search_records(context, stored["searches"])
    tasks = {name: _task(context.store, name, stored) for name in stored["tasks"]}
    scored = [_network(context, search, trial) for search, trial in _scored(context, searches)]
    tables = Tables(context.store, context.study, tasks, scored, planned_beside(stored))
    return searches, tables, combinations_of(context.study, searches, scored)


def _network(context: Context, search: SearchRecord, trial: TrialRecord) -> Scored:
    return Scored(search, trial, context.backbones[trial.backbone], _machine(context.files[trial.key]))


def _machine(files: TrialFiles) -> str:
    return str((files.result or {}).get("machine", ""))


def studies_of(out: str | Path) -> tuple[str, ...]:
    """Names of the studies that were run into a folder."""
    return tuple(Store.open(Path(out)).studies())


def results(out: str | Path, study: str | None = None) -> pd.DataFrame:
    """The results table of a folder: a row a backbone, task, metric, intervention and seed, and after these a row each
    for further test splits, views, ensembles, joined folds and soups (columns: docs/result_folder.md).

    >>> table = results(out)
    >>> len(table[table["metric"] == "auroc"]), table["metric"].nunique()
    (2, 11)
    """
    store = Store.open(Path(out))
    name = store.study_files.choose(study)
    answers, now = Answers(store.root, name), state_of(store.root, store.index)
    kept = answers.read_table("table", now)
    if kept is not None:
        return kept
    context, stored = context_of(store, choose_stored(store, name))
    searches, tables, joined = _found(context, stored)
    further = further_rows(tables, joined, _soups(context, searches))
    store.index.keep()
    table = joined_table(headline_rows(tables), further)
    if now.settled and len(context.files) > WORTH:
        answers.write_table("table", now, table)
    return table


def _soups(context: Context, searches: Sequence[SearchRecord]) -> list[tuple[Soup, list[Scored]]]:
    """The soups of a study, each with its ingredients."""
    soups = soups_found(context.study, searches)
    if not soups:
        return []
    trained = {trial.key: (search, trial) for search in searches for trial in (*search.cells, *search.repeats)}
    return [(soup, [_network(context, *trained[each.key]) for each in soup.ingredients]) for soup in soups]


def _task(store: Store, name: str, plan: Mapping[str, Any]) -> TaskRecord:
    identity = plan["tasks"][name]
    content = store.tasks.read(name, identity)
    classes = tuple(content["classes"])
    return TaskRecord(
        name=name,
        version=content["version"],
        classes=classes,
        metric=content["metric"],
        metrics=tuple(content["metrics"]),
        target=content["target"],
        own_range=_own_range(store, name, plan, content["metric"]),
        extra_splits=tuple(split for split in in_order(content["counts"]) if split not in SPLITS),
        subgroups=tuple(content["subgroups"]),
        test_samples=read_samples(store.tasks.samples(name, identity), content["subgroups"], "test"),
        card=Card(**{field.name: content["card"][field.name] for field in fields(Card)}),
        split_seed=content["split_seed"],
        selection=plan["selection"][name],
        dropped=plan["dropped"][name],
        incomplete=plan["incomplete"][name],
        training={
            intervention: TrainingSplit.from_plain(values)
            for intervention, values in plan.get("training", {}).get(name, {}).items()
        },
        fingerprint=content["fingerprint"],
        counts={split: content["counts"][split] for split in in_order(content["counts"])},
        sizes={split: content["sizes"][split] for split in in_order(content["sizes"])},
        pictures={label: store.tasks.read_pictures(name, identity, index) for index, label in enumerate(classes)},
        prepared=_prepared(store, name, identity),
    )


def _own_range(store: Store, task: str, plan: Mapping[str, Any], metric: str) -> tuple[float, float] | None:
    """The least and the greatest value of a leading metric of one's own."""
    if not is_own(metric):
        return None
    if metric not in plan["metrics"]:
        about = store.tasks.folder(task, plan["tasks"][task]) / "task.json"
        raise misfit(about, f"metric: {metric}: the study's plan tells of no such metric")
    low, high = plan["metrics"][metric]
    return low, high


def _prepared(store: Store, task: str, identity: str) -> PreparedTest | None:
    """Where the test images of a task are in this machine's cache."""
    name = store.tasks.prepared(task, identity)
    if name is None or not (name.isalnum() and len(name) < 100 and (cache_folder() / "prepared" / name).is_dir()):
        return None
    return PreparedTest(store.tasks.samples(task, identity), cache_folder() / "prepared" / name)


def _scored(context: Context, searches: Sequence[SearchRecord]) -> list[tuple[SearchRecord, TrialRecord]]:
    return [(search, trial) for search in searches for trial in search.repeats if trial.key in context.scores]


def _predictions(context: Context, searches: Sequence[SearchRecord], tasks: Mapping[str, TaskRecord]) -> pd.DataFrame:
    """A task at a time: thousands of small tables take fifty kilobytes each."""
    scored, columns, found = _scored(context, searches), list(COLUMNS), []
    for task in tasks.values():
        keys = dict.fromkeys(trial.key for _, trial in scored if trial.task == task.name)
        said = [context.store.scores.predictions(key, at, task.classes) for key in keys for at in (VALIDATION, TEST)]
        found += [pd.concat(said, ignore_index=True)[columns]] if said else []
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _resampled(
    context: Context, searches: Sequence[SearchRecord], tasks: Sequence[TaskRecord]
) -> dict[str, npt.NDArray[np.float64]]:
    """The resamples of the tasks that one's own metric leads, by key."""
    owned = {task.name for task in tasks if task.own_range is not None}
    scored = _scored(context, searches)
    return {trial.key: context.store.scores.resampled(trial.key) for search, trial in scored if search.task in owned}
