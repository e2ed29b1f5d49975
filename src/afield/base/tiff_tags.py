"""What a TIFF file says of its first page, tag by tag, as Pillow reads it; no pixel is opened."""

from __future__ import annotations

from pathlib import Path

from PIL.TiffImagePlugin import ImageFileDirectory_v2

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""how TIFF files begin: little-endian and big-endian, and both with offsets of 64 bits (BigTIFF)"""
FOREIGN = b"MM\0+"
"""the one that Pillow does not open"""


def read_tags(path: Path) -> tuple[ImageFileDirectory_v2, bytes]:
    """The tags of a file's first page, and the four bytes that it begins with.

    Raises OSError where the file cannot be read, and on damage whatever Pillow raises: SyntaxError, struct.error, ...
    """
    with path.open("rb") as stream:
        head = stream.read(8)
        if 43 in head[2:4]:
            head += stream.read(8)
        # Pillow looks for this number where a little-endian file has it; the order of bytes can be told apart from it.
        known = MAGIC[2] + head[4:] if head[:4] == FOREIGN else head
        tags = ImageFileDirectory_v2(known, prefix=head[:2])
        stream.seek(tags.next)
        tags.load(stream)
    return tags, head[:4]
