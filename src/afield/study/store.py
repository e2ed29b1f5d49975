"""The store: the only door to a result folder.

The truth is files; the last file of each result comes by atomic rename, with the checksums of the rest.

    OUT/afield.json              marks the folder as ours
    OUT/studies/<name>.json      the studies that were run here
    OUT/plans/<name>.json        the trials that each was turned into
    OUT/extensions/<sha256>/     the user's own files as they were run
    OUT/numerics.toml            what `auto` was settled to
    OUT/micro_batches.json       how many images a GPU takes at once, as the first run found
    OUT/tasks/<task>-<data>/     samples.parquet (ids, labels, splits), task.json, pictures
    OUT/trials/<key>/            trial.json, history.jsonl, predictions.parquet (validation), result.json;
                                 checkpoint.pt while under way, failure.json of the failed,
                                 weights.safetensors and weights.json of the chosen;
                                 of a soup soup.json in place of history.jsonl, and trial.json of its first ingredient
    OUT/scores/<key>/            predictions.parquet (test), result.json, metrics.json (derived); in <split>--<view>/
                                 the same of a further test split or view
    OUT/selections/<study>--<search>.json what a search chose, written before any test image of it is scored
    OUT/rules/<study>.json       the rules of the verdict, written before any test image of the study is scored
    OUT/budgets/<study>.json, <study>/ what a budget cut before anything was trained, and how long the runs have taken
    OUT/test_reads.jsonl         every read of a test split
    OUT/shards/                  which shards of a study were run here, where not the whole was
    OUT/merged.json              which folders this one was made of, if it was
    OUT/claims/, OUT/runs/       who works on what while a run is under way
    OUT/index.bin                what trials and scores held when they were last checked (derived)
    OUT/answers/<study>/         what was worked out from the whole folder, while it stays as it is (derived)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError, InputError
from afield.base.extensions import Extension, keep_copy
from afield.base.files import (
    json_text,
    keep_text,
    remove_abandoned,
    words_for_failed_writes,
    write_atomic,
    write_error,
    write_json,
)
from afield.base.hashing import sha256_file
from afield.scoring.predictions import Predictions
from afield.study.folder.budget_files import Budgets
from afield.study.folder.index import Index
from afield.study.folder.mark import check_mark, is_marked, refuse_links, write_mark
from afield.study.folder.scores import Scores
from afield.study.folder.sealed import read_json, seal, write_parquet, write_rows, write_sealed
from afield.study.folder.selections import Selections
from afield.study.folder.stored_trials import StoredTrials
from afield.study.folder.study_files import StudyFiles
from afield.study.folder.task_files import TaskFiles
from afield.study.folder.trial_files import TrialFiles, look_at_trial, names_in, read_history, read_trial
from afield.study.registered_rules import RegisteredRules
from afield.trial.trial import Trial


class Store:
    """A result folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.budgets = Budgets(root)
        self.index = Index(root)
        self.rules = RegisteredRules(root)
        self.scores = Scores(root, self.index)
        self.selections = Selections(root)
        self.study_files = StudyFiles(root)
        self.tasks = TaskFiles(root)

    @staticmethod
    def create(root: Path) -> Store:
        """Open a result folder for running, making it where it is missing. Raises InputError for a folder that is not
        ours.
        """
        if root.is_file():
            raise InputError(f"{root}: is a file; name a folder with --out")
        try:
            root.mkdir(parents=True, exist_ok=True)
            foreign = not is_marked(root) and any(not path.name.startswith(".") for path in root.iterdir())
            refuse_links(root)
        except OSError as error:
            raise InputError(str(write_error(root, error))) from error
        if foreign:
            raise InputError(f"{root}: is not empty and not a result folder of afield; name a new folder with --out")
        if not is_marked(root):
            write_mark(root)
        return Store.open(root)

    @staticmethod
    def open(root: Path) -> Store:
        """Open an existing result folder. Raises InputError where there is none."""
        check_mark(root)
        return Store(root)

    # trials

    def trial_folder(self, key: str) -> Path:
        """The folder of a trial."""
        return self.root / "trials" / key

    def checkpoint(self, key: str) -> Path:
        """Where the checkpoint of a trial under way lies."""
        return self.trial_folder(key) / "checkpoint.pt"

    def weights(self, key: str) -> Path:
        """Where the best network of a finished trial lies."""
        return self.trial_folder(key) / "weights.safetensors"

    def begin(self, trial: Trial, soup: str = "") -> None:
        """Write what a trial is, or a soup whose network is built as that trial's; clean up after a killed
        predecessor. Raises StoreError where that fails.
        """
        folder = self.trial_folder(soup or trial.key)
        with words_for_failed_writes(folder):
            folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(folder)
            (folder / "failure.json").unlink(missing_ok=True)
        keep_text(folder / "trial.json", json_text(trial.model_dump(mode="json")))

    def write_history(self, key: str, history: Sequence[Mapping[str, float]]) -> None:
        """Write the rows of all epochs so far; the checkpoint they belong to must already lie there.

        Rows that are there stay as they are. A trial that is trained again, because its checkpoint or its network has
        gone or another platform took it on, never changes what a search has already decided by.
        """
        path = self.trial_folder(key) / "history.jsonl"
        try:
            known = tuple(read_history(path))
        except DamagedError:
            known = ()
        if len(known) < len(history):
            write_rows(path, (*known, *history[len(known) :]))

    def write_network(self, key: str, tensors: bytes, about: Mapping[str, Any]) -> None:
        """Write a trial's best network (the bytes of a safetensors file) and what one must know to use it."""
        write_atomic(self.weights(key), lambda path: path.write_bytes(tensors))
        write_sealed(self._about_weights(key), {**about, "sha256": sha256_file(self.weights(key))})

    def check_network(self, key: str) -> Path:
        """Where a trial's best network lies. Raises DamagedError where it is not the one that was written."""
        path, about = self.weights(key), self._about_weights(key)
        whole = path.is_file() and about.is_file()
        if not whole or sha256_file(path) != read_json(about).get("sha256"):
            raise DamagedError(
                f"{path}: was altered or cut (it is not what weights.json tells of); "
                "run the study again to train this trial anew"
            )
        return path

    def holds_network(self, key: str) -> bool:
        """Whether a trial's best network is there and whole."""
        try:
            self.check_network(key)
        except DamagedError:
            return False
        return True

    def _about_weights(self, key: str) -> Path:
        return self.trial_folder(key) / "weights.json"

    def reopen(self, key: str, platform: Mapping[str, str]) -> None:
        """Make a trial unfinished that was finished on another platform: what comes now has other bits, and must never
        stand under its result.
        """
        result = self.read(key).result
        if result is not None and result["platform"] != dict(platform):
            path = self.trial_folder(key) / "result.json"
            with words_for_failed_writes(path):
                path.unlink()

    def finish(self, key: str, predictions: Predictions, result: Mapping[str, Any]) -> None:
        """Write validation predictions, then the result with the checksums: from here on the trial is finished."""
        folder = self.trial_folder(key)
        write_parquet(folder / "predictions.parquet", predictions.to_frame(key=key, split="validation", view="plain"))
        seal(folder, ("trial.json", "history.jsonl", "predictions.parquet"), result)
        self.checkpoint(key).unlink(missing_ok=True)

    def finish_soup(
        self, key: str, predictions: Predictions, about: Mapping[str, Any], result: Mapping[str, Any]
    ) -> None:
        """Write validation predictions of a soup and what was tried for it, then the result with the checksums."""
        folder = self.trial_folder(key)
        write_parquet(folder / "predictions.parquet", predictions.to_frame(key=key, split="validation", view="plain"))
        write_json(folder / "soup.json", about)
        seal(folder, ("trial.json", "soup.json", "predictions.parquet"), result)

    def fail(self, key: str, reason: str, trace: str) -> None:
        """Write that a trial failed, and why."""
        write_sealed(self.trial_folder(key) / "failure.json", {"reason": reason, "trace": trace})

    def forget_failure(self, key: str) -> None:
        """Let a failed trial be tried again."""
        path = self.trial_folder(key) / "failure.json"
        with words_for_failed_writes(path):
            path.unlink(missing_ok=True)

    def sweep(self, gone: Collection[str] = ()) -> None:
        """Remove the half-written files that killed runs left anywhere in the folder: those of this machine, and those
        of the machines that are `gone`.
        """
        with words_for_failed_writes(self.root):
            for folder, _, _ in os.walk(self.root):
                remove_abandoned(Path(folder), gone)

    def set_aside(self, key: str) -> None:
        """Remove what is left of a damaged trial, so that it can be trained anew."""
        for folder in (self.scores.folder(key), self.trial_folder(key)):
            with words_for_failed_writes(folder):
                (folder / "result.json").unlink(missing_ok=True)  # first: what is half removed is not finished
                if folder.exists():
                    shutil.rmtree(folder)

    def read(self, key: str) -> TrialFiles:
        """What there is of a trial. Raises DamagedError where its files are not what was written."""
        return read_trial(self.trial_folder(key))

    def look(self, key: str) -> TrialFiles:
        """The same, from the index where no file has changed since it was checked."""
        return look_at_trial(self.root, self.index, key)

    def trials(self) -> set[str]:
        """Keys of all trials and soups that have a folder here."""
        return names_in(self.root / "trials")

    def is_finished(self, key: str) -> bool:
        """Whether a trial's result is there, without checking it."""
        return (self.trial_folder(key) / "result.json").exists()

    def is_damaged(self, key: str) -> bool:
        """Whether a trial's files are not what was written."""
        try:
            self.read(key)
        except DamagedError:
            return True
        return False

    def prune(self, key: str, *, keep_weights: bool) -> None:
        """Remove what a trial no longer needs once its search has ended."""
        with words_for_failed_writes(self.trial_folder(key)):
            self.checkpoint(key).unlink(missing_ok=True)
            if not keep_weights:
                self.weights(key).unlink(missing_ok=True)
                self._about_weights(key).unlink(missing_ok=True)

    # what a study needs once

    def soup_keys(self) -> set[str]:
        """Keys of all soups that were made in this folder."""
        return {path.parent.name for path in (self.root / "trials").glob("*/soup.json")}

    def open_cells(self, study: str) -> set[str]:
        """Cells of searches of other studies in this folder that have not ended yet: any of them may go on."""
        return {
            key
            for other in self.study_files.plans()
            if other != study
            for search in self.study_files.plan(other)["searches"]
            if not self._has_ended(other, search)
            for key in search["cells"]
        }

    def _has_ended(self, study: str, search: Mapping[str, Any]) -> bool:
        """Whether a planned search has chosen one of its cells, or none; a choice may be that of an older grid."""
        found = self.selections.read(study, search["name"])
        return found is not None and (not found.keys or found.keys[0] in search["cells"])

    def write_study(self, name: str, study: str, plan: Mapping[str, Any]) -> None:
        """Keep the study as it was run (JSON), and the trials that it was turned into."""
        self.study_files.write(name, study, plan)

    def keep_extension(self, extension: Extension) -> str:
        """Keep the user's file as it was run; gives the path that workers load."""
        return keep_copy(extension, self.root / "extensions")

    def studies(self) -> list[str]:
        """Names of the studies that were run here."""
        return self.study_files.names()

    def holds_plan(self, name: str) -> bool:
        """Whether a study's trials are written down here."""
        return (self.root / "plans" / f"{name}.json").exists()

    def read_plan(self, name: str) -> Mapping[str, Any]:
        """The trials that a study was turned into. Raises StoreError where they are not what was written."""
        plan = self.study_files.plan(name, whole=True)
        return {**plan, "trials": StoredTrials(plan)}
