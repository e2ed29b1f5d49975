"""The Ray engine: each job a task somewhere in a cluster, whose machines need no common file system.

What a job reads of the result folder travels with it, what lies elsewhere is fetched once a machine (`goods`), and what
it wrote comes back and is written here (`parcel`). Ray itself tries nothing again (docs/decisions/0015).
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType, TracebackType
from typing import Any

from afield.base.errors import AfieldError, InputError, StoreError
from afield.base.process import cores
from afield.base.text import in_a_line
from afield.study.engines.engine import Event
from afield.study.engines.goods import goods_of
from afield.study.engines.head import await_head
from afield.study.engines.job import Job
from afield.study.engines.local import THREAD_VARIABLES
from afield.study.engines.node import Depot, Done, Order, this_afield, work
from afield.study.engines.parcel import pack, unpack
from afield.study.engines.room import Room, room_on
from afield.study.engines.slots import Need, workers_for
from afield.study.store import Store
from afield.training.numerics import NumericsChoice

_PATIENCE = 60.0
"""seconds that stopping tasks have to save and to send what they saved"""
_COUNT_EVERY = 2.0
"""seconds between two looks at the machines of the cluster"""
_SAVE_EVERY = 60.0
"""seconds after which what a training has saved is sent here, while it goes on"""
_TALKERS = 64
"""tasks that the depot answers at once"""
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""read by Ray when it is imported: no usage statistics, and no words about a setting to come"""


@dataclass(frozen=True)
class _UnderWay:
    number: int
    job: Job


class RayEngine:
    """Runs jobs as tasks of a Ray cluster; an `Engine` that leaves no task behind, nor a Ray that it started.

    `slots` is how many are under way at once: by default as many as the machines of the cluster hold at the time. With
    a number more may wait than fit, which is what makes a cluster that grows on demand grow. On CPUs a task asks for
    the memory of the largest trial, `need`, so that Ray puts no more on a machine than fit into what it announces.
    """

    def __init__(
        self,
        numerics: NumericsChoice,
        address: str | None = None,
        slots: int | None = None,
        workers: int | None = None,
        trials_per_device: int = 1,
        need: Need | None = None,
        say: Callable[[str], None] = lambda words: None,
        *,
        by_path: bool = True,
        save_every: float = _SAVE_EVERY,
    ) -> None:
        self._ray = import_ray()
        if address is not None and address.startswith("ray://"):
            raise InputError(
                f"{address}: results are written by the machine that runs this command, so run it on a machine of the "
                "cluster: --address auto there (docs/cluster.md)"
            )
        self._numerics, self._address, self._named_slots, self._named_workers = numerics, address, slots, workers
        self._per_device, self._by_path, self._save_every = trials_per_device, by_path, save_every
        self._need, self._say = need, say
        self._under_way: dict[Any, _UnderWay] = {}
        self._submitted = 0
        self._counted, self._room = -_COUNT_EVERY, Room(1, 1)

    def __enter__(self) -> RayEngine:
        ray = self._ray
        self._ours = not ray.is_initialized()
        if self._ours:
            self._start()
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(Depot).options(num_cpus=0, max_concurrency=_TALKERS, scheduling_strategy=here)
        self._depot = actor.remote()
        room = self._count()
        if room.short and self._named_slots is None:
            self._say(room.short)
        if self._named_workers is None:
            self.workers = workers_for(self._numerics, room.processors, room.slots)
        else:
            self.workers = self._named_workers
        devices, gpu = self._numerics.devices, self._numerics.device == "cuda"
        threads = int(self._numerics.threads)
        self._task = ray.remote(
            max_retries=0,
            num_cpus=max(1, self.workers * devices) if gpu else threads * devices,
            num_gpus=devices / self._per_device if gpu else 0,
            runtime_env={"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")},
        )(work)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._under_way:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._depot)
        if self._ours:
            self._ray.shutdown()

    @property
    def slots(self) -> int:
        """Jobs at once: those that the machines of the cluster hold now, unless a number was named."""
        return self._named_slots or self._count().slots

    def free(self) -> int:
        """How many jobs could be taken now; none where machines have gone and more are under way than fit."""
        return max(0, self.slots - len(self._under_way))

    def busy(self) -> list[Job]:
        """The jobs under way, those that wait for a machine among them."""
        return [each.job for each in self._under_way.values()]

    def submit(self, job: Job) -> None:
        """Give a job to the cluster."""
        self._submitted += 1
        order = Order(
            number=self._submitted,
            job=job,
            files=pack(Store(job.out), job),
            goods=goods_of(job),
            by_path=self._by_path,
            save_every=self._save_every,
            version=this_afield(),
        )
        task = self._task.options(memory=self._count().memory or None)
        self._under_way[task.remote(order, self._depot)] = _UnderWay(self._submitted, job)

    def events(self, timeout: float) -> list[Event]:
        """What has happened, waiting for at most `timeout` seconds for the first. Raises AfieldError where tasks cannot
        even begin.
        """
        if not self._under_way:
            time.sleep(timeout)
            return []
        ended, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=timeout)
        if ended:
            ended, _ = self._ray.wait(list(self._under_way), num_returns=len(self._under_way), timeout=0)
        told = self._told()
        finished = [self._ended(reference) for reference in ended]
        names = {event.job.name for event in finished}
        return [*(event for event in told if event.job.name not in names), *finished]

    def stop(self) -> list[Event]:
        """Ask all tasks to save and stop; gives what became of them. One that waits for a machine never begins; one
        that does not answer in time is ended, and its job stays `busy`.
        """
        ray = self._ray
        ray.get(self._depot.stop.remote())
        _, _, begun = ray.get(self._depot.collect.remote())
        for reference, each in self._under_way.items():
            if each.number not in begun:
                ray.cancel(reference)
        stopped: list[Event] = []
        limit = time.monotonic() + _PATIENCE
        while self._under_way and time.monotonic() < limit:
            stopped += [event for event in self.events(0.2) if event.kind != "progress"]
        for reference in self._under_way:
            ray.cancel(reference, force=True)
        return stopped

    def _told(self) -> list[Event]:
        """What tasks told; what they saved meanwhile is written, so that a lost machine costs little."""
        told, files, _ = self._ray.get(self._depot.collect.remote())
        jobs = {each.number: each.job for each in self._under_way.values()}
        events = [replace(event, job=jobs[number]) for number, event in told.items() if number in jobs]
        for number, parcel in files.items():
            if number in jobs:
                try:
                    unpack(Store(jobs[number].out), jobs[number], parcel)
                except StoreError as error:
                    events.append(Event(jobs[number], "halt", reason=str(error)))
        return events

    def _ended(self, reference: Any) -> Event:  # noqa: ANN401 - a reference that Ray makes
        """What became of a task; what it wrote is in the result folder before anybody hears of it."""
        job = self._under_way.pop(reference).job
        errors = self._ray.exceptions
        try:
            done: Done = self._ray.get(reference)
        except (errors.NodeDiedError, errors.ObjectLostError) as error:
            return Event(job, "lost", reason=f"the machine that it ran on is gone. Ray says: {in_a_line(error)}")
        except (errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            reason = f"the worker process died; out of memory is a frequent cause. Ray says: {in_a_line(error)}"
            return Event(job, "died", reason=reason, trace=str(error))
        except errors.TaskCancelledError:
            return Event(job, "stopped")
        except errors.RayError as error:
            raise AfieldError(
                f"a machine of the cluster could not take a job; each needs afield {this_afield()} and the same "
                "Python and Ray as this one, and must not be too busy to start a worker (docs/cluster.md). Ray says: "
                f"{in_a_line(error, last=True)}"
            ) from error
        try:
            unpack(Store(job.out), job, done.files)
        except StoreError as error:
            return Event(job, "halt", reason=str(error))
        return replace(done.event, job=job)

    def _count(self) -> Room:
        """What the machines hold; looked up anew every few seconds."""
        if time.monotonic() - self._counted >= _COUNT_EVERY:
            machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._counted, self._room = (
                time.monotonic(),
                room_on(machines, self._numerics, self._per_device, self._need),
            )
        return self._room

    def _start(self) -> None:
        """Connect to a cluster, or start one on this machine alone."""
        address = self._address or os.environ.get("RAY_ADDRESS") or "local"
        alone = {"num_cpus": cores()} if address == "local" else {}
        await_head(address, self._say)
        with _own_handlers():
            try:
                self._ray.init(
                    address, include_dashboard=False, log_to_driver=False, configure_logging=False,
                    logging_level="ERROR", **alone,
                )  # fmt: skip
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise InputError(
                    f"--address {address}: Ray could not be reached or started ({in_a_line(error)}); `ray status` on "
                    "that machine tells whether a cluster runs. One that was started with a token wants "
                    "RAY_AUTH_MODE=token and the same token here (docs/cluster.md)"
                ) from error


def import_ray() -> ModuleType:
    """Ray, quiet. Raises InputError with what to install where it is not there."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        from ray._private import worker
    except ImportError as error:
        raise InputError("--engine ray needs Ray, which is not installed; pip install 'afield[ray]'") from error
    # it prints what its daemons say of each dead worker or machine on our standard output, whatever `log_to_driver`
    # is; that output is the answer's, and the run says the same in a line
    worker.print_to_stdstream = lambda *told, **ignored: None
    # nor is it told that a Ray of one's own is closed to others, which is as it should be
    logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
    module: ModuleType = ray
    return module


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Keep the handlers of signals, of which Ray would take SIGTERM's."""
    try:
        before = {number: signal.signal(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    except (ValueError, TypeError):
        before = {}  # not in the main thread: neither does Ray, then
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
