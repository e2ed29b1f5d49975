"""What a task is: a plain typed object. A built-in task and a user's own are the same thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from afield.base.reading import AS_DECLARED, Reading
from afield.scoring.panel import fitting
from afield.tasks.boxes import Cropping
from afield.tasks.kinds import Flip, Target

if TYPE_CHECKING:
    from afield.tasks.source import TaskSource

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
EXTRA = re.compile(r"test-[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
"""names of further test splits of one's own data"""
Protocol = Literal["clean", "paper"]
"""`clean`: train, validation and test apart. `paper`: splits and views as the study's own code had them (arXiv
2301.04644): mostly the split that is reported chooses, too"""
LEFT_OUT = ""
"""in place of a split: a sample that a protocol does not use"""


def in_order(splits: Iterable[str]) -> tuple[str, ...]:
    """Names of splits, each once: train, validation, test, then the further ones by name.

    >>> in_order({"test-night", "test", "train"})
    ('train', 'test', 'test-night')
    """
    named = set(splits)
    return (*(split for split in SPLITS if split in named), *sorted(named.difference(SPLITS)))


@dataclass(frozen=True)
class Card:
    """What a reader must know of a data set before trusting a number on it."""

    title: str
    source: str
    """who made it and where it is published"""
    application: str
    licence: str
    baseline: str = ""
    """best published figure, with its conditions"""
    get: str = ""
    """how to get it"""
    citation: str = ""
    domain: Literal["real-world", "web-scraped"] = "real-world"


@dataclass(frozen=True)
class Published:
    """How the study's own code showed a task's images to a network (PAPER.md 2): what `paper` puts in place of the
    recipe's and the weights' own values.
    """

    image_size: int
    """pixels, where the study file says `auto`"""
    flips: tuple[Flip, ...]
    channels: Literal["RGB", "BGR"] = "RGB"
    """BGR: read by OpenCV and never turned, while mean and std were those of RGB"""
    samples: int = 0
    """that the published data give under `paper`; 0: not known here"""


@dataclass(frozen=True)
class Task:
    """A classification data set with its splits, classes and primary metric.

    `samples(root)` gives one row a sample with the columns `id` (unique), `image` (path below root, with /) and `label`
    (index into `classes`; where the target is `labels`, a tuple of a number a class: 1 has it, 0 has it not, -1
    unknown). Optional ones are `group` (what is split together), `cluster` (what is resampled together; the group by
    default), `unit` (what is scored; the sample by default), `weight` (how much it counts in the training loss, above
    0; all alike by default), the `subgroups` and whatever `split` reads. `split(table, protocol)` gives one of
    SPLITS or `extra_splits` a row, or LEFT_OUT. Under `paper` it may leave validation empty: then test selects, as it
    did in the study.
    """

    name: str
    version: int
    """raised whenever classes, labels or splits change: it is in the key of every trial"""
    classes: tuple[str, ...]
    metric: str
    """the metric that selects and leads: a name, or in an extension's task that of its own (`my_lab:worst_site`)"""
    find: Callable[[Path], Path]
    """from the folder of all tasks' data (`places.data_folder`) to that which holds this one's; raises InputError with
    the way to get it"""
    samples: Callable[[Path], pd.DataFrame]
    split: Callable[[pd.DataFrame, Protocol], pd.Series]
    card: Card
    target: Target = "class"
    panel: tuple[str, ...] = ()
    """metrics that are recorded beside all that fit the target (`metrics`)"""
    subgroups: tuple[str, ...] = ()
    """columns of the samples whose values part the test images, so that results are told for each (a site, a sex)"""
    extra_splits: tuple[str, ...] = ()
    """further test splits (other cameras, another hospital): what is chosen is scored on each of them, too, and nothing
    is ever chosen by them"""
    split_seed: int = 0
    flips: tuple[Flip, ...] = ("horizontal",)
    """mirror images that leave the label as it is"""
    reading: Reading = AS_DECLARED
    """which channels of which files an image is, where the files do not say it themselves"""
    cropping: Cropping = field(default_factory=Cropping)
    """how the samples' boxes were made, where they have any"""
    proposal: str = ""
    """of one's own data: which metric leads and why, said when a study begins"""
    unread: str = ""
    """of one's own table: its column that names splits, where nothing says whether to take them"""
    expected: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the image of each sample, where a split was taken over from somebody who had them"""
    published: Published | None = None
    """of the study's tasks alone; without it a task has no protocol `paper`"""

    @staticmethod
    def from_table(*tables: str | Path, **columns: Any) -> TaskSource:  # noqa: ANN401 - as in a study file
        """What a study makes a task of: one's own tables of labels, a row a sample. `columns` are the keys of its
        `[tasks.NAME]` (`source.TaskSource`): `label`, `group`, `split`, `metric`, ...

        Nothing is read yet, since an extension's copy is run by every worker. Relative paths count from the extension's
        folder. Raises InputError for keys that there are not, and for those that contradict each other.
        """
        from afield.tasks.source import task_source

        return task_source({"table": [str(table) for table in tables], **columns})

    @staticmethod
    def from_folder(folder: str | Path, **keys: Any) -> TaskSource:  # noqa: ANN401
        """The same of a folder tree `[split/]class/**/image`."""
        from afield.tasks.source import task_source

        return task_source({"folder": str(folder), **keys})

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is recorded of each trained network: the leading metric, the others that fit, and the panel's."""
        fit = fitting(len(self.classes), ordinal=self.target == "grade", multi_label=self.target == "labels")
        return tuple(dict.fromkeys((self.metric, *fit, *self.panel)))
