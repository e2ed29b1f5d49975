"""The local engine: one process a slot, started by spawn, each doing one job after another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType

from afield.base.errors import AfieldError
from afield.base.process import UNGUARDED, begun_in
from afield.study.engines.engine import Event, outcome_of
from afield.study.engines.job import Job
from afield.study.engines.slots import Slots

_PATIENCE = 20.0
"""seconds that a stopping worker has to save"""
_READY = "ready"
"""a worker's first message: it has come up and listens"""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""a worker begins with one thread in each numerical library; a trial sets torch's own number"""


class _Worker:
    """A process with a pipe to it and, at most, one job; `environment` is set in it before it begins."""

    def __init__(self, slot: int, environment: Mapping[str, str]) -> None:
        self.slot = slot
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other,), daemon=False, name="afield-worker")
        self.job: Job | None = None
        self.ready = False
        with begun_in({**dict.fromkeys(THREAD_VARIABLES, "1"), **environment}):
            self.process.start()
        other.close()

    def end(self) -> None:
        """See it end: one whose pipe is closed ends by itself."""
        self.pipe.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class LocalEngine:
    """Runs jobs in as many processes as there are slots; an `Engine` that leaves no process behind."""

    def __init__(self, slots: Slots, workers: int = 0) -> None:
        self.workers = workers
        self._slots = slots
        self._workers: list[_Worker] = []
        self._able = False
        """whether a worker has ever come up here: one that dies while it starts is then no sign that none can"""

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()  # so that all of them end at once
        for worker in self._workers:
            worker.end()

    @property
    def slots(self) -> int:
        """Jobs at once."""
        return self._slots.count

    def free(self) -> int:
        """How many jobs could be taken now."""
        return self.slots - len(self.busy())

    def busy(self) -> list[Job]:
        """The jobs under way."""
        return [worker.job for worker in self._workers if worker.job is not None]

    def submit(self, job: Job) -> None:
        """Give a job to a free worker, starting one where none is."""
        self._workers = [worker for worker in self._workers if worker.job is not None or worker.process.is_alive()]
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            taken = {worker.slot for worker in self._workers}
            slot = next(number for number in range(self.slots) if number not in taken)
            worker = _Worker(slot, self._slots.environment(slot))
            self._workers.append(worker)
        worker.job = job
        with suppress(OSError):  # a worker that dies just now is found dead, with its job, by `events`
            worker.pipe.send(job)

    def events(self, timeout: float) -> list[Event]:
        """What has happened, waiting for at most `timeout` seconds for the first. Raises AfieldError where a worker
        cannot even start.
        """
        busy = {worker.pipe: worker for worker in self._workers if worker.job is not None}
        if not busy:
            time.sleep(timeout)
            return []
        return [event for pipe in wait(list(busy), timeout) if (event := self._receive(busy[pipe])) is not None]  # type: ignore[index]

    def stop(self) -> list[Event]:
        """Ask all workers to save and stop; gives what became of their jobs. One that does not answer in time is killed
        and its job stays `busy`: of that, whole epochs are saved and nothing else.
        """
        for worker in self._workers:
            if worker.job is not None:
                with suppress(OSError):
                    worker.pipe.send("stop")
        ended: list[Event] = []
        limit = time.monotonic() + _PATIENCE
        while self.busy() and time.monotonic() < limit:
            ended += [event for event in self.events(0.2) if event.kind != "progress"]
        for worker in self._workers:
            if worker.job is not None:
                worker.process.kill()
        return ended

    def _receive(self, worker: _Worker) -> Event | None:
        assert worker.job is not None
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            message = self._died(worker, worker.job)
        if message == _READY:
            worker.ready = self._able = True
            return None
        if isinstance(message, str):
            raise AfieldError(message)
        event: Event = message
        if event.kind != "progress":
            worker.job = None
        if event.spent:  # the next job gets a new process
            self._workers.remove(worker)
            worker.end()
        return event

    def _died(self, worker: _Worker, job: Job) -> Event:
        worker.process.join(timeout=10)
        self._workers.remove(worker)
        code = worker.process.exitcode
        killed = signal.Signals(-code) if code is not None and code < 0 else None
        why = f"exit code {code}" if killed is None else f"signal {killed.name}"
        if not worker.ready and killed in (signal.SIGINT, signal.SIGTERM):
            return Event(job, "stopped")  # Ctrl-C reaches the whole group, also those that do not listen yet
        if worker.ready or (self._able and killed is not None):
            reason = f"the worker process ended by {why}; {_frequent_cause(killed)}"
            return Event(job, "died", reason=reason, trace=reason)
        raise AfieldError(
            f"a worker process ended by {why} before it could take a trial; what it said stands above. "
            + (UNGUARDED if killed is None else "The log of the system may say what ended it")
        )


def _frequent_cause(killed: signal.Signals | None) -> str:
    """Why a worker ends so, mostly."""
    if killed is None:
        return "what it said stands above"
    if killed.name == "SIGKILL":
        return "out of memory is a frequent cause (fewer --slots need less)"
    return "a fault in a library is a frequent cause; the log of the system may say in which"


def _work(pipe: Connection) -> None:
    """The life of a worker. Interrupts are the parent's to handle; when the parent is gone, so is the worker, at
    once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stopping = threading.Event()
    pipe.send(_READY)
    for job in _jobs(pipe, stopping):
        pipe.send(outcome_of(job, pipe.send, stopping.is_set))


def _jobs(pipe: Connection, stopping: threading.Event) -> Iterator[Job]:
    """The jobs that arrive; a thread listens all the time, so that a stop, or the parent's end, is heard in the
    middle of a job.
    """
    arrived: list[Job] = []
    changed = threading.Condition()

    def listen() -> None:
        while True:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                os._exit(0)  # the parent closed the pipe or was killed: nothing may be written any more
            except Exception as error:  # noqa: BLE001 - whatever unpickling raises: afield was changed under a run
                pipe.send(
                    f"a worker cannot read its job ({type(error).__name__}: {error}); if afield was updated while this "
                    "command ran, run it again"
                )
                os._exit(1)
            if message == "stop":
                stopping.set()
                continue
            with changed:
                arrived.append(message)
                changed.notify()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        with changed:
            while not arrived:
                changed.wait()
            job = arrived.pop()
        yield job
