"""One run of a plan on a folder: fills the engine's slots with what the ledger wants, and takes what comes back."""

from __future__ import annotations

import time
from statistics import fmean

from afield.base.errors import DamagedError, Stopped, StoreError
from afield.base.text import count
from afield.study.engines.engine import Engine, Event
from afield.study.engines.job import Job, SplitPaths
from afield.study.folder.budget_files import Clock
from afield.study.plan import Plan
from afield.study.planning.budgeted import known_paces
from afield.study.planning.pace import Pace
from afield.study.preparing.inputs import prepare_inputs
from afield.study.running.choices import Choices
from afield.study.running.claims import Claims, work_on
from afield.study.running.ledger import Ledger
from afield.study.running.standing import Watch, standing_of
from afield.study.searching.outlook import Want
from afield.study.searching.planned_search import Identity
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.tasks.places import cache_folder

_LOOK_AROUND = 5.0
"""seconds between two looks at whether other runs on the folder still live"""


def bury_killed(claims: Claims, store: Store) -> bool:
    """Clear up behind runs that were killed; one of another machine is known to be once it has been asked about for a
    while. Gives whether there were any.
    """
    gone = claims.gone()
    if gone:
        store.sweep(claims.machines(gone))
    for run in gone:
        claims.bury(run)
    return bool(gone)


class OneRun:
    """One run of a plan on a folder: asks the ledger, fills the engine's slots, takes what comes back."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        claims: Claims,
        engine: Engine,
        watch: Watch,
        clock: Clock | None,
        sharing: int = 1,
    ) -> None:
        self.plan, self.store, self.claims, self.engine, self.watch = plan, store, claims, engine, watch
        self.cache, self.clock, self.sharing = cache_folder(), clock, sharing
        self.paces: dict[Identity, Pace] | None = None
        self.extensions = {name: store.keep_extension(item) for name, item in plan.extensions.items()}
        self.ledger = Ledger(plan, store, self._set_aside)
        self.inputs: dict[tuple[str, str, str], dict[str, SplitPaths]] = {}
        self.progress: dict[str, Event] = {}
        self.choices = Choices(store, claims, self.ledger)
        self.died: set[str] = set()
        """jobs whose worker has died once"""
        self.trained: set[str] = set()
        self.epochs = 0
        self.scoring: list[float] = []
        """seconds that each network took to score"""
        self.halted = ""
        """why the folder or the disk ends the run"""
        self.buried = False
        """whether runs were found that had been killed"""
        self.looked_around = time.monotonic()

    def go(self, interrupted: list[int]) -> None:
        """Run until nothing is missing. Raises Stopped after an interrupt."""

        def prepare(what: str, done: int, total: int) -> None:
            if interrupted:
                raise Stopped("stopped while images were prepared. Run the same command again to go on")
            self.watch.prepare(what, done, total)

        wanted = self.ledger.wanted()
        self.store.index.keep()  # by now the repeats of what was chosen have been looked at, too
        if wanted:
            self.inputs = prepare_inputs(self.plan, self.store, self.cache, prepare)
            self.paces = known_paces(self.plan, self.engine.slots, self.engine.workers, self.cache)
        while True:
            if interrupted:
                self._stop()
            if self.clock is not None and self.clock.over():
                self._stop_at_budget(self.clock)
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
                self.buried |= bury_killed(self.claims, self.store)
            per_score = fmean(self.scoring) if self.scoring else None
            told = list(self.progress.values())
            slots = self.engine.slots
            self.watch.standing(standing_of(self.ledger, self.engine.busy(), told, slots, per_score, self.paces))
        if self.clock is not None:
            self.clock.note()

    def clear_up(self) -> None:
        """Remove what a worker of a killed run was still writing when that was buried: it has heard of it by now."""
        if self.buried:
            self.store.sweep()

    def forget_failures(self) -> None:
        """Try failed trials again."""
        for key in self.ledger.failed():
            self.store.forget_failure(key)
            self.ledger.reload(key)

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
        metrics, scored_on = self.plan.tasks[want.search.task].task.metrics, self.plan.scored_on(want.search.task)
        if want.kind == "audit":  # one metric answers it, and the resamples of ten take seconds a network
            metrics, scored_on = (want.trial.metric,), (TEST,)
        return Job(
            kind=want.kind,
            trial=want.trial,
            out=self.store.root,
            splits=self.inputs.get(want.search.identity, {}),
            weights=self.plan.weights[want.search.backbone.id] if want.trial.weights is not None else None,
            extensions={name: self.extensions[name] for name, _ in want.trial.extensions},
            metrics=metrics,
            cropping=self.plan.tasks[want.search.task].cropping,
            scored_on=scored_on,
            until=want.until,
            workers=self.engine.workers,
            sharing=self.sharing,
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
        elif event.kind == "lost":
            self.watch.say(f"{job.label}: {event.reason}. It begins again elsewhere")
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

    def _stop_at_budget(self, clock: Clock) -> None:
        """Stop as after Ctrl-C, unless nothing is left to do."""
        if not self.ledger.wanted():
            return
        self.watch.say(f"the budget of {clock.budget} is used: saving the state of what is under way")
        self._save_rest()
        clock.note()
        if self.halted:
            raise StoreError(self.halted)
        standing = standing_of(self.ledger, [], [], self.engine.slots)
        raise Stopped(
            f"stopped: the budget of {clock.budget} is used. {count(standing.done, 'training')} done, {standing.left} "
            f"left, {standing.scored} of {standing.to_score} networks scored; everything is saved. Run the same "
            "command with a larger --budget to go on"
        )

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
