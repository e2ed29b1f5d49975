"""Whether all of a JPEG or PNG is there. Pillow fills in grey or black what is missing where a file ends in good order.

That happens to a download that was cut and closed by a tool, or written into a file of the full size beforehand, and to
a file that lies about its height. All other formats, and files that simply end too early, Pillow refuses itself.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from afield.images.stored import UnreadableImage

SCAN_LIMIT = 100
"""scans of a progressive JPEG; each costs a pass over all pixels, and encoders make about ten"""
_TAIL = 16
"""zero bytes at the end of a file that make it suspect"""
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""what ends the compressed bytes of a scan: all markers but restarts"""
_FILLERS = tuple(
    b"".join(bytes((start + 97 * place) % 255 for place in range(500)) + bytes([255, 0xD0 + mark]) for mark in range(8))
    for start in (0x5A, 0xA5)
)
"""bytes that a JPEG decoder takes for pixels, with each of the restart markers"""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""first column, first row and their steps in each pass of an interlaced PNG"""
_INFLATED = 1 << 20
"""bytes that are inflated at once"""


def check_scans(path: Path) -> None:
    """Refuse a progressive JPEG that lacks scans, or has more than SCAN_LIMIT; to be asked before it is decoded."""
    sent: dict[int, list[int]] = {}
    scans = 0
    for kind, _, segment in _segments(path.read_bytes()):
        if kind in (0xC2, 0xCA):
            sent = {segment[6 + 3 * index]: [16] * 64 for index in range(segment[5])}
        elif kind == 0xDA:
            scans += 1
            first, last, approximation = segment[-3:]
            for component in segment[1:-3:2]:
                sent[component][first : last + 1] = [approximation & 15] * (last + 1 - first)
        if scans > SCAN_LIMIT:
            raise UnreadableImage(f"{path}: has more than {SCAN_LIMIT} scans; save it again")
    # What counts is the lowest bit of each coefficient that was sent.
    if any(any(lowest) for lowest in sent.values()):
        raise UnreadableImage(f"{path}: is cut: it lacks the last of its {scans} scans; restore the image or drop it")


def check_jpeg(path: Path, image: Image.Image) -> None:
    """Refuse a JPEG, already decoded, whose last pixels are not in the file.

    Missing blocks come out as middle grey. Where the last pixel is that, the picture is decoded again with other bytes
    behind its own: a whole one stays as it is.
    """
    last = image.getpixel((image.width - 1, image.height - 1))
    grey = all(value in (127, 128) for value in (last if isinstance(last, tuple) else (last,)))
    if not grey and not _ends_in_zeros(path):
        return
    data = path.read_bytes()
    end = next((start for kind, start, _ in _segments(data) if kind == 0xD9), None)
    if end is None:
        raise UnreadableImage(f"{path}: is cut: its end is missing; restore the image or drop it")
    if grey:
        found = np.asarray(image)
        for filler in _FILLERS:
            with Image.open(io.BytesIO(data[:end] + filler + b"\xff\xd9"), formats=("JPEG",)) as again:
                if not np.array_equal(np.asarray(again), found):
                    raise UnreadableImage(f"{path}: is cut: it lacks some of its pixels; restore the image or drop it")


def _ends_in_zeros(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-min(_TAIL, path.stat().st_size), io.SEEK_END)
        return not any(stream.read())


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, its place and the bytes of the segment after its length, of the first picture in a JPEG file, up to its
    end (0xD9), if it has one.
    """
    place = 2
    while found := _MARKER.search(data, place):
        kind, place = found[1][0], found.end()
        if kind in (0x01, 0xD8):  # those without a length
            continue
        if kind == 0xD9:
            yield kind, found.start(), b""
            return
        length = int.from_bytes(data[place : place + 2], "big")
        if place + length > len(data):
            return
        yield kind, found.start(), data[place + 2 : place + length]
        place += length


def check_png(path: Path, image: Image.Image) -> None:
    """Refuse a PNG, already decoded, whose compressed bytes end in good order before the last row.

    Missing rows come out as zeros, so the bytes are counted only where the last pixel is zero, or rows are interlaced.
    """
    last = image.getpixel((image.width - 1, image.height - 1))
    if any(last if isinstance(last, tuple) else (last,)) and not image.info.get("interlace"):
        return
    with path.open("rb") as stream:
        expected = _inflated_bytes(stream.read(29))
        inflater, found = zlib.decompressobj(), 0
        for kind, length in png_chunks(stream):
            piece = stream.read(length) if kind == b"IDAT" else b""
            while piece and found < expected:
                found += len(inflater.decompress(piece, _INFLATED))
                piece = inflater.unconsumed_tail
        found += len(inflater.flush()) if found < expected else 0
    if found < expected:
        raise UnreadableImage(f"{path}: is cut: it lacks some of its pixels; restore the image or drop it")


def _inflated_bytes(head: bytes) -> int:
    """How long the rows of a PNG are altogether, by its header."""
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", head[16:29])
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    sizes = [
        (-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in (_ADAM7 if interlaced else ((0, 0, 1, 1),))
    ]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0)


def png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk of a PNG, with the stream at the beginning of its bytes."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, place = int.from_bytes(head[:4], "big"), stream.tell()
        yield head[4:], length
        stream.seek(place + length + 4)
