"""How often does a candidate's interval hold it, where backbones come in families?

    python -m benchmarks.candidate [--studies 400]                   # from the root of the repository

Backbones of families that share a part of what they deviate by, and one more: of a family of its own, or of one that is
there. A line a situation; the share of candidates, in per cent, that the 95 % interval holds, and its median half
width (a backbone deviates by 1): by the scatter of single backbones, and as `analysis.ranking.candidate` makes it.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from afield.analysis.ranking.candidate import against_the_line


def candidate(generator: np.random.Generator, families: int, members: int, shared: float, *, kin: bool) -> pd.DataFrame:
    """A results table of one study in points, its last backbone the candidate."""
    own = np.append(np.repeat(np.arange(families), members), 0 if kin else families)
    x = 70 + 6 * generator.normal(size=families + 1)[own] + 4 * generator.normal(size=len(own))
    deviation = np.sqrt(shared) * generator.normal(size=families + 1)[own]
    deviation += np.sqrt(1 - shared) * generator.normal(size=len(own))
    return pd.DataFrame(
        {
            "backbone": [f"net{place}" for place in range(len(own))],
            "family": [f"family{each}" for each in own],
            "imagenet_top1": x,
            "task": "simulated",
            "metric": "accuracy",
            "direction": "higher",
            "value": 0.5 + (0.3 * (x - 70) + deviation) / 100,
            "low": np.nan,
            "high": np.nan,
            "n_test": np.nan,
            "seed": 0,
            "initialisation": "pretrained",
            "intervention": "plain",
        }
    )


def line(generator: np.random.Generator, families: int, members: int, shared: float, studies: int, *, kin: bool) -> str:
    """What came of so many studies."""
    held, widths = np.zeros(2), np.zeros((studies, 2))
    for study in range(studies):
        table = candidate(generator, families, members, shared, kin=kin)
        for place, each in enumerate((table.assign(family=""), table)):
            (found,) = against_the_line(each, table["backbone"].iloc[-1])
            held[place] += not found.clear
            widths[study, place] = 100 * (found.expected.high - found.expected.value)
    shares, middle = 100 * held / studies, np.median(widths, axis=0)
    whose = "there" if kin else "its own"
    return (
        f"{families:8} {members:7} {shared:6.1f} {whose:>8} {shares[0]:8.1f} {middle[0]:6.2f} {shares[1]:8.1f} "
        f"{middle[1]:6.2f}"
    )


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=400, help="a line")
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    heads = ["families", "members", "shared", "family", "single", "width", "afield", "width"]
    print(" ".join(f"{head:>{size}}" for head, size in zip(heads, (8, 7, 6, 8, 8, 6, 8, 6), strict=True)))
    for families, members in ((4, 3), (6, 3), (10, 2), (4, 8), (8, 5)):
        for shared in (0.0, 0.5, 0.8):
            for kin in (False, True):
                print(line(generator, families, members, shared, arguments.studies, kin=kin), flush=True)


if __name__ == "__main__":
    main()
