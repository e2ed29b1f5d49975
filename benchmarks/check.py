"""Does `afield check` find copies, does it cry wolf, and how long does it take? On any folder of images.

    python -m benchmarks.check FOLDER                                  # from the root of the repository
    python -m benchmarks.check images --groups HAM10000_metadata.csv image_id lesion_id

Copies of images drawn at random are planted among all images of the folder: each side cut by 0 to 5 %, the rest resized
by a factor of 0.5 to 1.5, made darker or brighter by up to 10 %, saved as JPEG of quality 40 to 90 (all drawn evenly;
tests/fixtures/copies.py). Found is a copy that ends up linked with its original. A false alarm is a pair of originals
that is found and is no pair of one group; each is printed, for a person to look at: it may be a real copy.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tests.fixtures.copies import altered

from afield.base.process import cores
from afield.base.reading import AS_DECLARED
from afield.images.decode import decode
from afield.images.look import look_at
from afield.images.similar import linked, similar
from afield.scoring.intervals import clopper_pearson

PLANTED = "planted/"


def quiet(done: int, total: int) -> None:
    """Nothing is shown."""


def cpu_seconds() -> float:
    """Of this process and those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Plant, look, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--planted", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--groups", nargs=3, metavar=("TABLE", "ID", "GROUP"))
    arguments = parser.parse_args()
    root = arguments.folder.resolve()
    images = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    groups = {image: image for image in images}
    if arguments.groups:
        table, key, group = arguments.groups
        known = pd.read_csv(table).set_index(key)[group].to_dict()
        groups = {image: str(known[Path(image).stem]) for image in images}

    began, used = time.monotonic(), cpu_seconds()
    looks, broken = look_at(root, images, AS_DECLARED, cores(), quiet)
    alone = similar(looks, groups, cores(), quiet)
    wall, cpu = time.monotonic() - began, cpu_seconds() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(images):,} images, {len(broken)} unreadable, {sum(found.blank for found in looks.values())} blank")
    print(f"{wall:.0f} s on {cores()} cores with {cpu:.0f} s of processor time; {memory:.0f} MiB at most")
    alarms = [pair for pair in alone if groups[pair.first] != groups[pair.second]]
    print(f"pairs among the originals: {len(alone)}, of these {len(alarms)} not of one group")
    for pair in alarms:
        print(f"  {pair.first} = {pair.second}  {'exact' if pair.exact else f'{pair.correlation:.3f}'}")

    generator = np.random.default_rng(arguments.seed)
    chosen = [str(image) for image in generator.choice(sorted(looks), arguments.planted, replace=False)]
    with tempfile.TemporaryDirectory() as folder:
        for position, image in enumerate(chosen):
            (Path(folder) / f"{position}.jpg").write_bytes(altered(Image.fromarray(decode(root / image)), generator))
        copies, _ = look_at(
            Path(folder), [f"{position}.jpg" for position in range(len(chosen))], AS_DECLARED, cores(), quiet
        )
    everything = looks | {PLANTED + name: seen for name, seen in copies.items()}
    pairs = similar(everything, groups | {PLANTED + name: PLANTED + name for name in copies}, cores(), quiet)
    place = {name: position for position, name in enumerate(everything)}
    together = linked(len(place), [place[pair.first] for pair in pairs], [place[pair.second] for pair in pairs])
    found = [together[place[f"{PLANTED}{k}.jpg"]] == together[place[image]] for k, image in enumerate(chosen)]
    share = clopper_pearson(sum(found), len(found))
    print(f"found: {sum(found)} of {len(found)} copies, {share.value:.1%} (95 %: {share.low:.1%} to {share.high:.1%})")
    missed = pd.Series([str(Path(image).parent) for image, hit in zip(chosen, found, strict=True) if not hit])
    print("missed by folder:", missed.value_counts().to_dict())
    original = {f"{PLANTED}{k}.jpg": groups[image] for k, image in enumerate(chosen)}
    ends = [
        (original.get(pair.first, groups.get(pair.first)), original.get(pair.second, groups.get(pair.second)))
        for pair in pairs
    ]
    print(f"pairs of different groups, with the copies among them: {sum(one != other for one, other in ends)}")


if __name__ == "__main__":
    main()
