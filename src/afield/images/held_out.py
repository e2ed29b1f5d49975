"""Which added images are copies, exact or near, of images that are held out of training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import PIL

from afield.base.files import write_text
from afield.base.hashing import digest
from afield.base.reading import Reading
from afield.images.decode import DECODER_VERSION
from afield.images.kept_looks import kept_looks
from afield.images.look import Look
from afield.images.prepared import refuse_broken
from afield.images.similar import Pair, alike, linked, similar

COPIES_VERSION = 1
"""raised whenever other pairs would be found"""
Progress = Callable[[str, int, int], None]
"""told what is being done, how much of it is done, and of how much"""


@dataclass(frozen=True)
class Images:
    """Images below a folder."""

    root: Path
    hashes: Mapping[str, str]
    """sha256 by path below root"""


@dataclass(frozen=True)
class Copies:
    """What was found of added images, all told by their bytes (sha256)."""

    exact: Mapping[str, str]
    """an added image -> the held-out one that has equal pixels"""
    near: Mapping[str, str]
    """an added image -> a held-out one that shows the same picture, directly or over other images"""
    alike: bool
    """all images share so much of their detail that near copies could not be looked for"""


def copies_of_held_out(
    held: Images, added: Sequence[Images], reading: Reading, cache: Path, processes: int, progress: Progress
) -> Copies:
    """Find the added images that are pictures of the held-out ones (`similar` says which are), whatever their files'
    format, size or quality. Added images are not compared with each other, nor held-out ones.

    Kept below `cache` is what was found of the same sets of bytes, and what was seen of each image (`kept_looks`), so
    that none is decoded twice. `processes` decode at once. `progress` may raise to stop; what was seen until then is
    kept. Raises InputError that lists images which cannot be read.
    """
    hashes = [sorted({sha for images in part for sha in images.hashes.values()}) for part in ([held], added)]
    rules = {"version": COPIES_VERSION, "decoder": DECODER_VERSION, "pillow": PIL.__version__}
    store = cache / "copies" / f"{digest([hashes, rules, asdict(reading)])}.json"
    known = _known(store)
    if known is None:
        known = _compared(held, added, reading, cache, processes, progress)
        write_text(store, json.dumps(asdict(known)))
    return known


def _known(store: Path) -> Copies | None:
    """What an earlier call found; None where there is no sound file, for all can be found again."""
    try:
        found = json.loads(store.read_text(encoding="utf-8"))
        return Copies(dict(found["exact"]), dict(found["near"]), bool(found["alike"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _compared(
    held: Images, added: Sequence[Images], reading: Reading, cache: Path, processes: int, progress: Progress
) -> Copies:
    looks: dict[str, Look] = {}
    broken: list[str] = []
    count = 0
    for images in (held, *added):
        found, reasons = kept_looks(
            images.root,
            images.hashes,
            reading,
            cache,
            processes,
            lambda done, total: progress("looking for copies, reading", done, total),
        )
        looks |= found
        broken += [f"{images.root / image}: {reason}" for image, reason in reasons.items()]
        count += len(set(images.hashes.values()))
    refuse_broken(broken, count)
    kin = {sha: "added" for images in added for sha in images.hashes.values()}
    kin |= dict.fromkeys(held.hashes.values(), "held out")  # the same bytes on both sides are held out, and copies
    pairs = similar(looks, kin, processes, lambda done, total: progress("looking for copies, comparing", done, total))
    return _sorted_out(looks, kin, pairs, {sha for images in added for sha in images.hashes.values()})


def _sorted_out(looks: Mapping[str, Look], kin: Mapping[str, str], pairs: Sequence[Pair], added: set[str]) -> Copies:
    """Pairs as copies: whatever pairs link with a held-out image, directly or over others, is one of it."""
    names = sorted(looks)
    place = {name: position for position, name in enumerate(names)}
    ends = np.array([[place[pair.first], place[pair.second]] for pair in pairs], np.int64).reshape(-1, 2)
    parts = linked(len(names), ends[:, 0], ends[:, 1])
    held_pixels: dict[str, str] = {}
    held_parts: dict[int, str] = {}
    for name in names:
        if kin[name] == "held out":
            held_pixels.setdefault(looks[name].pixels, name)
            held_parts.setdefault(int(parts[place[name]]), name)
    equal = [name for name in names if name in added and looks[name].pixels in held_pixels]
    exact = {name: held_pixels[looks[name].pixels] for name in equal}
    near = {
        name: held_parts[part]
        for name in names
        if name in added and name not in exact and (part := int(parts[place[name]])) in held_parts
    }
    return Copies(exact, near, alike(looks))
