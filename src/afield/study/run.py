"""The run: what is missing -> engine -> store, until nothing is missing. It keeps no state of its own: a killed run goes on from the files."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from afield.base.errors import Stopped, StoreError
from afield.images.prepared import cache_folder
from afield.study.claims import Claims
from afield.study.engines.local import Event, LocalEngine
from afield.study.inputs import prepare_inputs
from afield.study.job import Job, SplitPaths
from afield.study.plan import Plan, PlannedSearch, make_plan, settle_numerics
from afield.study.search import Ask, Seen, ask
from afield.study.standing import Running, Silent, Standing, Watch, epochs_left, seconds_left
from afield.study.store import Store, TrialFiles
from afield.study.study import Study, load_study
from afield.trial import Trial


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    out: Path
    trained: int
    """trainings that this run finished or paused for good"""
    failed: int
    missing: int
    """results that the study asks for and that are not there"""

    @property
    def complete(self) -> bool:
        """Whether every result is there."""
        return self.missing == 0 and self.failed == 0


def run_study(
    study: Study | str | Path,
    out: str | Path,
    *,
    slots: int | None = None,
    workers: int = 0,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Run a study, or what is missing of it, into a folder.

    `slots` trials run at once (by default as many as cores on a CPU, one on a GPU), each fed by `workers` loader processes; neither
    changes a result. Raises InputError for what cannot be run, Stopped after Ctrl-C or SIGTERM with everything saved, and StoreError
    where the folder or the disk fails.

    >>> outcome = run_study("smoke", "out/smoke")  # doctest: +SKIP
    """
    if not isinstance(study, Study):
        study = load_study(study)
    watch = watch or Silent()
    cache = cache_folder()
    store = Store.create(Path(out))
    numerics = settle_numerics(study.numerics, store.root)
    plan = make_plan(study, numerics, cache)
    store.write_study(study.study.name, study.model_dump_json(indent=2), plan.content())
    if slots is None:
        slots = max(1, (os.cpu_count() or 1) // int(numerics.threads)) if numerics.device == "cpu" else 1
    with Claims(store.root) as claims, LocalEngine(slots) as engine, _interrupts() as interrupted:
        run = _Run(plan, store, claims, engine, watch, workers, cache)
        if retry_failed:
            run.forget_failures()
        run.go(interrupted)
        return run.outcome()


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; a second one kills."""
    caught: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        for which, handler in before.items():
            signal.signal(which, handler)

    try:
        for which in (signal.SIGINT, signal.SIGTERM):
            before[which] = signal.signal(which, note)
    except ValueError:
        before.clear()  # not in the main thread: interrupts are somebody else's
    try:
        yield caught
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


class _Run:
    """One run of a plan on a folder."""

    def __init__(self, plan: Plan, store: Store, claims: Claims, engine: LocalEngine, watch: Watch, workers: int, cache: Path) -> None:
        self.plan, self.store, self.claims, self.engine, self.watch = plan, store, claims, engine, watch
        self.workers, self.cache = workers, cache
        self.trials = {trial.key: (search, trial) for search in plan.searches for cell in range(len(search.cells)) for trial in search.repeats(cell)}
        self.files = {key: self._read(key) for key in self.trials}
        self.scored = {key for key in self.trials if self._is_scored(key)}
        self.inputs: dict[str, dict[str, SplitPaths]] = {}
        self.running: dict[str, Event] = {}
        self.trained = 0

    # what there is

    def _read(self, key: str) -> TrialFiles:
        try:
            return self.store.read(key)
        except StoreError as error:
            self.watch.say(f"{error}")
            self.store.set_aside(key)
            return TrialFiles()

    def _is_scored(self, key: str) -> bool:
        try:
            return self.store.read_score(key) is not None
        except StoreError as error:
            self.watch.say(f"{error}")
            return False

    def seen(self) -> dict[str, Seen]:
        """What the search needs to know of each trial."""
        return {key: Seen(files.history, files.failure is not None) for key, files in self.files.items()}

    def forget_failures(self) -> None:
        """Try failed trials again."""
        for key, files in self.files.items():
            if files.failure is not None:
                self.store.forget_failure(key)
                self.files[key] = TrialFiles(files.history, files.result)

    # what is missing

    def wanted(self) -> list[Job]:
        """Every job that could begin now, in the plan's order."""
        return [job for search in self.plan.searches for job in self._wanted_by(search)]

    def _wanted_by(self, search: PlannedSearch) -> list[Job]:
        seen = [Seen(self.files[trial.key].history, self.files[trial.key].failure is not None) for trial in search.cells]
        step = ask(self.plan.study.search, seen, search.epochs)
        if isinstance(step, Ask):
            return [self._job("train", search, search.cells[cell], step.until) for cell in step.cells]
        if step.cell is None:
            return []
        repeats = search.repeats(step.cell)
        self.store.write_selection(
            f"{self.plan.study.study.name}--{search.name}",
            {
                "chosen": search.cells[step.cell].key,
                "keys": [trial.key for trial in repeats],
                "selected_on": "validation",
                "metric": search.cells[0].metric,
            },
        )
        jobs = []
        for trial in repeats:
            files = self.files[trial.key]
            if files.failure is not None or trial.key in self.scored:
                continue
            if files.result is not None and not self.store.weights(trial.key).exists():
                self.store.set_aside(trial.key)  # its weights went when another study's search ended: train it again, to the same bits
                files = self.files[trial.key] = TrialFiles()
            kind = "train" if files.result is None else "score"
            jobs.append(self._job(kind, search, trial, search.epochs))
        if not jobs:
            self._prune(search)
        return jobs

    def _job(self, kind: str, search: PlannedSearch, trial: Trial, until: int) -> Job:
        return Job(
            kind="score" if kind == "score" else "train",
            trial=trial,
            out=self.store.root,
            splits=self.inputs.get(search.name, {}),
            weights=self.plan.weights[search.backbone.id] if trial.weights is not None else None,
            until=until,
            workers=self.workers,
        )

    def _prune(self, search: PlannedSearch) -> None:
        """The search has ended: checkpoints go, the networks of every study's chosen trials stay."""
        kept = self.store.selected_keys()
        for trial in search.cells:
            if self.store.is_prunable(trial.key, kept) and self.claims.take(trial.key):
                self.store.prune(trial.key, keep_weights=trial.key in kept)
                self.claims.release(trial.key)

    # doing it

    def go(self, interrupted: list[int]) -> None:
        """Run until nothing is missing, or an interrupt."""
        if self.wanted():
            self.inputs = prepare_inputs(self.plan, self.store, self.cache, self.watch)
        while True:
            if interrupted:
                self._stop()
            held = self._submit()
            if not self.engine.busy() and not held:
                break
            for event in self.engine.events(timeout=0.25):
                self._take(event)
            for key in held:
                self._reload(key)
            self.watch.standing(self.standing())

    def _submit(self) -> list[str]:
        """Fill the free slots; gives the keys of trials that other runs are at."""
        busy = {job.name for job in self.engine.busy()}
        held = []
        for job in self.wanted():
            if job.name in busy:
                continue
            if self.engine.free() == 0:
                break
            if not self.claims.take(job.name):
                held.append(job.trial.key)
                continue
            before = (self.files[job.trial.key], job.trial.key in self.scored)
            self._reload(job.trial.key)  # another run may have done it between our reading and our claim
            if before != (self.files[job.trial.key], job.trial.key in self.scored):
                self.claims.release(job.name)
                held.append(job.trial.key)
                continue
            self.engine.submit(job)
        return held

    def _reload(self, key: str) -> None:
        self.files[key] = self._read(key)
        if self._is_scored(key):
            self.scored.add(key)

    def _take(self, event: Event) -> None:
        key = event.job.trial.key
        if event.kind == "progress":
            self.running[event.job.name] = event
            return
        self.running.pop(event.job.name, None)
        if event.kind == "failed":
            self.store.fail(key, event.reason, event.trace)
            self.watch.say(f"failed: {_label(event.job)}: {event.reason}")
        self.claims.release(event.job.name)
        if event.kind == "halt":
            raise StoreError(event.reason)
        self._reload(key)
        self.trained += event.kind == "done" and event.job.kind == "train"

    def _stop(self) -> None:
        self.watch.say("stopping: saving the state of what is under way")
        for event in self.engine.stop():
            self._take(event)
        raise Stopped("stopped; everything is saved. Run the same command again to go on")

    # what came of it

    def standing(self) -> Standing:
        """Where the run stands."""
        seen = self.seen()
        planned = sum(self.plan.epochs_of(search) for search in self.plan.searches)
        under_way = [event for event in self.running.values() if event.steps]
        parts = [(self.trials[event.job.trial.key][0], event.epoch - len(seen[event.job.trial.key].history) + event.step / event.steps) for event in under_way]
        total = sum(len(search.cells) + len(search.seeds) - 1 for search in self.plan.searches)
        jobs = {job.trial.key for job in self.engine.busy()}
        undone = {job.trial.key for job in self.wanted() if job.kind == "train"} | jobs
        failed = sum(item.failed for item in seen.values())
        touched = sum(bool(item.history) for key, item in seen.items() if key not in undone)
        return Standing(
            done=touched,
            running=tuple(
                Running(_label(event.job), event.epoch + 1, event.job.until, event.step / event.steps, event.images_per_second)
                for event in under_way
            ),
            left=max(0, total - touched - len(jobs) - failed),
            failed=failed,
            epochs_done=planned - sum(epochs_left(self.plan, seen).values()) + sum(part for _, part in parts),
            epochs_planned=planned,
            seconds_left=seconds_left(self.plan, seen, parts, self.engine.slots),
        )

    def outcome(self) -> Outcome:
        """What the run came to."""
        failed = sum(files.failure is not None for files in self.files.values())
        expected = sum(len(search.seeds) for search in self.plan.searches)
        chosen = self.store.selected_keys(self.plan.study.study.name)
        return Outcome(self.store.root, self.trained, failed, missing=expected - len(chosen & self.scored))


def _label(job: Job) -> str:
    recipe = job.trial.recipe
    start = "" if recipe.initialisation == "pretrained" else f" {recipe.initialisation}"
    what = "scoring" if job.kind == "score" else f"lr {recipe.learning_rate:g}"
    return f"{job.trial.task} {job.trial.backbone}{start} {what} seed {job.trial.seed}"


def check_ready(study: Study) -> Plan:
    """The plan of a study without touching a result folder: what `--dry-run` shows. Raises InputError that lists all that is missing."""
    return make_plan(study, settle_numerics(study.numerics, None), cache_folder())


