"""What was seen of images (`look`), kept by their bytes, so that whoever asks again decodes none of them again."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import PIL

from afield.base.files import write_atomic
from afield.base.hashing import digest
from afield.base.reading import Reading
from afield.images.decode import DECODER_VERSION
from afield.images.look import BITS, Look, in_turn

LOOK_VERSION = 1
"""raised whenever another look would be had of the same image"""


def kept_looks(
    root: Path,
    hashes: Mapping[str, str],
    reading: Reading,
    cache: Path,
    processes: int,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, Look], dict[str, str]]:
    """What was seen of each image by its sha256, and for those that cannot be used (paths below `root`) the reason.

    `hashes` are the images' sha256 by path; equal bytes are seen once. Looks are kept in one file below `cache` for
    each `root` and `reading`. `processes` decode at once. `progress(done, all)` is told after each image that is
    decoded, and may raise to stop; what was seen until then is kept. Raises AfieldError where a process was killed.
    """
    rules = {"look": LOOK_VERSION, "decoder": DECODER_VERSION, "pillow": PIL.__version__, "reading": asdict(reading)}
    store = cache / "looks" / f"{digest([str(root), rules])}.npz"
    known = _known(store)
    wanted = {sha256: image for image, sha256 in sorted(hashes.items(), reverse=True)}
    unseen = sorted(image for sha256, image in wanted.items() if sha256 not in known)
    found: dict[str, Look] = {}
    reasons: dict[str, str] = {}
    try:
        with closing(in_turn(root, unseen, reading, processes)) as results:
            for done, (image, seen) in enumerate(zip(unseen, results, strict=True), start=1):
                if isinstance(seen, Look):
                    found[hashes[image]] = seen
                else:
                    reasons[image] = seen
                progress(done, len(unseen))
    finally:
        if found:
            _write(store, known | found)
    known |= found
    return {sha256: known[sha256] for sha256 in wanted if sha256 in known}, reasons


def _write(store: Path, looks: Mapping[str, Look]) -> None:
    seen = list(looks.values())
    columns = {
        "sha256": np.array(list(looks)),
        "sizes": np.array([(each.height, each.width) for each in seen]),
        "grey": np.array([each.grey for each in seen]),
        "means": np.array([each.means for each in seen]),
        "deviations": np.array([each.deviations for each in seen]),
        "contrast": np.array([each.contrast for each in seen]),
        "pixels": np.array([each.pixels for each in seen]),
        "bits": np.packbits([each.bits for each in seen], axis=1),
        "small": np.stack([each.small for each in seen]),
    }
    write_atomic(store, lambda path: np.savez(path, **columns))  # type: ignore[arg-type]


def _known(store: Path) -> dict[str, Look]:
    """Looks by sha256 from earlier calls; none where there is no sound file, for all can be had again."""
    try:
        with store.open("rb") as stream, np.load(stream) as columns:
            kept = {name: columns[name] for name in columns.files}
        bits = np.unpackbits(kept["bits"], axis=1, count=BITS).astype(bool)
        return {
            sha256: Look(
                height=height,
                width=width,
                grey=bool(kept["grey"][row]),
                means=tuple(kept["means"][row].tolist()),
                deviations=tuple(kept["deviations"][row].tolist()),
                contrast=float(kept["contrast"][row]),
                pixels=str(kept["pixels"][row]),
                bits=bits[row],
                small=kept["small"][row],
            )
            for row, (sha256, (height, width)) in enumerate(
                zip(kept["sha256"].tolist(), kept["sizes"].tolist(), strict=True)
            )
        }
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        return {}
