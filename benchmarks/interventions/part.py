"""Keep a part of a split: every so-manieth image (or lesion, where images belong together) of train, validation, test.

For instance:

    afield tasks splits eurosat --data DIR --out eurosat.csv
    python benchmarks/interventions/part.py eurosat.csv --train 18 --validation 6 --test 3 --out eurosat_part.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SPLITS = ("train", "validation", "test")


def part_of(table: pd.DataFrame, every: dict[str, int]) -> pd.DataFrame:
    """The rows of the first, and then of each `every[split]`-th group of a split and label, in the table's order."""
    groups = table["group"].fillna(table["id"]) if "group" in table else table["id"]
    first = ~pd.DataFrame({"split": table["split"], "group": groups}).duplicated()
    place = table[first].groupby(["split", "label"]).cumcount()
    kept = place % table.loc[first, "split"].map(every) == 0
    chosen = set(zip(table.loc[first, "split"][kept], groups[first][kept], strict=True))
    return table[[pair in chosen for pair in zip(table["split"], groups, strict=True)]]


def main() -> None:
    """Read, choose, write, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", type=Path)
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=int, default=1, help="one in so many is kept")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    kept = part_of(pd.read_csv(asked.table), {split: getattr(asked, split) for split in SPLITS})
    kept.to_csv(asked.out, index=False)
    print(f"{asked.out}: " + ", ".join(f"{n:,} {split}" for split, n in kept["split"].value_counts().items()))


if __name__ == "__main__":
    main()
