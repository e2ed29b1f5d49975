"""The search: a pure function from what the trials have shown so far to what should run next. Nothing to save, so
nothing to lose.

Cells come in generations: first the grid or the first draws, which may be halved, then those that `growth.py` adds,
each of which is trained to the end. `first` is how many cells the first generation has, by default all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from afield.study.folder.history import column
from afield.study.folder.trial_files import TrialFiles
from afield.study.searching.search_choice import SearchChoice

History = Sequence[Mapping[str, float]]
"""a row an epoch, with `validation` (higher is better) and `validation_loss`"""


@dataclass(frozen=True)
class Seen:
    """What is known of one cell."""

    history: History = ()
    failed: bool = False


def seen_in(files: TrialFiles, epochs: int) -> Seen:
    """What a cell of so many epochs has shown by its files. Its last epoch counts once its result is there, for a run
    may be killed in between. A failure beside a result is that of a score, or of a network that was wanted again: the
    cell has shown all that a search asks of it.
    """
    if files.result is not None:
        return Seen(files.history)
    return Seen(files.history[: epochs - 1], files.failure is not None)


@dataclass(frozen=True)
class Ask:
    """Bring these cells (by index) to so many epochs."""

    cells: tuple[int, ...]
    """none in a race where its own wait at a rung for those of other backbones"""
    until: int
    alive: tuple[int, ...]
    """all that are still in the race: these, and those that wait for them at the rung"""


@dataclass(frozen=True)
class Chosen:
    """The search has ended with this cell; None where every cell failed, and in a race where another backbone's won, or
    all of its own dropped out.
    """

    cell: int | None


def best_so_far(history: History, epochs: int) -> tuple[float, float]:
    """The best validation metric in the first epochs, and the log-loss at that epoch (ties: the earliest)."""
    metrics = column(history, "validation")[:epochs]
    best = max(metrics)
    return best, column(history, "validation_loss")[metrics.index(best)]


def rungs(search: SearchChoice, epochs: int) -> list[int]:
    """Epochs at which the search compares: those of the study below the recipe's last epoch, then that one."""
    if not search.halves:
        return [epochs]
    return [rung for rung in search.rungs if rung < epochs] + [epochs]


def rung_sizes(search: SearchChoice, cells: int, epochs: int) -> list[tuple[int, int]]:
    """How many cells of the first generation reach each rung, or of `optuna` of all generations: (epochs, cells). 20
    cells at 3 / 10 / 30 epochs: 20, 7, 2.

    >>> rung_sizes(SearchChoice(), 20, 30)
    [(3, 20), (10, 7), (30, 2)]
    """
    sizes = []
    cells += to_come(search, cells)
    for rung in rungs(search, epochs):
        sizes.append((rung, cells))
        cells = kept(search, cells)
    return sizes


def to_come(search: SearchChoice, cells: int) -> int:
    """How many cells a search with so many is still sure to get; whether `extend` adds any is not known before."""
    return max(0, (search.trials or 0) - cells) if search.method == "optuna" else 0


def epochs_asked(search: SearchChoice, cells: int, epochs: int, first: int | None = None) -> int:
    """Epochs that a search trains in all its cells, if none fails, repeats under other seeds and what `extend` may yet
    add apart.

    >>> epochs_asked(SearchChoice(), 20, 30)
    149
    """
    begun = cells if first is None or search.method == "optuna" else first
    return epochs_through(rung_sizes(search, begun, epochs)) + (cells - begun) * epochs


def epochs_through(sizes: Iterable[tuple[int, int]]) -> int:
    """Epochs that cells train in all, so many of which reach each rung.

    >>> epochs_through([(3, 20), (10, 7), (30, 2)])
    149
    """
    reached = spent = 0
    for rung, cells in sizes:
        spent += (rung - reached) * cells
        reached = rung
    return spent


def kept(search: SearchChoice, cells: int) -> int:
    """How many of the cells that reached a rung go on."""
    return max(1, round(cells / search.reduction))


def ask(search: SearchChoice, seen: Sequence[Seen], epochs: int, first: int | None = None) -> Ask | Chosen:
    """What the search wants next, given what each cell has shown.

    Halving only pauses: the schedule of every cell spans all `epochs`. Rungs are synchronous and order by the best
    metric so far, then log-loss, then index. A failed cell drops out of its rung; one whose retry succeeds reopens it.
    """
    best: list[int] = []
    for rung, alive in _admitted(search, seen, epochs, first):
        waiting = tuple(cell for cell in alive if _waits(seen[cell], rung))
        if waiting:
            return Ask(waiting, rung, tuple(cell for cell in alive if not seen[cell].failed))
        best = _ordered(seen, alive, rung)
    return Chosen(best[0] if best else None)


def asked(search: SearchChoice, seen: Sequence[Seen], epochs: int, first: int | None = None) -> tuple[int, ...]:
    """Epochs that the search has asked of each cell so far; a history may be longer, where another study shares it."""
    until = [0] * len(seen)
    for rung, alive in _admitted(search, seen, epochs, first):
        for cell in alive:
            until[cell] = rung
    return tuple(until)


def finalists(search: SearchChoice, seen: Sequence[Seen], epochs: int, first: int | None = None) -> tuple[int, ...]:
    """The cells, by index, that the search itself brought to their last epoch."""
    return at_the_end(seen, asked(search, seen, epochs, first), epochs)


def at_the_end(seen: Sequence[Seen], until: Sequence[int], epochs: int) -> tuple[int, ...]:
    """The cells, by index, that were asked to train to their last epoch and did."""
    return tuple(
        cell for cell, one in enumerate(seen)
        if until[cell] == epochs and len(one.history) >= epochs and not one.failed
    )  # fmt: skip


def _admitted(
    search: SearchChoice, seen: Sequence[Seen], epochs: int, first: int | None
) -> Iterator[tuple[int, list[int]]]:
    """Each rung with the cells that are to reach it, up to the first that one of them has not reached; at the end, with
    the cells of further generations, all that are to reach the last epoch.
    """
    begun = len(seen) if first is None else first
    alive, reached = list(range(begun)), 0
    for rung in rungs(search, epochs):
        if reached:
            alive = _ordered(seen, alive, reached)[: kept(search, len(alive))]
        yield rung, alive
        if any(_waits(seen[cell], rung) for cell in alive):
            return
        reached = rung
    if begun < len(seen):
        yield epochs, [*alive, *range(begun, len(seen))]


def _waits(cell: Seen, rung: int) -> bool:
    return len(cell.history) < rung and not cell.failed


def _ordered(seen: Sequence[Seen], cells: list[int], rung: int) -> list[int]:
    """Those of the cells that reached the rung, the best first."""

    def place(cell: int) -> tuple[float, float, int]:
        metric, loss = best_so_far(seen[cell].history, rung)
        return -metric, loss, cell

    return sorted((cell for cell in cells if len(seen[cell].history) >= rung), key=place)
