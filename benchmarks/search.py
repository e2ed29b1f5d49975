"""What does halving cost against the grid, and what does it lose? Read off whole grids that were really trained.

    python -m benchmarks.search OUT                                   # from the root of the repository

OUT is a finished result folder of studies with `method = "grid"` (benchmarks/grids/study.toml, one a seed). Halving
only pauses, so what it would have seen and chosen stands in the grid's histories bit for bit; its own function is asked
what it wants, rung by rung. Beside it stands what as many epochs buy without halving: so many cells at random, trained
to their end, on average over all draws (exact). A line a pair of backbone and task, seed and way of searching:

    epochs        share of the grid's
    loss          metric points that its choice has less on validation than the grid's winner; 0: the same, or as good
    error         the standard error of that difference, from validation images (paired, by cluster); of random cells,
                  which have no one choice, that of the winner's own value
    rank          Spearman correlation of all cells at the first rung and at the end

All cells are held against the grid's winner on the images that chose it, which flatters the winner: a loss of 0 is the
best there can be.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from afield.scoring.intervals import bootstrap_weights, resampled_values
from afield.scoring.metric import Floats, Metric
from afield.scoring.predictions import Predictions
from afield.study.collecting.collect import load_record
from afield.study.record import SearchRecord, StudyRecord
from afield.study.searching.search import Ask, Seen, ask, best_so_far, rungs
from afield.study.searching.search_choice import SearchChoice
from afield.study.store import Store

WAYS = {
    "halving 3 / 10 / 30": SearchChoice(method="halving", rungs=(3, 10)),
    "halving 1 / 3 / 10 / 30, halves": SearchChoice(method="halving", rungs=(1, 3, 10), reduction=2.0),
    "halving 5 / 15 / 30": SearchChoice(method="halving", rungs=(5, 15)),
}
"""what is held against the grid; the first is the default"""


@dataclass(frozen=True)
class Found:
    """What one way of searching came to."""

    way: str
    epochs: int
    loss: float
    error: float
    rank: float


def replay(choice: SearchChoice, cells: list[Seen], epochs: int) -> tuple[int, int]:
    """The cell that a search would have chosen from these whole histories, and the epochs it would have trained."""
    reached = [0] * len(cells)
    while isinstance(step := ask(choice, _cut(cells, reached), epochs), Ask):
        for cell in step.cells:
            reached[cell] = step.until
    assert step.cell is not None, "every cell of the grid has a history"
    return step.cell, sum(reached)


def _cut(cells: list[Seen], reached: list[int]) -> list[Seen]:
    return [Seen(cell.history[:until]) for cell, until in zip(cells, reached, strict=True)]


def best_of_random(values: Floats, draws: int) -> float:
    """The mean of the largest of `draws` values taken without replacement from `values`, over all subsets."""
    ordered = np.sort(values)
    n = len(ordered)
    chances = [math.comb(place, draws - 1) / math.comb(n, draws) for place in range(n)]
    return float(ordered @ chances)


def compare(record: StudyRecord, store: Store, search: SearchRecord) -> list[Found]:
    """Every way against the grid's winner."""
    task, metric = record.task(search.task), record.metric(search.task)
    cells = [Seen(cell.history) for cell in search.cells]
    epochs = search.cells[0].recipe["epochs"]
    values = np.array([best_so_far(cell.history, epochs)[0] for cell in cells])
    winner, _ = replay(SearchChoice(method="grid"), cells, epochs)
    resampled = {winner: _resampled(store, search.cells[winner].key, task.classes, metric)}
    found = []
    for way, choice in WAYS.items():
        chosen, spent = replay(choice, cells, epochs)
        if chosen not in resampled:
            resampled[chosen] = _resampled(store, search.cells[chosen].key, task.classes, metric)
        error = float(np.nanstd(resampled[winner] - resampled[chosen]))
        early = [best_so_far(cell.history, rungs(choice, epochs)[0])[0] for cell in cells]
        rank = float(spearmanr(early, values).statistic)
        found.append(Found(way, spent, values[winner] - values[chosen], error, rank))
    draws = max(1, round(found[0].epochs / epochs))
    lost = values[winner] - best_of_random(values, draws)
    found.append(Found(f"{draws} cells at random", draws * epochs, lost, float(np.nanstd(resampled[winner])), math.nan))
    return found


def _resampled(store: Store, key: str, classes: tuple[str, ...], metric: Metric) -> Floats:
    """A cell's metric in each resample of the validation images."""
    table = pd.read_parquet(store.trial_folder(key) / "predictions.parquet")
    predictions = Predictions.from_frame(table, classes)
    return resampled_values(metric.on(predictions), predictions, bootstrap_weights(predictions.cluster))


def main() -> None:
    """Print a line a pair, seed and way, then the ways' means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    store = Store.open(parser.parse_args().out)
    print("| task | backbone | seed | way | epochs | loss, points | error | within one error | rank |")
    print("|" + "---|" * 9)
    every: list[tuple[Found, int]] = []
    for name in sorted(store.studies()):
        record = load_record(store.root, study=name)
        if record.study.search.method != "grid":
            continue
        for search in record.searches:
            if any(len(cell.history) < cell.recipe["epochs"] for cell in search.cells):
                print(f"{name}, {search.task}, {search.backbone}: has not ended, or has failed cells; left out")
                continue
            grid = search.epochs_of_grid
            for found in compare(record, store, search):
                every.append((found, grid))
                print(
                    f"| {search.task} | {search.backbone} | {search.cells[0].seed} | {found.way} "
                    f"| {found.epochs / grid:.1%} | {100 * found.loss:.2f} | {100 * found.error:.2f} "
                    f"| {'yes' if found.loss <= found.error else 'no'} | {found.rank:.2f} |",
                    flush=True,
                )
    print("\n| way | searches | epochs | mean loss, points | largest | same as the winner | within one error |")
    print("|" + "---|" * 7)
    for way in dict.fromkeys(found.way for found, _ in every):
        these = [(found, grid) for found, grid in every if found.way == way]
        losses = np.array([found.loss for found, _ in these])
        within = sum(found.loss <= found.error for found, _ in these)
        print(
            f"| {way} | {len(these)} | {np.mean([found.epochs / grid for found, grid in these]):.1%} "
            f"| {100 * losses.mean():.2f} | {100 * losses.max():.2f} | {(losses == 0).sum()} | {within} |"
        )


if __name__ == "__main__":
    main()
