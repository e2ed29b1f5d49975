"""The display of a run: trials done, running and left, speeds, and the time left. A plain line now and then where
there is no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from afield.base.text import printable
from afield.study.inspecting.state import read_state
from afield.study.inspecting.state_words import describe_state
from afield.study.running.standing import Running, Standing

_LINE_EVERY = 30.0
"""seconds between two lines where the output is not a terminal"""
_LOOK_EVERY = 2.0
"""seconds between two looks at a result folder, and at least as long as a look takes"""


class Display:
    """Shows a run on a console; a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._last_line = time.monotonic() - _LINE_EVERY
        self._began = time.monotonic()

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, words: str) -> None:
        """Print a message above the display."""
        self.console.print(printable(words), markup=False, highlight=False, soft_wrap=True)

    def download(self, backbone: str, done: int, total: int | None) -> None:
        """Show how many bytes of a backbone's weights are here."""
        if self._live is not None:
            of = "" if total is None else f" of {total / 1e6:.0f}"
            self._live.update(Text(f"downloading {backbone}: {done / 1e6:.0f}{of} MB"))
        elif done == total:
            self.say(f"downloaded {backbone} ({done / 1e6:.0f} MB)")

    def prepare(self, what: str, done: int, total: int) -> None:
        """Show how many images are prepared."""
        if self._live is not None:
            self._live.update(Text(f"preparing images ({what}): {done} of {total}"))
        elif done == total:
            self.say(f"prepared {total} images ({what})")

    def measure(self, done: int, total: int, seconds: float) -> None:
        """Show how many images a backbone was measured on in so many seconds, and the time left."""
        pace = done / max(seconds, 1e-3)
        left = f"{pace:.0f} images/s, about {duration((total - done) / pace)} left"
        words = f"measured on {done:,} of {total:,} images; {left}"
        if self._live is not None:
            self._live.update(Group(Text(words), ProgressBar(total=total, completed=done, width=60)))
        elif time.monotonic() - self._last_line >= _LINE_EVERY:
            self._last_line = time.monotonic()
            self.say(words)

    def standing(self, standing: Standing) -> None:
        """Show where the run stands."""
        if self._live is not None:
            self._live.update(_panel(standing, time.monotonic() - self._began))
        elif time.monotonic() - self._last_line >= _LINE_EVERY:
            self._last_line = time.monotonic()
            self.say("; ".join([_summary(standing), *(_before(each) for each in standing.running if each.before)]))


class Downloads:
    """Shows downloads on a console that is a terminal; a context manager."""

    def __init__(self, console: Console) -> None:
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Downloads:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def watch(self, name: str) -> Callable[[int, int | None], None]:
        """What a download tells how far it is (bytes done, bytes in all); its bar appears with the first bytes."""
        bar: list[TaskID] = []

        def show(done: int, total: int | None) -> None:
            if not bar:
                bar.append(self._bars.add_task(name, total=total))
            self._bars.update(bar[0], completed=done, total=total)

        return show


def _summary(standing: Standing) -> str:
    counts = f"trainings: {standing.done} done, {standing.at_work} running, {standing.left} left"
    failed = f", {standing.failed} failed" if standing.failed else ""
    scored = f"networks scored: {standing.scored} of {standing.to_score}"
    scored += f", audited: {standing.audited} of {standing.to_audit}" if standing.to_audit else ""
    epochs = f"epochs {standing.epochs_done:.1f} of {standing.epochs_planned}"
    return f"{counts}{failed}; {scored if standing.trained else epochs}; {_time_left(standing)}"


def _before(running: Running) -> str:
    """Words for what comes before a training's first epoch, and when that ends."""
    left = "" if running.seconds_left is None else f", about {duration(running.seconds_left)} left"
    return f"{running.before}{left}"


def _time_left(standing: Standing) -> str:
    if standing.seconds_left is not None:
        return f"about {duration(standing.seconds_left)} left"
    return f"time left: known after the first {'network is scored' if standing.trained else 'epoch'}"


def _panel(standing: Standing, elapsed: float) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    for running in standing.running:
        rows.add_row(
            Text(printable(running.label)),
            Text("before epoch 1" if running.before else f"epoch {running.epoch}/{running.epochs}"),
            ProgressBar(total=1.0, completed=running.share, width=20),
            Text(_before(running) if running.before else f"{running.images_per_second:.0f} images/s"),
        )
    done, total = (
        (standing.scored + standing.audited, standing.to_score + standing.to_audit)
        if standing.trained
        else (standing.epochs_done, standing.epochs_planned)
    )
    bar = ProgressBar(total=max(1, total), completed=done, width=60)
    return Group(
        Text(_summary(standing), style="bold"),
        bar,
        rows,
        Text(f"{duration(elapsed)} so far; Ctrl-C saves and stops", style="dim"),
    )


def duration(seconds: float) -> str:
    """Seconds in words a person reads at a glance.

    >>> duration(42), duration(192), duration(7500)
    ('42 s', '3 min 12 s', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def watch_state(out: Path, study: str | None, console: Console, looks: int | None = None) -> None:
    """Show where a study stands in a result folder, again and again, until Ctrl-C (or for so many looks); the last
    state stays on a terminal, a file or another program gets each that is new. Raises as `read_state` does.
    """
    shown = ""
    screen = Live(console=console, auto_refresh=False, vertical_overflow="visible") if console.is_terminal else None
    with screen or nullcontext():
        try:
            while looks is None or looks > 0:
                began = time.monotonic()
                words = describe_state(read_state(out, study), out)
                if screen is not None:
                    screen.update(Text(words), refresh=True)
                elif words != shown:
                    console.print(Text(words), "", sep="\n", soft_wrap=True)
                shown = words
                looks = None if looks is None else looks - 1
                time.sleep(max(_LOOK_EVERY, time.monotonic() - began))
        except KeyboardInterrupt:
            return  # that is how it ends
