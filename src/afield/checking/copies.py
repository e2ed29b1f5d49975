"""Copies of pictures by group: which groups they link, which of these reach over splits, where labels differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from afield.base.text import count
from afield.checking.findings import Example, Finding, Picture
from afield.images.similar import Pair, linked
from afield.tasks.labels import UNKNOWN
from afield.tasks.task import in_order

SHOWN = 24
"""cases of a finding that the page shows"""
many = partial(count, say="{:,}".format)
"""`1,200 images`"""
_APART = (
    "keep one of each, or give copies one group so that they stay on one side of a split "
    "(--groups FILE.csv writes such groups)"
)
_SAME = "the same after resizing, cutting, compressing or brightening"


@dataclass(frozen=True)
class Samples:
    """What a task says of its images: rows of its table by image."""

    splits: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[object, ...]]
    """the different labels of an image's samples"""
    group: Mapping[str, str]
    grouped: bool
    """whether the task has groups of more than one image"""
    words: Callable[[object], str]
    """a label in words"""

    def picture(self, image: str, readable: bool = True) -> Picture:
        """An image with what is said of it."""
        return Picture(
            image=image,
            split=", ".join(self.splits[image]),
            label=" / ".join(self.words(label) for label in self.labels[image]),
            group=self.group[image] if self.grouped else "",
            readable=readable,
        )

    def crosses(self, pair: Pair) -> bool:
        """Whether two copies lie in different splits."""
        return len({*self.splits[pair.first], *self.splits[pair.second]}) > 1

    def disagree(self, pair: Pair) -> bool:
        """Whether two copies have labels that cannot both be right."""
        return any(differ(one, other) for one in self.labels[pair.first] for other in self.labels[pair.second])


def samples_of(table: pd.DataFrame, words: Callable[[object], str]) -> Samples:
    """The rows of a table (`split_samples`) by image."""
    splits: dict[str, list[str]] = {}
    labels: dict[str, list[object]] = {}
    group: dict[str, str] = {}
    whole = table["box"] == "" if "box" in table else [True] * len(table)  # parts of a picture may well differ
    columns = (table[name].tolist() for name in ("image", "split", "label", "group"))
    for image, split, label, name, alone in zip(*columns, whole, strict=True):
        splits.setdefault(image, []).append(split)
        labels.setdefault(image, [])
        if alone:
            labels[image].append(label)
        group.setdefault(image, name)
    return Samples(
        splits={image: tuple(dict.fromkeys(several)) for image, several in splits.items()},
        labels={image: tuple(dict.fromkeys(several)) for image, several in labels.items()},
        group=group,
        grouped=len(set(group.values())) < len(group),
        words=words,
    )


def differ(one: object, other: object) -> bool:
    """Whether two labels cannot both be right: other classes, or vectors that differ where both are known.

    >>> differ(1, 1), differ(0, 1), differ((1, -1), (1, 0)), differ((1, -1), (0, -1))
    (False, True, False, True)
    """
    if isinstance(one, tuple) and isinstance(other, tuple):
        return any(a != b and UNKNOWN not in (a, b) for a, b in zip(one, other, strict=True))
    return one != other


def copies(pairs: Sequence[Pair], samples: Samples) -> list[Finding]:
    """Findings of copies: across splits, with two labels, and within a split.

    They are counted by what they link: all groups that share pictures with each other, directly or over others, are one
    case, however many pictures they share.
    """
    found = _torn_images(samples)
    cases = _cases(pairs, samples)
    across = [case for case in cases if any(samples.crosses(pair) for pair in case)]
    within = [case for case in cases if not any(samples.crosses(pair) for pair in case)]
    for exact in (True, False):
        kind = "equal in every pixel" if exact else _SAME
        chosen = [case for case in across if any(pair.exact and samples.crosses(pair) for pair in case) == exact]
        if chosen:
            told = f"{_counted(chosen, samples)}, {kind}"
            name = "Exact copies across splits" if exact else "Near copies across splits"
            found.append(Finding(name, True, told, _APART, _shown(chosen, samples, samples.crosses)))
    found += _two_labels(pairs, samples)
    for exact in (True, False):
        chosen = [case for case in within if any(pair.exact for pair in case) == exact]
        if chosen:
            told = f"{_counted(chosen, samples)}, {'equal in every pixel' if exact else _SAME}"
            name = "Exact copies within a split" if exact else "Near copies within a split"
            advice = "they count twice, and intervals take them for independent; drop all but one, or group them"
            found.append(Finding(name, False, told, advice, _shown(chosen, samples)))
    return found


def groups_with_copies(table: pd.DataFrame, pairs: Sequence[Pair], samples: Samples) -> dict[str, str]:
    """Sample id -> group: the task's own groups, those that share a picture as one, named by the first of them."""
    name = _joined(pairs, samples)
    return {sample: name[group] for sample, group in zip(table["id"], table["group"], strict=True)}


def _joined(pairs: Sequence[Pair], samples: Samples) -> dict[str, str]:
    """Group -> the first, in sorted order, of all groups that are linked with it."""
    groups = sorted(set(samples.group.values()))
    position = {group: place for place, group in enumerate(groups)}
    ends = [[position[samples.group[image]] for image in (pair.first, pair.second)] for pair in pairs]
    first, second = np.array(ends, np.int64).reshape(-1, 2).T
    leader: dict[int, str] = {}
    return {
        group: leader.setdefault(int(number), group)
        for group, number in zip(groups, linked(len(groups), first, second), strict=True)
    }


def _cases(pairs: Sequence[Pair], samples: Samples) -> list[list[Pair]]:
    joined = _joined(pairs, samples)
    cases: dict[str, list[Pair]] = {}
    for pair in pairs:
        cases.setdefault(joined[samples.group[pair.first]], []).append(pair)
    return [cases[name] for name in sorted(cases)]


def _torn_images(samples: Samples) -> list[Finding]:
    """Files that are named in several splits."""
    torn = sorted(image for image, splits in samples.splits.items() if len(splits) > 1)
    if not torn:
        return []
    examples = tuple(Example((samples.picture(image),), "one file, in several splits") for image in torn[:SHOWN])
    return [Finding("Images in more than one split", True, many(len(torn), "image"), _APART, examples)]


def _counted(cases: Sequence[Sequence[Pair]], samples: Samples) -> str:
    """`3 cases of 7 images (4 train, 3 test)`, with groups where there are some."""
    images = {image for case in cases for pair in case for image in (pair.first, pair.second)}
    numbers = Counter(split for image in images for split in samples.splits[image])
    splits = ", ".join(f"{numbers[split]} {split}" for split in in_order(numbers))
    groups = {samples.group[image] for image in images}
    of = f" of {many(len(groups), 'group')}" if samples.grouped else ""
    return f"{many(len(cases), 'case')}: {many(len(images), 'image')}{of} ({splits})"


def _shown(
    cases: Sequence[Sequence[Pair]], samples: Samples, telling: Callable[[Pair], bool] = lambda pair: True
) -> tuple[Example, ...]:
    """One pair a case, of those that tell."""
    pairs = [next(pair for pair in case if telling(pair)) for case in cases]
    return tuple(_example(pair, samples) for pair in pairs[:SHOWN])


def _example(pair: Pair, samples: Samples) -> Example:
    told = "equal pixels" if pair.exact else f"details correlate by {pair.correlation:.3f}"
    return Example((samples.picture(pair.first), samples.picture(pair.second)), told)


def _two_labels(pairs: Sequence[Pair], samples: Samples) -> list[Finding]:
    """Pictures with two labels: certain where pixels are equal; a near copy may differ in what its label tells."""
    own = [image for image, labels in samples.labels.items() if any(differ(labels[0], label) for label in labels)]
    exact = [pair for pair in pairs if pair.exact and samples.disagree(pair)]
    near = [pair for pair in pairs if not pair.exact and samples.disagree(pair)]
    found = []
    if own or exact:
        examples = [Example((samples.picture(image),), "one file, several samples") for image in sorted(own)]
        examples += [_example(pair, samples) for pair in exact]
        told = f"{many(len(examples), 'picture')} with labels that cannot both be right, equal in every pixel"
        advice = "look at each and correct its label, or drop it: training and scoring take both for true"
        found.append(Finding("One picture, two labels", True, told, advice, tuple(examples[:SHOWN])))
    if near:
        told = f"{many(len(near), 'pair')} of near copies with labels that cannot both be right"
        advice = "look at each: a wrong label, or two moments of one scene"
        biases = any(samples.crosses(pair) for pair in near)
        examples = [_example(pair, samples) for pair in near]
        found.append(Finding("Near copies, two labels", biases, told, advice, tuple(examples[:SHOWN])))
    return found
