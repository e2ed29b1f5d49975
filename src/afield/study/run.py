"""The run: what is missing -> engine -> store, until nothing is missing.

It keeps no state of its own: a killed run goes on from the files.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from afield.base.errors import DamagedError, InputError, Stopped, StoreError
from afield.base.process import UNGUARDED, cores, interrupts
from afield.study.choices import Choices
from afield.study.choose import choose_study
from afield.study.claims import Claims, work_on
from afield.study.collect import keep_derived
from afield.study.engines.local import Event, LocalEngine
from afield.study.inputs import prepare_inputs, write_task
from afield.study.job import Job, SplitPaths
from afield.study.ledger import Ledger, Want
from afield.study.micro_batches import settle_micro_batches
from afield.study.numerics import settle_numerics
from afield.study.plan import Plan, changed_words, make_plan
from afield.study.ready import path_of, sources_of
from afield.study.registered_rules import rule_of
from afield.study.standing import Silent, Watch, standing_of
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.places import cache_folder

_LOOK_AROUND = 5.0
"""seconds between two looks at whether other runs on the folder still live"""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    out: Path
    trained: int
    """trials that this run trained, to their end or to a rung; each counts once, however many rungs"""
    epochs: int
    """that it trained of them"""
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
    workers: int | None = None,
    retry_failed: bool = False,
    watch: Watch | None = None,
    weights: str | Path | None = None,
    offline: bool = False,
    data: str | Path | None = None,
) -> Outcome:
    """Run a study, or what is missing of it, into a folder.

    `slots` trials run at once (by default as many as cores on a CPU, one on a GPU), each fed by `workers` loader
    processes (by default none on a CPU, where a trial makes its own batches, and up to eight on a GPU); neither changes
    a result. A trial on several devices (numerics.devices) is one slot, and each of its processes has so many workers.
    `weights` is a folder of weights that goes before their published places, and `offline` asks no network
    (docs/weights.md). `data` is the folder that holds the tasks' folders (docs/tasks.md). A script must call this under
    `if __name__ == "__main__":`, since workers import it.

    Raises InputError for what cannot be run, Stopped after Ctrl-C or SIGTERM (its words say whether everything could be
    saved), StoreError where the folder or the disk fails, and AfieldError where workers cannot start.

    >>> outcome = run_study(study, out)
    >>> outcome.complete, outcome.failed
    (True, 0)
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a worker that imports the caller's script
        raise InputError(f"run_study was called while a worker process started. {UNGUARDED}")
    if not isinstance(study, Study):
        study = choose_study(str(study))
    watch = watch or Silent()
    cache = cache_folder()
    store = Store.create(Path(out))
    numerics = settle_numerics(study.numerics, store.root, study.study.protocol)
    plan = make_plan(
        study, numerics, cache, sources_of(weights, offline=offline), path_of(data), watch.download, watch.prepare
    )
    plan = settle_micro_batches(plan, store.root, watch.say)
    for found in plan.changed.values():
        write_task(store, found)
    for name, found in plan.tasks.items():
        write_task(store, found)
        for words in (found.task.proposal, plan.incomplete[name]):
            if words:
                watch.say(f"{name}: {words}")
    for line in changed_words(plan):
        watch.say(line)
    store.write_study(study.study.name, study.model_dump_json(indent=2), plan.content())
    leading = {name: data.task.metric for name, data in plan.tasks.items()}
    store.rules.register(study.study.name, rule_of(study, leading), store.scores.reads())
    on_cpu = numerics.device == "cpu"
    if slots is None:
        slots = max(1, cores() // (int(numerics.threads) * numerics.devices)) if on_cpu else 1
    if workers is None:
        workers = 0 if on_cpu else min(8, max(1, cores() // (slots * numerics.devices)))
    with Claims(store.root) as claims, LocalEngine(slots) as engine, interrupts() as interrupted:
        bury_killed(claims, store)
        run = _Run(plan, store, claims, engine, watch, workers, cache)
        if retry_failed:
            run.forget_failures()
        run.go(interrupted)
        outcome = run.outcome()
    for words in keep_derived(store, study.study.name, plan.metrics, plan.beside):
        watch.say(words)
    return outcome


def bury_killed(claims: Claims, store: Store) -> None:
    """Clear up behind runs that were killed; one of another machine is known to be once it has been asked about for a
    while.
    """
    gone = claims.gone()
    if gone:
        store.sweep(claims.machines(gone))
    for run in gone:
        claims.bury(run)


class _Run:
    """One run of a plan on a folder: asks the ledger, fills the engine's slots, takes what comes back."""

    def __init__(
        self, plan: Plan, store: Store, claims: Claims, engine: LocalEngine, watch: Watch, workers: int, cache: Path
    ) -> None:
        self.plan, self.store, self.claims, self.engine, self.watch = plan, store, claims, engine, watch
        self.workers, self.cache = workers, cache
        self.extensions = {name: store.keep_extension(item) for name, item in plan.extensions.items()}
        self.ledger = Ledger(plan, store, self._set_aside)
        store.index.keep()
        self.inputs: dict[tuple[str, str, str], dict[str, SplitPaths]] = {}
        self.progress: dict[str, Event] = {}
        self.choices = Choices(plan, store, claims, self.ledger)
        self.died: set[str] = set()
        """jobs whose worker has died once"""
        self.trained: set[str] = set()
        self.epochs = 0
        self.scoring: list[float] = []
        """seconds that each network took to score"""
        self.halted = ""
        """why the folder or the disk ends the run"""
        self.looked_around = time.monotonic()

    def go(self, interrupted: list[int]) -> None:
        """Run until nothing is missing. Raises Stopped after an interrupt."""

        def prepare(what: str, done: int, total: int) -> None:
            if interrupted:
                raise Stopped("stopped while images were prepared. Run the same command again to go on")
            self.watch.prepare(what, done, total)

        if self.ledger.wanted():
            self.inputs = prepare_inputs(self.plan, self.store, self.cache, prepare)
        while True:
            if interrupted:
                self._stop()
            wanted = self.ledger.wanted()
            self.choices.settle()
            held = self._submit(wanted)
            if not self.engine.busy() and not held:
                break
            for event in self.engine.events(timeout=0.25):
                self._take(event)
            if self.halted:
                self._save_rest()
                raise StoreError(self.halted)
            for key in held:
                self.ledger.reload(key)
            if time.monotonic() - self.looked_around > _LOOK_AROUND:
                self.looked_around = time.monotonic()
                bury_killed(self.claims, self.store)
            per_score = fmean(self.scoring) if self.scoring else None
            told = list(self.progress.values())
            self.watch.standing(standing_of(self.ledger, self.engine.busy(), told, self.engine.slots, per_score))

    def forget_failures(self) -> None:
        """Try failed trials again."""
        for key in self.ledger.failed():
            self.store.forget_failure(key)
            self.ledger.reload(key)

    def outcome(self) -> Outcome:
        """What the run came to."""
        missing = sum(
            len(search.seeds) - sum(trial.key in self.ledger.scored for trial in self.ledger.chosen(search))
            for search in self.plan.searches
        ) + sum(soup.key not in self.ledger.scored for soup in self.ledger.soups())
        return Outcome(self.store.root, len(self.trained), self.epochs, len(self.ledger.failed()), missing)

    def _submit(self, wanted: list[Want]) -> list[str]:
        """Fill the free slots; gives the keys of trials that another run is at, or has just done."""
        busy = {job.name for job in self.engine.busy()}
        held = []
        for want in wanted:
            job = self._job(want)
            if job.name in busy:
                continue
            if self.engine.free() == 0:
                break
            if not self.claims.take(job.name):
                held.append(want.key)
            elif self.ledger.reload(want.key):  # done by another run between our reading and our claim
                self.claims.release(job.name)
                held.append(want.key)
            else:
                self.engine.submit(job)
                busy.add(job.name)  # two interventions may be one and the same trial
        return held

    def _job(self, want: Want) -> Job:
        return Job(
            kind=want.kind,
            trial=want.trial,
            out=self.store.root,
            splits=self.inputs.get(want.search.identity, {}),
            weights=self.plan.weights[want.search.backbone.id] if want.trial.weights is not None else None,
            extensions={name: self.extensions[name] for name, _ in want.trial.extensions},
            metrics=self.plan.tasks[want.search.task].task.metrics,
            cropping=self.plan.tasks[want.search.task].cropping,
            scored_on=self.plan.scored_on(want.search.task),
            until=want.until,
            workers=self.workers,
            soup=want.soup,
        )

    def _take(self, event: Event) -> None:
        """Note what a worker says; its claim is given back only after its files have been read."""
        job, key = event.job, event.job.key
        if event.kind == "progress":
            self.progress[job.name] = event
            return
        self.progress.pop(job.name, None)
        if event.kind == "died" and job.name not in self.died:
            self.died.add(job.name)
            self.watch.say(f"{job.label}: {event.reason}. It is tried once again")
        elif event.kind in ("failed", "died"):
            again = " (for the second time)" if event.kind == "died" else ""
            self.store.fail(key, event.reason + again, event.trace)
            self.watch.say(f"failed: {job.label}: {event.reason}{again}")
        if event.kind == "damaged":
            self._renew(job, event.reason)
        if event.kind == "halt":
            self.halted = self.halted or event.reason
        self.ledger.reload(key)
        self.claims.release(job.name)
        if event.kind == "done" and job.kind == "train":
            self.trained.add(key)
            self.epochs += event.epoch
        if event.kind == "done" and job.kind == "score":
            self.scoring.append(event.seconds)

    def _stop(self) -> None:
        self.watch.say("stopping: saving the state of what is under way")
        self._save_rest()
        if self.halted:
            raise StoreError(self.halted)
        lost = ", ".join(job.label for job in self.engine.busy())
        if lost:
            raise Stopped(
                f"stopped; what did not answer in time was ended, and its work since its last whole epoch is lost: "
                f"{lost}. Everything else is saved. Run the same command again to go on"
            )
        raise Stopped("stopped; everything is saved. Run the same command again to go on")

    def _save_rest(self) -> None:
        """Let the workers save what is under way, and note what they say."""
        for event in self.engine.stop():
            self._take(event)

    def _set_aside(self, key: str, error: DamagedError) -> None:
        """A trial that was found damaged goes, to be trained anew, unless another run is at it, or has just mended
        it.
        """
        with self.claims.held(*work_on(key)) as ours:
            if ours and self.store.is_damaged(key):
                self.watch.say(str(error))
                self.store.set_aside(key)

    def _renew(self, job: Job, damage: str) -> None:
        """The network that a worker found damaged goes, or the checkpoint, unless another run is at that trial; what
        else is known of it stays, and stays true. Of a soup that could not be made it is that of an ingredient, or
        one's result, which is read again.
        """
        made_of = job.soup.ingredients if job.kind == "soup" and job.soup is not None else ()
        keys = [each.key for each in made_of] or [job.key]
        if not any(self.store.is_damaged(key) for key in keys):  # else it is said when the ledger reads it
            self.watch.say(damage)
        for key in keys:
            if not made_of or not self.store.holds_network(key):
                with self.claims.held(*work_on(key)) as ours:
                    if ours:
                        self.store.prune(key, keep_weights=False)
            self.ledger.reload(key)
