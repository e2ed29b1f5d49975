"""Prepared images: decoded and resized once, then memory-mapped bytes that all trials share. Needs no torch."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from afield.base.errors import InputError, StoreError
from afield.base.files import remove_abandoned, temporary_prefix, write_atomic, write_error, write_json
from afield.base.hashing import digest
from afield.base.reading import AS_DECLARED, Reading
from afield.base.text import count
from afield.images.decode import DECODER_VERSION, stored_size
from afield.images.readers import in_order
from afield.images.rule import Rule, prepare_file, resized
from afield.tasks.boxes import WHOLE
from afield.tasks.boxes import pixels as pixels_of

SHOWN = 20
"""broken images that one message names; the rest are counted"""
_HEADS = 200
"""images whose heads are read to estimate the bytes of all"""


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """n prepared images in one read-only file; pickled as the folder's path, so that processes share the bytes."""

    folder: Path
    pixels: npt.NDArray[np.uint8]
    """[bytes] all images one after the other, each [height, width, channels]; a read-only memory map"""
    offsets: npt.NDArray[np.int64]
    """[n + 1] where each image begins"""
    sizes: npt.NDArray[np.int32]
    """[n, 2] height and width as prepared"""
    originals: npt.NDArray[np.int32]
    """[n, 2] height and width of the full images, upright"""
    channels: int = 3

    def __len__(self) -> int:
        return len(self.sizes)

    def __reduce__(self) -> tuple[Callable[[Path], PreparedImages], tuple[Path]]:
        return open_prepared, (self.folder,)

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """The image [height, width, channels] as a read-only view."""
        height, width = self.sizes[index]
        return self.pixels[self.offsets[index] : self.offsets[index + 1]].reshape(height, width, self.channels)


def prepare(
    data_root: Path,
    images: Sequence[str],
    hashes: Sequence[str],
    rule: Rule,
    cache: Path,
    processes: int,
    progress: Callable[[int, int], None],
    reading: Reading = AS_DECLARED,
    boxes: Sequence[str] = (),
) -> Path:
    """Prepare images (paths below `data_root`, with their sha256) and return the folder for `open_prepared`.

    The folder is named by the images' hashes, the rule, the versions of our decoder and of Pillow, which make the
    bytes, by `reading` where a task states one, and by `boxes` (one an image, `boxes.written`) where parts of the
    images are shown; one that is there is whole and used again. `progress(done, all)` is told after each image and may
    raise to stop. `processes` decode at once; 1 works in this process. Raises BrokenImagesError that lists all that are
    broken, StoreError where the disk is too small or cannot be written, AfieldError where a process was killed.
    """
    folder = place_of(hashes, rule, cache, reading, boxes)
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder.parent)
        _check_space(estimate_bytes(data_root, images, rule, reading, boxes), folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=folder.parent))
        try:
            shown = [(data_root / image, box) for image, box in zip(images, boxes or _whole(images), strict=True)]
            _write(temporary, shown, rule, processes, progress, reading)
            _put(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise write_error(folder, error) from error
    return folder


def place_of(
    hashes: Sequence[str], rule: Rule, cache: Path, reading: Reading = AS_DECLARED, boxes: Sequence[str] = ()
) -> Path:
    """The folder that `prepare` makes of such images; one that is there is whole."""
    name = digest(
        {"images": list(hashes), "rule": asdict(rule), "decoder": DECODER_VERSION, "pillow": PIL.__version__}
        | ({} if reading == AS_DECLARED else {"reading": asdict(reading)})
        | ({"boxes": list(boxes)} if any(boxes) else {})
    )
    return cache / "prepared" / name


def open_prepared(folder: Path) -> PreparedImages:
    """Map a folder that `prepare` made. Raises StoreError where it is not whole."""
    try:
        with np.load(folder / "index.npz") as index:
            offsets, sizes, originals = index["offsets"], index["sizes"], index["originals"]
            channels = int(index["channels"])
        pixels = np.memmap(folder / "pixels.bin", np.uint8, "r")
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{folder}: prepared images cannot be read ({error}); delete the folder, it is made again"
        ) from error
    if len(pixels) != offsets[-1]:
        raise StoreError(
            f"{folder}: {len(pixels):,} bytes instead of {offsets[-1]:,}; delete the folder, it is made again"
        )
    return PreparedImages(folder, np.asarray(pixels), offsets, sizes, originals, channels)


def estimate_bytes(
    data_root: Path, images: Sequence[str], rule: Rule, reading: Reading = AS_DECLARED, boxes: Sequence[str] = ()
) -> int:
    """Bytes that the prepared images take: exact for evaluation, estimated from some 200 images' heads for training."""
    if rule.kind == "evaluation":
        return reading.count * len(images) * rule.size**2
    areas = []
    shown = list(zip(images, boxes or _whole(images), strict=True))
    for image, box in shown[:: max(1, len(images) // _HEADS)]:
        try:
            top, bottom, left, right = pixels_of(box, *stored_size(data_root / image, reading))
        except InputError:  # preparing names it, together with all the others that are broken
            continue
        areas.append(math.prod(resized(right - left, bottom - top, rule)))
    return int(reading.count * len(images) * np.mean(areas)) if areas else 0


def _whole(images: Sequence[str]) -> list[str]:
    return [WHOLE] * len(images)


class BrokenImagesError(InputError):
    """Images that cannot be read: a complaint of each, and among how many they are."""

    def __init__(self, complaints: Sequence[str], images: int) -> None:
        self.complaints, self.images = tuple(complaints), images
        super().__init__(f"{self.counted()} cannot be used:\n{self.listed(SHOWN)}")

    def counted(self) -> str:
        """How many they are, of how many."""
        return f"{len(self.complaints)} of {count(self.images, 'image')}"

    def listed(self, shown: int) -> str:
        """The first complaints, a line each; the rest are counted."""
        more = [f"and {len(self.complaints) - shown} more"] if len(self.complaints) > shown else []
        return "\n".join([*self.complaints[:shown], *more])


def refuse_broken(complaints: Sequence[str], images: int) -> None:
    """Raise BrokenImagesError for what cannot be read of so many images, where there is any."""
    if complaints:
        raise BrokenImagesError(complaints, images)


def _check_space(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StoreError(
            f"{folder}: prepared images take about {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free; "
            f"free {(needed - free) / 1e9:.2f} GB or let AFIELD_CACHE name a folder on a larger disk"
        )


@dataclass(frozen=True)
class _Done:
    """One image's prepared pixels and full height and width, or why there are none."""

    pixels: npt.NDArray[np.uint8] | None
    original: tuple[int, int]
    error: str = ""


def _prepare_one(shown: tuple[Path, str], rule: Rule, reading: Reading) -> _Done:
    path, box = shown
    try:
        return _Done(*prepare_file(path, rule, reading, box))
    except InputError as error:
        return _Done(None, (0, 0), str(error))


def _write(
    folder: Path,
    images: list[tuple[Path, str]],
    rule: Rule,
    processes: int,
    progress: Callable[[int, int], None],
    reading: Reading,
) -> None:
    """Fill a folder with pixels, index and rule. `images` are paths with boxes; all broken ones are told together."""
    sizes, originals = np.zeros((len(images), 2), np.int32), np.zeros((len(images), 2), np.int32)
    broken = []
    work = in_order(partial(_prepare_one, rule=rule, reading=reading), images, processes)
    with (folder / "pixels.bin").open("wb") as stream, closing(work) as results:
        for position, done in enumerate(results):
            if done.pixels is None:
                broken.append(done.error)
            else:
                stream.write(np.ascontiguousarray(done.pixels).data)
                sizes[position], originals[position] = done.pixels.shape[:2], done.original
            progress(position + 1, len(images))
        stream.flush()
        os.fsync(stream.fileno())
    refuse_broken(broken, len(images))
    lengths = reading.count * sizes.astype(np.int64).prod(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    channels = np.int64(reading.count)
    write_atomic(
        folder / "index.npz",
        lambda path: np.savez(path, offsets=offsets, sizes=sizes, originals=originals, channels=channels),
    )
    write_json(folder / "rule.json", asdict(rule))


def _put(temporary: Path, folder: Path) -> None:
    """Give the finished folder its name; where another process was first, its equal folder stays."""
    temporary.chmod(0o755)
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
