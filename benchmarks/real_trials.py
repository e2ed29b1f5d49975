"""False claims on real numbers: ImageNet accuracies put out of order, and one backbone held against itself.

    python -m benchmarks.real_trials placebo FOLDER   # biobench_results_tidy.csv, tll_model_ranking.csv
    python -m benchmarks.real_trials twins OUT        # a finished result folder with two seeds or more
    python -m benchmarks.real_trials twins OUT --seeds 2    # its seeds two by two, as many studies of two seeds
    python -m benchmarks.real_trials names OUT --seeds 2    # one backbone under two names, two seeds each

From the root of the repository. What is not there is told and left out. docs/how_often_wrong.md reads the tables.

Placebo: nothing transfers from accuracies that belong to other backbones, so every `transfers`, `weakly` and reversed
`does not` is a false claim. They are shuffled backbone by backbone, and so that families stay together: backbones are
laid out family by family, in an order of families at random, and accuracies likewise in another.

Twins: two networks of one backbone, task and intervention that differ in the seed alone, as if they were two backbones.
Of *networks* the interval knows the test images alone, so networks that do differ are no false claim; of *backbones* it
knows the variance between seeds as well, here from the other backbones of the study. With `--seeds` a folder of many
seeds counts as several studies, each of which knows of its own alone; their pairs are of different trainings.

Names: as a study would have it that names one backbone twice, each name and all other backbones with so many seeds: the
variance between seeds is that of all names together.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd

from afield.analysis.analyse import analyse
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.fitting.verdict import verdict_of
from afield.analysis.ranking.paired import Networks, PairedScores
from afield.analysis.student import student_p
from afield.analysis.tables.table import TableChoice
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL, clopper_pearson
from afield.study.collecting.collect import load_record
from afield.study.record import StudyRecord
from afield.study.verdict_rule import SMALLEST_SLOPE

TABLES = {
    "biobench_results_tidy.csv": TableChoice(
        columns={"backbone": "model", "task": "dataset", "low": "ci_low", "high": "ci_high"},
        tasks=("beluga", "ecdysis", "fishnet", "fungiclef", "herbarium19", "iwildcam", "kabr", "mammalnet", "plankton",
               "plantnet"),
    ),
    "tll_model_ranking.csv": TableChoice(
        columns={"backbone": "model", "task": "dataset", "value": "finetuned_acc"}, metric="accuracy"
    ),
}  # fmt: skip
"""how each published table is read"""


def shuffled(families: np.ndarray, generator: np.random.Generator, *, whole: bool) -> np.ndarray:
    """Places [n] from which each backbone gets its ImageNet accuracy; `whole`: families stay together."""
    if not whole:
        return generator.permutation(len(families))
    takes, gives = (_by_family(families, generator) for _ in range(2))
    places = np.empty(len(families), np.int64)
    places[takes] = gives
    return places


def _by_family(families: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """All places, family by family, in an order of families and within them at random."""
    names = generator.permutation(np.unique(families))
    return np.concatenate([generator.permutation(np.flatnonzero(families == name)) for name in names])


def claims(fit: TransferFit, permutations: int, seed: int, *, whole: bool) -> Counter[str]:
    """What is said of a task with its ImageNet accuracies out of order."""
    generator = stream(seed, "placebo", fit.task, "families" if whole else "backbones")
    seen, families = fit.observed, groups_of(fit.points).to_numpy()
    said: Counter[str] = Counter()
    for _ in range(permutations):
        there = replace(seen, x=seen.x[shuffled(families, generator, whole=whole)])
        found = verdict_of(there, SMALLEST_SLOPE, LEVEL)
        said["reversed" if found.words.startswith("reversed") else found.verdict] += 1
    return said


def placebo(folder: Path, permutations: int, seed: int) -> None:
    """Print a row a table and way of shuffling."""
    kinds = ("transfers", "weakly", "reversed", "does not", "cannot tell")
    print(f"Seed {seed}, {permutations} permutations of each task. Shares in %.\n")
    print(f"| table | tasks | shuffled | {' | '.join(kinds)} | false claims | worst task |")
    print("|" + "---|" * (len(kinds) + 5))
    for name, choice in TABLES.items():
        if not (folder / name).is_file():
            print(f"{folder / name}: is not there; left out")
            continue
        fits = analyse(folder / name, choice).fits
        for whole in (False, True):
            if whole and all(groups_of(fit.points).is_unique for fit in fits):
                continue
            said = [claims(fit, permutations, seed, whole=whole) for fit in fits]
            total = sum(said, Counter[str]())
            wrong = [sum(each[kind] for kind in kinds[:3]) / permutations for each in said]
            shares = " | ".join(f"{100 * total[kind] / total.total():.1f}" for kind in kinds)
            print(
                f"| {name} | {len(fits)} | {'families together' if whole else 'backbones'} | {shares} | "
                f"{100 * float(np.mean(wrong)):.1f} | {100 * max(wrong):.1f} |",
                flush=True,
            )


def twins_of(record: StudyRecord, seeds: int | None) -> Iterator[tuple[str, float, float]]:
    """Of each pair of networks that differ in the seed alone the task, and two p values of there being no difference:
    as networks, and as backbones, where others tell of the variance between seeds (else NaN). `seeds`: of a study; by
    default all that there are. Seeds that are too few for a further study are left out.
    """
    there = record.study.study.seeds
    size = seeds or len(there)
    studies = [there[start : start + size] for start in range(0, len(there) - size + 1, size)]
    for task in record.tasks:
        for intervention in record.study.study.interventions:
            scores = PairedScores.of(record, task.name, record.metric(task.name), (intervention,))
            for study in studies:
                part = {key: mine.of_seeds(study) for key, mine in scores.networks.items()}
                for key in part:
                    rest = replace(scores, networks={other: each for other, each in part.items() if other != key})
                    yield from ((task.name, *p) for p in _held_against_itself(part[key], rest))


def _held_against_itself(mine: Networks, others: PairedScores) -> Iterator[tuple[float, float]]:
    """Both p values of each pair of a backbone's networks; the variance between seeds is that of the others."""
    for first, second in combinations(sorted(mine.rows["seed"]), 2):
        yield _p_values(others, mine.of_seeds([first]), mine.of_seeds([second]))


def _p_values(scores: PairedScores, one: Networks, two: Networks) -> tuple[float, float]:
    """Of there being no difference: as networks, and as backbones, NaN where no seed was repeated."""
    difference, parts = one.value - two.value, scores.parts(one, two)
    known = scores.seed_freedom(one.intervention) > 0
    return student_p(difference, parts[:1]), student_p(difference, parts) if known else np.nan


def names_of(record: StudyRecord, seeds: int) -> Iterator[tuple[str, float, float]]:
    """The same of each backbone under two names, each of so many seeds: one name has those of the other backbones, the
    other the next ones. Seeds that are too few for a further study are left out.
    """
    there = record.study.study.seeds
    starts = range(0, len(there) - 2 * seeds + 1, 2 * seeds)
    for task in record.tasks:
        for intervention in record.study.study.interventions:
            scores = PairedScores.of(record, task.name, record.metric(task.name), (intervention,))
            for start, (key, mine) in product(starts, scores.networks.items()):
                first, then = there[start : start + seeds], there[start + seeds : start + 2 * seeds]
                study = {name: each.of_seeds(first) for name, each in scores.networks.items()}
                again = mine.of_seeds(then)
                both = replace(scores, networks={**study, (f"{key[0]} again", key[1]): again})
                yield (task.name, *_p_values(both, study[key], again))


def told_apart(folder: Path, pairs_of: Callable[[StudyRecord], Iterator[tuple[str, float, float]]]) -> None:
    """Print how many pairs are told apart at 5 %."""
    if not (folder / "afield.json").is_file():
        print(f"{folder}: is no result folder; left out")
        return
    found = pd.DataFrame(pairs_of(load_record(folder)), columns=["task", "networks", "backbones"])
    if not len(found):
        print(f"{folder}: no backbone was scored with as many seeds as that takes; left out")
        return
    print("| task | taken for | pairs | told apart at 5 % | share | 95 % interval, were pairs independent |")
    print("|---|---|---|---|---|---|")
    of_tasks = [*found.groupby("task", sort=False), ("all", found)] if found["task"].nunique() > 1 else [("all", found)]
    for (task, rows), name in product(of_tasks, ("networks", "backbones")):
        p = rows[name].dropna()
        if len(p):
            share = clopper_pearson(int((p < 1 - LEVEL).sum()), len(p)).scaled(100)
            apart = f"{share.value:.1f} % | {share.low:.1f} to {share.high:.1f} |"
            print(f"| {task} | {name} | {len(p)} | {(p < 1 - LEVEL).sum()} | {apart}")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("placebo", "twins", "names"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, help="of a study; by default of twins all, of names two each")
    options = parser.parse_args()
    if options.seeds is not None and options.seeds < 2:
        parser.error(f"--seeds: {options.seeds}: two networks are held against each other, so name 2 or more")
    if options.table == "placebo":
        placebo(options.folder, options.permutations, options.seed)
    elif options.table == "twins":
        told_apart(options.folder, lambda record: twins_of(record, options.seeds))
    else:
        told_apart(options.folder, lambda record: names_of(record, options.seeds or 2))


if __name__ == "__main__":
    main()
