"""What an engine is: it does jobs somewhere, and says what became of them. The run knows nothing more of any.

Results must not depend on it: all that it calls is `outcome_of`, and how many jobs run at once, where, and in which
order changes when a trial is trained, never its bits.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from afield.base.errors import AfieldError, DamagedError, Stopped, StoreError
from afield.study.engines.job import Job, perform

_MESSAGES_EVERY = 0.25
"""seconds between two progress messages of one job"""


@dataclass(frozen=True)
class Event:
    """What became of a job, or how far it is."""

    job: Job
    kind: Literal["progress", "done", "failed", "died", "lost", "damaged", "stopped", "halt"]
    """`failed` is the trial's own fault; `died` may be the machine's: its worker is gone; `lost` is the machine's: it
    is gone itself, and the job may begin again on another; `damaged` says that its files are not what was written;
    `halt` is the folder's or the disk's, and ends the run
    """
    epoch: int = 0
    """of progress: from 0; of `done`: how many this job trained"""
    step: int = 0
    steps: int = 0
    per_second: float = 0.0
    """images; of what comes before the first epoch, steps"""
    before: str = ""
    """what comes before the first epoch, where it is that which is under way"""
    reason: str = ""
    trace: str = ""
    seconds: float = 0.0
    """that a job which is done took"""
    spent: bool = False
    """whether the process that did the job can do no other: its GPU answers no more"""


class Engine(Protocol):
    """A context manager that leaves nothing running behind."""

    def __enter__(self) -> Self:
        """Make ready. Raises AfieldError where that fails."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all that was started."""

    @property
    def slots(self) -> int:
        """Jobs that may be under way at once; may change while machines come and go."""

    @property
    def workers(self) -> int:
        """Loader processes that each job is to have."""

    def free(self) -> int:
        """How many jobs could be taken now."""

    def busy(self) -> list[Job]:
        """The jobs under way."""

    def submit(self, job: Job) -> None:
        """Take a job on."""

    def events(self, timeout: float) -> list[Event]:
        """What has happened, waiting for at most `timeout` seconds for the first; of each job at most one message that
        it has ended. What a job wrote is in the result folder before that is said. Raises AfieldError where no job
        could ever be done.
        """

    def stop(self) -> list[Event]:
        """Ask all jobs to save and stop; gives what became of them. One that does not answer in time is ended and stays
        `busy`: of that, whole epochs are saved and nothing else.
        """


def outcome_of(job: Job, tell: Callable[[Event], None], stop: Callable[[], bool]) -> Event:
    """Do a job here, whatever comes of it; `tell` is told its progress, a few times a second, and `stop` says when to
    save and stop.
    """
    begun, last, about = time.monotonic(), 0.0, ""

    def progress(epoch: int, step: int, steps: int, per_second: float, before: str = "") -> None:
        nonlocal last, about
        now = time.monotonic()
        if now - last >= _MESSAGES_EVERY or before != about:
            last, about = now, before
            tell(Event(job, "progress", epoch, step, steps, per_second, before))

    try:
        epochs = perform(job, progress, stop)
    except Stopped:
        return Event(job, "stopped")
    except DamagedError as error:
        return Event(job, "damaged", reason=str(error))
    except StoreError as error:
        return Event(job, "halt", reason=str(error))
    except AfieldError as error:
        return Event(job, "failed", reason=str(error), trace=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - whatever a trial raises is stored with its trace and must not end the others
        from afield.training.device import answers

        reason, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        return Event(job, "failed", reason=reason, trace=trace, spent=not answers())
    return Event(job, "done", epochs, seconds=time.monotonic() - begun)
