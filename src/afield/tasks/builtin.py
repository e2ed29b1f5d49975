"""The tasks that come with the package, and the way from a name to a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from afield.base.errors import InputError, nearest
from afield.tasks.low_data import with_part
from afield.tasks.places import user_path
from afield.tasks.sets import (
    aptos2019,
    birdsnap,
    caltech101,
    cassava,
    cct20,
    cifar10,
    cifar100,
    dtd,
    elpv,
    eurosat,
    fgvc_aircraft,
    flowers102,
    food101,
    ham10000,
    hpa2018,
    hpa_v18,
    isic2019,
    melanoma2020,
    oxford_iiit_pets,
    retinopathy2015,
    stanford_cars,
    sun397,
    voc2007,
)
from afield.tasks.shared_split import with_split
from afield.tasks.source import TaskSource
from afield.tasks.task import Task

WEB_SCRAPED = (
    food101.TASK, cifar10.TASK, cifar100.TASK, birdsnap.TASK, sun397.TASK, stanford_cars.TASK, fgvc_aircraft.TASK,
    voc2007.TASK, dtd.TASK, oxford_iiit_pets.TASK, caltech101.TASK, flowers102.TASK,
)  # fmt: skip
"""the twelve of Kornblith et al. 2019, in their order"""
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        elpv.TASK, aptos2019.TASK, cassava.TASK, cct20.TASK, cct20.IMAGES, eurosat.TASK, eurosat.MS, eurosat.ALL,
        eurosat.LOCATED, ham10000.TASK, ham10000.MELANOMA, hpa2018.TASK, hpa2018.RGBY, melanoma2020.TASK,
        melanoma2020.ALONE, retinopathy2015.TASK, isic2019.TASK, hpa_v18.TASK, *WEB_SCRAPED,
    )
}  # fmt: skip


def find_task(name: str, sources: Mapping[str, TaskSource] = MappingProxyType({})) -> Task:
    """The built-in task of that name, that of a study's table `[tasks.NAME]` (`sources`), or that of one's own data at
    that path: a folder of images, a table of labels (.csv, .parquet), camera traps' annotations (.json), a dataset that
    Hugging Face's `datasets` saved.

    Raises InputError for a name that is none of these, or two of them.

    >>> find_task("elpv").classes
    ('functional', 'defective')
    """
    if name in sources:
        if name in TASKS:
            raise InputError(f"tasks.{name}: {name} is a built-in task; give yours another name")
        return _from_source(name, sources)
    if name in TASKS:
        return TASKS[name]
    from afield.tasks.own.task import own_task, source_at  # takes a second, which a list of the tasks need not spend

    found = source_at(name)
    if found is not None:
        return own_task(found)
    raise InputError(
        f"{name}: unknown task, and no folder, table (.csv, .parquet) or traps' annotations (.json) of that name; "
        f"{nearest(name, [*sources, *TASKS])} (all: afield tasks list)"
    )


def _from_source(name: str, sources: Mapping[str, TaskSource]) -> Task:
    from afield.tasks.own.task import own_task

    source = sources[name]
    if source.task is None:
        task = own_task(source, name)
    else:
        others = {key: other for key, other in sources.items() if key != name}
        task = find_task(source.task, others)
    if source.splits is not None:
        task = with_split(task, user_path(source.splits))
    if source.shots is None and source.share is None:
        return replace(task, name=name)
    return with_part(task, name, shots=source.shots, share=source.share, seed=source.split_seed)
