"""The other side of the Ray engine: what a task does on its machine, and the one actor that it talks to.

A task never writes into the run's result folder. It works in a scratch folder of its machine's cache, which holds what
the job may read, and gives back what it changed.
"""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from afield.base.errors import StoreError
from afield.base.files import remove_abandoned, temporary_prefix, words_for_failed_writes
from afield.base.hashing import digest, sha256_file
from afield.study.engines.engine import Event, outcome_of
from afield.study.engines.goods import Goods, at_hand, with_goods
from afield.study.engines.job import Job
from afield.study.engines.parcel import Parcel, changes, saved
from afield.study.store import Store
from afield.tasks.places import cache_folder

_TALK_EVERY = 0.5
"""seconds between two calls of the run's machine"""


@dataclass(frozen=True)
class Order:
    """What a task is given."""

    number: int
    """names this attempt at the job"""
    job: Job
    """with the paths of the run's machine"""
    files: Mapping[str, bytes]
    """of the result folder: all that the job may read"""
    goods: Mapping[Path, Goods]
    by_path: bool
    """whether goods may be taken where the run's machine has them, if the same lies there"""
    save_every: float
    """seconds after which what a training has saved is sent to the run, while it goes on"""
    version: str
    """of afield on the run's machine (`this_afield`)"""


@dataclass(frozen=True)
class Done:
    """What a task gives back."""

    event: Event
    files: Parcel
    """that it changed"""


class Depot:
    """On the run's machine: hands out its files, keeps the last that each task told, and tells them to stop."""

    def __init__(self) -> None:
        self._told: dict[int, Event] = {}
        self._saved: dict[int, Parcel] = {}
        self._begun: set[int] = set()
        self._stopping = False
        self._lock = threading.Lock()

    def read(self, path: Path, start: int, size: int) -> bytes:
        """So many bytes of a file, from a position on."""
        with path.open("rb") as stream:
            stream.seek(start)
            return stream.read(size)

    def exchange(self, number: int, told: Event | None, files: Parcel | None) -> bool:
        """Note how far a task is and what it has saved; whether it is to stop."""
        with self._lock:
            self._begun.add(number)
            if told is not None:
                self._told[number] = told
            if files is not None:
                self._saved[number] = files
            return self._stopping

    def collect(self) -> tuple[dict[int, Event], dict[int, Parcel], set[int]]:
        """What was told and saved since the last time, and the numbers of all tasks that have begun."""
        with self._lock:
            told, files = self._told, self._saved
            self._told, self._saved = {}, {}
            return told, files, set(self._begun)

    def stop(self) -> None:
        """From here on every task is to stop."""
        with self._lock:
            self._stopping = True


@cache
def this_afield() -> str:
    """The version of afield here, with a hash of its code: two checkouts of one version may differ."""
    package = Path(__file__).parents[2]
    code = {path.relative_to(package).as_posix(): sha256_file(path) for path in package.rglob("*.py")}
    return f"{version('afield')} ({digest(code, 8)})"


def work(order: Order, depot: Any) -> Done:  # noqa: ANN401 - a handle that Ray makes
    """A task: do the job on this machine. Raises nothing that a trial could be blamed for."""
    import ray

    job, host = order.job, socket.gethostname()
    if order.version != this_afield():
        words = f"{host} has afield {this_afield()}, the run has {order.version}; install the same everywhere"
        return Done(Event(job, "halt", reason=words), {})
    place = cache_folder()
    try:
        with _scratch(place / "scratch") as root:
            store = Store.create(root)
            unpack_all(store, order.files)
            here = with_goods(
                job,
                {
                    path: at_hand(
                        goods,
                        lambda *what: ray.get(depot.read.remote(*what)),
                        place / "shipped",
                        by_path=order.by_path,
                    )
                    for path, goods in order.goods.items()
                },
                root,
            )
            with _Talk(lambda *what: ray.get(depot.exchange.remote(order.number, *what)), store, order) as talk:
                event = outcome_of(here, talk.tell, talk.stopping.is_set)
            # the words name places of this machine, whose folder is gone when somebody reads them
            reason = event.reason.replace(str(root), str(job.out)) if event.kind == "damaged" else event.reason
            if event.kind == "halt":
                reason = f"{host}: {reason}"
            return Done(replace(event, job=job, reason=reason), changes(store, job, order.files))
    except StoreError as error:
        return Done(Event(job, "halt", reason=f"{host}: {error}"), {})


def unpack_all(store: Store, files: Mapping[str, bytes]) -> None:
    """Write what a job may read into a scratch folder: nobody else looks into it, so the order does not matter."""
    for name, content in files.items():
        path = store.root / name
        with words_for_failed_writes(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class _Talk:
    """A thread that tells the run how far the job is and what it has saved, and hears whether to stop. Where nobody
    answers the run is gone, and the job stops too.
    """

    def __init__(self, exchange: Callable[[Event | None, Parcel | None], bool], store: Store, order: Order) -> None:
        self.stopping = threading.Event()
        self._exchange, self._store, self._order = exchange, store, order
        self._latest: Event | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True, name="afield-talk")

    def __enter__(self) -> _Talk:
        self._call(None)
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def tell(self, event: Event) -> None:
        """Keep the newest; it is told soon."""
        self._latest = event

    def _talk(self) -> None:
        checkpoint = self._store.checkpoint(self._order.job.key)
        since, sent = 0.0, _changed(checkpoint)
        while not self._ended.wait(_TALK_EVERY):
            since += _TALK_EVERY
            files = None
            if since >= self._order.save_every and _changed(checkpoint) not in (None, sent):
                since, sent = 0.0, _changed(checkpoint)
                files = saved(self._store, self._order.job)
            self._call(files)

    def _call(self, files: Parcel | None) -> None:
        from ray.exceptions import RayError

        latest = None if self._latest is None else replace(self._latest, job=self._order.job)
        try:
            if self._exchange(latest, files):
                self.stopping.set()
        except RayError:
            self.stopping.set()


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    """A folder to work in, gone afterwards; what killed workers of this machine left goes first."""
    with words_for_failed_writes(place):
        place.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place)
    with tempfile.TemporaryDirectory(prefix=temporary_prefix(), dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
