"""How often does the interval of a slope over tasks hold the true one, and how often is the verdict wrong?

    python -m benchmarks.over_tasks [--studies 600]                   # from the root of the repository

Studies of known slope are simulated as `analysis.over_tasks.crossed` models them, in metric points. A line a situation;
in each column the share of studies, in per cent, whose 95 % interval holds the true mean slope over all tasks that
there could be:

    afield        `crossed_slope(...).anywhere`
    meta-analysis the tasks' slopes pooled as independent studies, modified Knapp-Hartung, T - 1 degrees of freedom
    Wald          restricted maximum likelihood with normal quantiles, as MixedLM prints it; by mean squares, which is
                  the same in balanced data (tests/analysis/over_tasks/test_overall_verdict.py), variances below 0 set
                  to 0
    one line      through the means over the tasks, as if they were the only tasks there are

and then afield's median half width, verdicts that claim what is not so (of all), `cannot tell`, and how often one more
task's slope lay in `another`, and equal slopes were called different (where they are equal).
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np
from scipy.stats import norm, t

from afield.analysis.fitting.verdict import judge
from afield.analysis.over_tasks.crossed import Cells, crossed_slope, slopes_differ, spread_beyond_noise, task_reach
from afield.study.verdict_rule import SMALLEST_SLOPE

SITUATIONS: dict[str, dict[str, Any]] = {
    "tasks alike": {"spread": 0.0},
    "tasks alike, backbones the same everywhere": {"spread": 0.0, "common": 2.0},
    "tasks a little apart": {"spread": 0.1, "common": 1.0},
    "tasks far apart": {"spread": 0.3, "common": 1.0},
    "families": {"spread": 0.1, "common": 2.0, "families": True},
    "uneven tasks": {"spread": 0.1, "common": 1.0, "uneven": True},
    "no slope": {"spread": 0.0, "common": 1.0, "slope": 0.0},
    "no slope on average, tasks apart": {"spread": 0.2, "common": 1.0, "slope": 0.0},
}


def simulate(
    generator: np.random.Generator,
    tasks: int,
    n: int,
    spread: float,
    common: float = 0.0,
    slope: float = 0.3,
    *,
    families: bool = False,
    uneven: bool = False,
) -> Cells:
    """One study, with a task more than is looked at; `common`: scatter of backbones on all tasks alike, points."""
    groups = np.arange(n) // 3 if families else np.arange(n)
    x = np.where(families, generator.normal(70, 6, n)[groups], 70) + generator.normal(0, 3 if families else 7, n)
    shared = math.sqrt(0.5) * (generator.normal(size=n)[groups] + generator.normal(size=n))
    scatter = 2 * (np.exp(generator.normal(0, 1, tasks + 1) - 0.5) if uneven else np.ones(tasks + 1))
    each = slope + spread * generator.normal(size=tasks + 1)
    y = 50 + each[:, None] * (x - 70) + common * shared + scatter[:, None] * generator.normal(size=(tasks + 1, n))
    names = tuple(map(str, range(n)))
    return Cells(tuple(map(str, range(tasks + 1))), names, groups.astype(str), x, y, np.zeros((tasks + 1, n, n)), ())


def rivals(cells: Cells) -> dict[str, float]:
    """Half widths of the other ways' intervals."""
    tasks, n = cells.y.shape
    centred = cells.x - cells.x.mean()
    squares = float(centred @ centred)
    residual = cells.y - cells.y.mean(axis=1, keepdims=True) - cells.slopes[:, None] * centred
    sampling = (residual**2).sum(axis=1) / (n - 2) / squares
    line = (residual.mean(axis=0) ** 2).sum() / (n - 2) / squares
    observed = float(cells.slopes.var(ddof=1)) / tasks
    return {
        "meta-analysis": float(t.isf(0.025, tasks - 1)) * math.sqrt(max(observed, sampling.mean() / tasks)),
        "Wald": float(norm.isf(0.025)) * math.sqrt(line + spread_beyond_noise(cells) ** 2 / tasks),
        "one line": float(t.isf(0.025, n - 2)) * math.sqrt(line),
    }


def wrong(verdict: str, slope: float) -> bool:
    """Whether a verdict claims what is not so of that true slope."""
    return (
        (verdict == "transfers" and slope < SMALLEST_SLOPE)
        or (verdict == "weakly" and slope <= 0)
        or (verdict == "does not" and slope >= SMALLEST_SLOPE)
    )


def line(generator: np.random.Generator, name: str, tasks: int, n: int, studies: int) -> str:
    """What came of so many studies."""
    about = SITUATIONS[name]
    slope: float = about.get("slope", 0.3)
    held = dict.fromkeys(("afield", "meta-analysis", "Wald", "one line"), 0)
    widths, claims, open_, another, apart = [], 0, 0, 0, 0
    for _ in range(studies):
        whole = simulate(generator, tasks, n, **about)
        cells = Cells(whole.tasks[:-1], whole.backbones, whole.groups, whole.x, whole.y[:-1], whole.errors[:-1], ())
        found, narrow = (crossed_slope(cells, level, range(tasks)) for level in (0.95, 0.90))
        assert not isinstance(found, str)
        assert not isinstance(narrow, str)
        mean = found.here.value
        held["afield"] += found.anywhere.holds(slope)
        for rival, reach in rivals(cells).items():
            held[rival] += abs(mean - slope) <= reach
        widths.append(found.anywhere.high - mean)
        verdict, _ = judge(n, found.r, found.anywhere, narrow.anywhere, SMALLEST_SLOPE)
        claims += wrong(verdict, slope)
        open_ += verdict == "cannot tell"
        another += abs(whole.slopes[-1] - mean) <= task_reach(cells.slopes, 0.95) * math.sqrt(1 + 1 / tasks)
        apart += slopes_differ(cells) < 0.05
    shares = " ".join(f"{100 * count / studies:13.1f}" for count in held.values())
    differ = f"{100 * apart / studies:9.1f}" if not about["spread"] and n > tasks else "        -"
    return (
        f"{name:44} {tasks:3} {n:3} {shares} {np.median(widths):7.2f} {100 * claims / studies:6.1f} "
        f"{100 * open_ / studies:6.1f} {100 * another / studies:8.1f} {differ}"
    )


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300, help="a line")
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    print(
        f"{'situation':44} {'T':>3} {'n':>3} {'afield':>13} {'meta-analysis':>13} {'Wald':>13} {'one line':>13} "
        f"{'width':>7} {'wrong':>6} {'open':>6} {'another':>8} {'differ':>9}"
    )
    for name in SITUATIONS:
        for tasks in (2, 3, 6, 12):
            for n in (6, 18):
                print(line(generator, name, tasks, n, arguments.studies), flush=True)


if __name__ == "__main__":
    main()
