"""How often are afield's intervals and verdicts wrong? Simulated studies whose truth is known.

    python -m benchmarks.verdict coverage              # do the verdict's intervals hold the truth in 95 of 100 studies?
    python -m benchmarks.verdict readings              # so for every interval that afield offers, in a few worlds
    python -m benchmarks.verdict verdicts              # how often does a verdict claim what is not so?
    python -m benchmarks.verdict metrics               # do metrics of few clusters of test images hold the truth?
    python -m benchmarks.verdict coverage --only "12 in 4 families" --studies 500 --seed 1

From the root of the repository. Prints tables in Markdown, a row a simulated world; a row is the same alone or among
others, and for any number of processes. docs/how_often_wrong.md reads them; `benchmarks.real_trials` asks real ones.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

import numpy as np
from benchmarks.truth.clustered import CLUSTERS, MEASURED, intervals
from benchmarks.truth.readings import STANDS_FOR, Intervals, is_wrong, of_line, on_axes, second_readings, verdict
from benchmarks.truth.worlds import SimulatedStudy, World, families_of, simulate, truth_of

from afield.study.verdict_rule import SMALLEST_SLOPE

T = TypeVar("T")
Row = tuple[str, bool, float]
"""a reading's name, whether it held the truth, its width"""
_PIECE = 50
"""studies that a process works through at once"""

UNEVEN = (14, 10, 8, 6, 5, 4, 4, 3, 2, 1, 1, 1, 1)
"""60 backbones as published tables hold them: a few large families, many small ones"""


def alone(backbones: int) -> tuple[int, ...]:
    """Backbones without relatives."""
    return (1,) * backbones


IN_FAMILIES = {
    "10 in 3 families": (6, 3, 1),
    "10 in 2 families": (5, 5),
    "12 in 4 families": families_of(12, 3),
    "19 in 7 families": (6, 4, 3, 2, 2, 1, 1),
    "24 in 8 families": families_of(24, 3),
    "30 in 6 families": families_of(30, 5),
    "60 in 13 families": UNEVEN,
    "60 in 20 families": families_of(60, 3),
}

WORLDS = (
    # every backbone for itself, accuracies known exactly
    *(World(f"{n} alone", alone(n)) for n in (4, 6, 12, 19, 30, 60)),
    *(World(f"{n} alone, uneven scatter", alone(n), uneven=3.0) for n in (6, 12, 30, 60)),
    # families: nothing shared, half and four fifths of the variance shared, slopes that differ
    *(World(f"{name}, nothing shared", sizes) for name, sizes in IN_FAMILIES.items()),
    *(World(f"{name}, half shared", sizes, shared=0.5) for name, sizes in IN_FAMILIES.items()),
    *(World(f"{name}, 4/5 shared", sizes, shared=0.8) for name, sizes in IN_FAMILIES.items()),
    *(World(f"{name}, slopes differ", sizes, shared=0.5, own_slopes=0.1) for name, sizes in IN_FAMILIES.items()),
    *(
        World(f"{name}, apart on ImageNet", sizes, shared=0.5, between=0.9)
        for name, sizes in IN_FAMILIES.items()
        if name in ("10 in 2 families", "10 in 3 families", "12 in 4 families", "24 in 8 families")
    ),
    # test images for themselves
    *(World(f"{n} alone, {m} images", alone(n), images=m) for n, m in product((6, 12, 19), (300, 3000))),
    World("30 alone, 3000 images", alone(30), images=3000),
    World("12 alone, 15000 images", alone(12), images=15000),
    World("60 alone, 300 images", alone(60), images=300),
    World("12 alone, on the line, 300 images", alone(12), scatter=0.0, images=300),
    # test images in clusters
    *(
        World(f"{n} alone, {k} clusters", alone(n), images=1200, clusters=k, cluster_scatter=0.04)
        for n, k in product((6, 12, 60), (5, 10, 20, 60))
    ),
    *(
        World(f"{n} alone, {k} clusters whose slopes differ", alone(n), images=1200, clusters=k, cluster_slopes=0.4,
              cluster_scatter=0.02)
        for n, k in product((6, 12, 60), (5, 10, 20, 60))
    ),
    *(
        World(f"{name}, {k} clusters whose slopes differ", IN_FAMILIES[name], shared=0.5, images=1200, clusters=k,
              cluster_slopes=0.4)
        for name, k in product(("12 in 4 families", "24 in 8 families"), (5, 20))
    ),
    # a ceiling: accuracies from 0.94 to 0.995, straight between logits
    *(World(f"{n} alone, ceiling", alone(n), slope=1.0, scatter=0.3, ceiling=True) for n in (6, 12, 30, 60)),
    *(
        World(f"{n} alone, ceiling, 3000 images", alone(n), slope=1.0, scatter=0.3, ceiling=True, images=3000)
        for n in (6, 12, 30)
    ),
    World("24 in 8 families, ceiling", families_of(24, 3), slope=1.0, scatter=0.3, shared=0.5, ceiling=True),
)  # fmt: skip


READ = tuple(
    world
    for world in WORLDS
    if world.name
    in (
        "12 alone",
        "30 alone",
        "60 alone",
        "12 alone, uneven scatter",
        "30 alone, uneven scatter",
        "24 in 8 families, half shared",
        "60 in 13 families, half shared",
        "60 in 20 families, half shared",
        "60 in 20 families, nothing shared",
        "30 alone, ceiling",
        "12 alone, 20 clusters whose slopes differ",
    )
)
"""those in which every interval is measured"""

_TRUTHS = (0.0, 0.05, 0.1, 0.2, 0.4)
"""slopes of which verdicts are given: none, half of the smallest that would matter, just that, twice, four times"""

JUDGED = (
    *(World(f"slope {b:g}, {n} alone", alone(n), slope=b) for b, n in product(_TRUTHS, (4, 6, 12, 19, 30, 60))),
    *(
        World(f"slope {b:g}, {n} in families of 3, half shared", families_of(n, 3), slope=b, shared=0.5)
        for b, n in product(_TRUTHS, (6, 12, 19, 30, 60))
    ),
    *(
        World(f"slope {b:g}, {name}, slopes differ", IN_FAMILIES[name], slope=b, shared=0.5, own_slopes=0.1)
        for b, name in product(
            _TRUTHS[:3], ("10 in 2 families", "10 in 3 families", "19 in 7 families", "60 in 13 families")
        )
    ),
    *(
        World(f"slope {b:g}, {n} alone, {k} clusters whose slopes differ", alone(n), slope=b, images=1200, clusters=k,
              cluster_slopes=0.4)
        for b, n, k in product(_TRUTHS[:3], (12, 60), (5, 20))
    ),
    *(
        World(f"slope {b:g}, {n} alone, 500 images", alone(n), slope=b, images=500)
        for b, n in product(_TRUTHS[:3], (4, 12))
    ),
    *(
        World(f"ceiling, logit slope {b:g}, {n} alone", alone(n), slope=b, scatter=0.3, ceiling=True)
        for b, n in product((0.0, 1.0), (6, 12, 30, 60))
    ),
)  # fmt: skip
"""those in which verdicts are counted"""


@dataclass(frozen=True)
class Held:
    """How often an interval held the truth."""

    held: int
    studies: int
    width: float
    """median, in the units of the number"""

    @property
    def share(self) -> float:
        """Coverage, 0..1."""
        return self.held / self.studies

    @property
    def error(self) -> float:
        """Monte Carlo standard error of that."""
        return float(np.sqrt(self.share * (1 - self.share) / self.studies))

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} ({100 * self.error:.1f})"


def coverage(world: World, studies: range, seed: int, readings: Callable[[SimulatedStudy], Intervals]) -> list[Row]:
    """Of each study and reading whether the interval holds the truth, and how wide it is. Unknown limits hold
    everything, as in the product.
    """
    truth = truth_of(world)
    return [
        (name, interval.holds(truth[STANDS_FOR[name]]), interval.high - interval.low)
        for index in studies
        for name, interval in readings(simulate(world, seed, index)).items()
        if interval is not None
    ]


def every(study: SimulatedStudy) -> Intervals:
    """All readings of a study."""
    return of_line(study) | on_axes(study) | second_readings(study)


def of_line_and_axes(study: SimulatedStudy) -> Intervals:
    """Those of the straight line and of the other axes."""
    return of_line(study) | on_axes(study)


def verdicts(world: World, studies: range, seed: int) -> list[str]:
    """The verdict of each study, and behind it `wrong` where it claims what is not so."""
    truth = truth_of(world)["slope"]
    said = [verdict(simulate(world, seed, index)) for index in studies]
    return [f"{each} wrong" if is_wrong(each, words, truth) else each for each, words in said]


def held(rows: Iterable[Row]) -> dict[str, Held]:
    """Counted by reading."""
    found: dict[str, list[tuple[bool, float]]] = {}
    for name, holds, width in rows:
        found.setdefault(name, []).append((holds, width))
    return {
        name: Held(sum(holds for holds, _ in each), len(each), float(np.nanmedian([width for _, width in each])))
        for name, each in found.items()
    }


def spread(
    work_of: Callable[[World], Callable[[World, range], list[T]]],
    worlds: Sequence[World],
    studies: Callable[[World], int],
    pool: Executor,
) -> Iterator[tuple[World, list[T]]]:
    """Each world with what its studies gave, in order; the work is shared out in pieces."""
    futures = []
    for world in worlds:
        many = studies(world)
        pieces = [range(start, min(start + _PIECE, many)) for start in range(0, many, _PIECE)]
        futures.append((world, [pool.submit(work_of(world), world, piece) for piece in pieces]))
    for world, parts in futures:
        yield world, [each for part in parts for each in part.result()]


def line_of(cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def print_coverage(worlds: Sequence[World], studies: Callable[[World], int], seed: int, pool: Executor) -> None:
    """The intervals that the verdict reads, beside the textbook's; those of the other axes in worlds with a ceiling."""
    names = ("slope", "slope, scatter alone", "slope, errors of a table", "r", "r, disattenuated", "r, scatter alone",
             "logit slope", "probit slope")  # fmt: skip
    print(f"Seed {seed}. Coverage of 95 % intervals in %, with Monte Carlo standard error.\n")
    print(line_of(("world", "studies", *names, "width of slope", "of scatter alone")))
    print(line_of(["---"] * (len(names) + 4)))
    bent = partial(coverage, seed=seed, readings=of_line_and_axes)
    straight = partial(coverage, seed=seed, readings=of_line)
    for world, rows in spread(lambda world: bent if world.ceiling else straight, worlds, studies, pool):
        found = held(rows)
        widths = (f"{found[name].width:.2f}" for name in names[:2])
        cells = (str(found.get(name, "")) for name in names)
        print(line_of((world.name, str(found["slope"].studies), *cells, *widths)), flush=True)


def print_readings(worlds: Sequence[World], studies: Callable[[World], int], seed: int, pool: Executor) -> None:
    """Every interval there is."""
    print(f"Seed {seed}. Coverage of 95 % intervals in %, with Monte Carlo standard error.\n")
    print(line_of(("world", "studies", *STANDS_FOR)))
    print(line_of(["---"] * (len(STANDS_FOR) + 2)))
    for world, rows in spread(lambda _: partial(coverage, seed=seed, readings=every), worlds, studies, pool):
        found = held(rows)
        cells = (str(found.get(name, "-")) for name in STANDS_FOR)
        print(line_of((world.name, str(found["slope"].studies), *cells)), flush=True)


def print_verdicts(worlds: Sequence[World], studies: Callable[[World], int], seed: int, pool: Executor) -> None:
    """How often each verdict is given, and how often one is wrong."""
    kinds = ("transfers", "weakly", "does not", "cannot tell")
    print(f"Seed {seed}; smallest slope of interest {SMALLEST_SLOPE:g}. Shares in %.\n")
    print(line_of(("world", "studies", *kinds, "wrong", "its standard error")))
    print(line_of(["---"] * (len(kinds) + 4)))
    for world, said in spread(lambda _: partial(verdicts, seed=seed), worlds, studies, pool):
        shares = Counter(each.removesuffix(" wrong") for each in said)
        wrong = sum(each.endswith(" wrong") for each in said) / len(said)
        cells = (f"{100 * shares[kind] / len(said):.1f}" for kind in kinds)
        error = 100 * np.sqrt(wrong * (1 - wrong) / len(said))
        print(line_of((world.name, str(len(said)), *cells, f"{100 * wrong:.1f}", f"{error:.1f}")), flush=True)


def metric_rows(name: str, clusters: int, studies: range, seed: int) -> list[Row]:
    """Of each test set and kind of interval whether it holds the truth."""
    return [
        (kind, interval.holds(truth), interval.high - interval.low)
        for index in studies
        for kind, (interval, truth) in intervals(name, clusters, seed, index).items()
    ]


def print_metrics(studies: int, seed: int, pool: Executor) -> None:
    """Intervals of one network and of two, a row a metric and number of clusters."""
    kinds = ("results table", "ranking", "difference")
    print(
        f"Seed {seed}, {studies} test sets a row. Coverage of 95 % intervals in %, with Monte Carlo standard error.\n"
    )
    print(line_of(("metric", "clusters", *kinds)))
    print(line_of(["---"] * (len(kinds) + 2)))
    places = list(product(MEASURED, CLUSTERS))
    pieces = [range(start, min(start + _PIECE, studies)) for start in range(0, studies, _PIECE)]
    futures = [[pool.submit(metric_rows, *place, piece, seed) for piece in pieces] for place in places]
    for (name, clusters), parts in zip(places, futures, strict=True):
        found = held([row for part in parts for row in part.result()])
        print(line_of((name, str(clusters), *(str(found[kind]) for kind in kinds))), flush=True)


TABLES = {
    "coverage": (print_coverage, WORLDS, 1000, 400),
    "readings": (print_readings, READ, 200, 200),
    "verdicts": (print_verdicts, JUDGED, 1000, 400),
}
"""by name: what prints it, of which worlds, from how many studies where accuracies are known exactly, and from how many
where test images are drawn"""


def main() -> None:
    """Simulate and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=(*TABLES, "metrics"))
    parser.add_argument("--only", metavar="WORDS", help="the world of that name, or all whose names hold these words")
    parser.add_argument("--studies", type=int, help="of each world")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.table == "metrics":
        with ProcessPoolExecutor(options.processes) as pool:
            print_metrics(options.studies or 400, options.seed, pool)
        return
    show, worlds, exact, tested = TABLES[options.table]
    words = options.only or ""
    chosen = [world for world in worlds if world.name == words] or [world for world in worlds if words in world.name]
    if not chosen:
        parser.error(f"--only {options.only}: no world has these words in its name")

    def studies(world: World) -> int:
        return int(options.studies or (tested if world.images else exact))

    with ProcessPoolExecutor(options.processes) as pool:
        show(chosen, studies, options.seed, pool)


if __name__ == "__main__":
    main()
