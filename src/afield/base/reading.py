"""How the files of a task's images become channels, as plain values: what tasks state and the decoder obeys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath

from afield.base.errors import InputError


@dataclass(frozen=True)
class Range:
    """The stored values that become black (`low`) and white (`high`); what lies beyond them is cut off."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"range {self.low:g} to {self.high:g}: must be two numbers, the smaller one first")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Reading:
    """What a task says of its images where the files do not say it themselves, or say it wrongly.

    The first three of several channels meet what a pretrained network has learnt of red, green and blue, and are those
    that a report shows. Raises InputError where channels are none, or not among the files, and where ranges are neither
    one nor as many as the channels.
    """

    range: Range | tuple[Range, ...] | None = None
    """of values of more than eight bits, in place of what each file declares (others are taken as they are); one for
    all, or one for each of `channels`"""
    channels: tuple[int, ...] | None = None
    """the stored channels that the network gets, counted from 0, in its order; without them a file is a picture, whose
    colours become red, green and blue"""
    files: tuple[str, ...] = ()
    """endings of the grey files that make one image together: `train/a` stands for `train/a_red.png` and so on, stored
    channel 0, 1, ... An image whose name has an ending of its own is one file that holds them all"""

    def __post_init__(self) -> None:
        if self.channels is None:
            if self.files:
                raise InputError("reading: files without channels; name the channels that the network gets")
        elif not self.channels or min(self.channels) < 0:
            raise InputError(f"reading: channels = {self.channels}: must be positions from 0, one at least")
        elif self.files and max(self.channels) >= len(self.files):
            raise InputError(
                f"reading: channels = {self.channels}: counted from 0, an image of {len(self.files)} files has none of "
                f"number {max(self.channels)}"
            )
        if isinstance(self.range, tuple) and len(self.range) != len(self.channels or ()):
            raise InputError(
                f"reading: {len(self.range)} ranges for channels = {self.channels}; state one for all, or one for each "
                "that is named"
            )

    @property
    def count(self) -> int:
        """Channels that the network gets."""
        return 3 if self.channels is None else len(self.channels)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The stated range of each channel that the network gets."""
        return self.range if isinstance(self.range, tuple) else (self.range,) * self.count

    def files_of(self, image: str) -> tuple[str, ...]:
        """The files that are read for an image, as paths: one, or one for each of `channels`.

        >>> Reading(channels=(1, 0), files=("_red.png", "_green.png", "_blue.png")).files_of("train/a")
        ('train/a_green.png', 'train/a_red.png')
        """
        if not self.files or PurePath(image).suffix:
            return (image,)
        return tuple(image + self.files[channel] for channel in self.channels or ())


AS_DECLARED = Reading()
"""files are read as they say themselves"""
