"""What a check found, as plain values that text and page are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from afield.base.reading import Reading
from afield.tasks.task import Protocol


@dataclass(frozen=True)
class Picture:
    """An image, and what its samples say of it."""

    image: str
    """path below the task's folder"""
    split: str
    label: str
    group: str
    """empty where the task has no groups"""
    readable: bool = True


@dataclass(frozen=True)
class Example:
    """One case of a finding: a picture or two, and what is to be seen in them."""

    pictures: tuple[Picture, ...]
    told: str


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found, with how often."""

    name: str
    """what it is, in a few words"""
    biases: bool
    """whether a result would be biased, so that the check alarms"""
    told: str
    """how often, in a sentence"""
    advice: str
    examples: tuple[Example, ...] = ()
    """some of the cases, in sorted order"""


@dataclass(frozen=True)
class ClassRow:
    """What there is of one class."""

    name: str
    counts: Mapping[str, int]
    share: float
    """of all samples, 0 to 1"""
    size: str
    """the most frequent width x height"""
    brightness: float
    """mean of all channels, 0 to 255"""
    contrast: float
    """mean of the images' standard deviations of grey"""


@dataclass(frozen=True)
class Check:
    """All that a check found of a task."""

    task: str
    title: str
    protocol: Protocol
    root: Path
    reading: Reading
    images: int
    counts: Mapping[str, int]
    """samples by split"""
    findings: tuple[Finding, ...]
    """the most important first"""
    facts: tuple[tuple[str, str], ...]
    """sizes and channels"""
    classes: tuple[ClassRow, ...]
    groups: Mapping[str, str]
    """sample id -> a group in which copies of a picture, and the task's own groups, are together"""
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    """where the images of further data sets lie, which are not below root"""

    @property
    def biased(self) -> bool:
        """Whether anything was found that would bias a result."""
        return any(finding.biases for finding in self.findings)
