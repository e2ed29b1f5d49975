"""What an intervention made of a training split: told in the plan, kept with the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from afield.base.text import count
from afield.tasks.reviewed import Reviewed


@dataclass(frozen=True)
class Added:
    """The images of a further data set that joined a training split, and those that did not."""

    name: str
    samples: int
    """that were added"""
    exact: Mapping[str, str] = field(default_factory=dict)
    """images left out since they equal one of validation or test in every pixel, each with that one"""
    near: Mapping[str, str] = field(default_factory=dict)
    """images left out since they show the same picture as one of validation or test, each with that one"""
    grouped: int = 0
    """samples left out since their group (a patient, a place) is in validation or test"""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """images left out since they cannot be read, each with the reason"""
    alike: bool = False
    """all images share so much of their detail that only exact copies could be looked for"""


@dataclass(frozen=True)
class TrainingSplit:
    """What became of a training split."""

    samples: int
    """that it has now"""
    added: tuple[Added, ...] = ()
    reviewed: Reviewed | None = None

    @staticmethod
    def from_plain(values: Mapping[str, Any]) -> TrainingSplit:
        """The same from plain values, as `dataclasses.asdict` gives them; there may be more among them."""
        told = values["reviewed"]
        reviewed = None if told is None else Reviewed(**_known(Reviewed, told))
        return TrainingSplit(
            values["samples"], tuple(Added(**_known(Added, each)) for each in values["added"]), reviewed
        )


def _known(kind: type[Added] | type[Reviewed], values: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: values[each.name] for each in fields(kind) if each.name in values}


def training_words(made: TrainingSplit) -> str:
    """What became of a training split, in a sentence or two.

    >>> print(training_words(TrainingSplit(120, (Added("clinic", 20, {"a.png": "b.png"}),))))
    It trains on 120 samples: 20 of clinic were added (left out: 1 exact copy of validation or test images).
    """
    told = [added_words(each) for each in made.added]
    if made.reviewed is not None:
        told.append(_reviewed(made.reviewed))
    return f"It trains on {count(made.samples, 'sample', say='{:,}'.format)}: {'; '.join(told)}."


def added_words(added: Added) -> str:
    """What of a further data set was added, and what was left out."""
    left = [
        (len(added.exact), count(len(added.exact), "exact copy", "exact copies") + " of validation or test images"),
        (len(added.near), count(len(added.near), "near copy", "near copies") + " of validation or test images"),
        (added.grouped, count(added.grouped, "sample") + " with a group of validation or test"),
        (len(added.unreadable), count(len(added.unreadable), "unreadable image")),
    ]
    told = ", ".join(what for number, what in left if number)
    mind = "; near copies were not looked for, since all images look alike" if added.alike else ""
    return f"{added.samples:,} of {added.name} were added (left out: {told or 'none'}{mind})"


def _reviewed(reviewed: Reviewed) -> str:
    rest = (
        f", {reviewed.elsewhere} of validation and test stay as they are though the list names them"
        if reviewed.elsewhere
        else ""
    )
    return f"by a reviewed list {reviewed.relabelled} have another label and {reviewed.dropped} are left out{rest}"
