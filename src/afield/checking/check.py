"""From a task to all that could bias a result on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from afield.base.files import write_text
from afield.base.process import cores
from afield.base.text import first_few
from afield.checking.copies import SHOWN, Samples, copies, groups_with_copies, many, samples_of
from afield.checking.findings import Check, ClassRow, Example, Finding
from afield.images.look import BLANK, Look, look_at
from afield.images.similar import alike, similar
from afield.study.preparing.named_task import named_further, named_task
from afield.tasks.data import count_samples, lacking_classes, split_samples
from afield.tasks.further import called, further_samples, joined, rows_of
from afield.tasks.labels import positions_of
from afield.tasks.own.task import SKEW
from afield.tasks.places import data_folder
from afield.tasks.task import Protocol, Task, in_order
from afield.tasks.training_choice import FurtherChoice
from afield.tasks.words import single_words

Progress = Callable[[str, int, int], None]
"""told what is being done, how much of it is done, and of how much"""
_NAMED = 8
"""classes that a sentence names"""


def check(
    name: str,
    protocol: Protocol,
    progress: Progress,
    data: Path | None = None,
    processes: int | None = None,
    further: Sequence[str] = (),
) -> Check:
    """Check the task of that name (`named_task`): all images are read, nothing is changed. The images of the data sets
    named in `further` are looked at as if they had joined the training split.

    `data` is the folder that holds the tasks' folders; `processes` read images at once, by default one a core. The
    result depends on neither, nor on the order of files. `progress` may raise to stop. Raises InputError where the
    task's data are not there or are not what a task needs, AfieldError where a process was killed.
    """
    task = named_task(name)
    table = split_samples(task, protocol, data, allow_torn=True)
    root = task.find(data_folder(data)).resolve()
    elsewhere: dict[str, Path] = {}
    for each in further:
        source, called_so = named_further(each)
        added = further_samples(FurtherChoice(task=each), task, source, data, called_so)
        table = joined(task, table, rows_of(called_so, added.table))
        elsewhere |= {called(called_so, image): added.root / image for image in added.table["image"]}
    return check_samples(task, protocol, root, table, progress, processes or cores(), elsewhere)


def check_samples(
    task: Task,
    protocol: Protocol,
    root: Path,
    table: pd.DataFrame,
    progress: Progress,
    processes: int,
    elsewhere: Mapping[str, Path] = MappingProxyType({}),
) -> Check:
    """Check a table of samples with their splits (`split_samples`), whose images lie below `root`, or where `elsewhere`
    says.
    """
    images = sorted(set(table["image"]))
    samples = samples_of(table, partial(_label_words, task))
    own = [image for image in images if image not in elsewhere]
    looks, unreadable = look_at(root, own, task.reading, processes, partial(progress, "reading images"))
    if elsewhere:
        place = {str(path): image for image, path in elsewhere.items()}
        anchor = Path(next(iter(elsewhere.values())).anchor)
        seen, broken = look_at(
            anchor, list(place), task.reading, processes, partial(progress, "reading further images")
        )
        looks |= {place[path]: look for path, look in seen.items()}
        unreadable |= {place[path]: reason for path, reason in broken.items()}
    pairs = similar(looks, samples.group, processes, partial(progress, "comparing images"))
    findings = [
        *_unreadable(unreadable, samples),
        *copies(pairs, samples),
        *_unread(task),
        *_torn_groups(table, samples),
        *_lacking(task, table),
        *_single(task, table),
        *_skewed(task, table),
        *_alike(looks),
        *_blank(looks, samples),
    ]
    return Check(
        task=task.name,
        title=task.card.title,
        protocol=protocol,
        root=root,
        reading=task.reading,
        images=len(images),
        counts={split: int((table["split"] == split).sum()) for split in in_order(table["split"])},
        findings=tuple(sorted(findings, key=lambda finding: not finding.biases)),  # stable
        facts=_facts(looks, samples),
        classes=_class_rows(task, table, looks),
        groups=groups_with_copies(table, pairs, samples),
        elsewhere=elsewhere,
    )


def write_groups(found: Check, path: Path) -> None:
    """Write a CSV file with a row a sample, `id` and `group`: copies of a picture, and what the task itself keeps
    together, in one group. Raises StoreError where the path cannot be written.
    """
    rows = sorted(found.groups.items())
    write_text(path, pd.DataFrame(rows, columns=["id", "group"]).to_csv(index=False, lineterminator="\n"))


def _label_words(task: Task, label: object) -> str:
    positions = _positions(label)
    return " + ".join(task.classes[position] for position in positions) or "none of the classes"


def _positions(label: object) -> list[int]:
    """The classes of a sample, as positions."""
    return positions_of(label) if isinstance(label, tuple) else [int(str(label))]


def _unreadable(reasons: Mapping[str, str], samples: Samples) -> list[Finding]:
    if not reasons:
        return []
    examples = [Example((samples.picture(image, readable=False),), reason) for image, reason in reasons.items()]
    told = f"{many(len(reasons), 'image')}: missing, damaged, or not an image"
    advice = (
        "restore them or drop their samples: a run ends before it trains (damaged ones it leaves out where its study "
        "says unreadable = drop)"
    )
    return [Finding("Unreadable images", True, told, advice, tuple(examples[:SHOWN]))]


def _unread(task: Task) -> list[Finding]:
    if not task.unread:
        return []
    told = f"the table's column {task.unread} names splits, and nothing says to take them: other splits are drawn"
    advice = f"to take them, write split = {json.dumps(task.unread)} under [tasks.NAME] of a study file"
    return [Finding("Splits that are not used", False, told, advice)]


def _torn_groups(table: pd.DataFrame, samples: Samples) -> list[Finding]:
    """Groups (a patient, a location) with samples in several splits."""
    sides = table.groupby("group")["split"].nunique()
    torn = table[table["group"].isin(sides.index[sides > 1])]
    if not samples.grouped or torn.empty:
        return []
    examples = []
    for _, rows in torn.groupby("group"):
        ends = rows.drop_duplicates("split").sort_values("split")
        numbers = ", ".join(f"{number} {split}" for split, number in rows["split"].value_counts().sort_index().items())
        examples.append(Example(tuple(samples.picture(image) for image in ends["image"][:2]), numbers))
    told = f"{many(len(examples), 'group')} of {sides.size}, with {many(len(torn), 'sample')}"
    advice = "split by group, so that no network is tested on whom it has seen in training"
    return [Finding("Groups in more than one split", True, told, advice, tuple(examples[:SHOWN]))]


def _lacking(task: Task, table: pd.DataFrame) -> list[Finding]:
    lacking = lacking_classes(count_samples(task, table))
    if not lacking:
        return []
    told = "; ".join(f"{split} has none of {first_few(names, _NAMED)}" for split, names in lacking.items())
    advice = "means over classes leave them out: add samples, or join rare classes"
    return [Finding("Classes without samples", False, told, advice)]


def _single(task: Task, table: pd.DataFrame) -> list[Finding]:
    told = single_words(task, count_samples(task, table))
    if not told:
        return []
    advice = "add images of them, give validation and test larger fractions, or join rare classes"
    return [Finding("Classes of a single image", False, " ".join(told).removesuffix("."), advice)]


def _skewed(task: Task, table: pd.DataFrame) -> list[Finding]:
    numbers = Counter(position for label in table["label"] for position in _positions(label))
    if not numbers:
        return []
    (largest, most), (smallest, least) = numbers.most_common()[0], numbers.most_common()[-1]
    if most <= SKEW * least:
        return []
    told = (
        f"{task.classes[largest]} has {most:,} samples, {task.classes[smallest]} has {least:,}: {most / least:.0f} to 1"
    )
    share = f"always {task.classes[largest]} is right in {_per_cent(most, len(table))}"
    advice = f"read macro F1 or balanced accuracy beside accuracy ({share}); task {task.name} leads with {task.metric}"
    return [Finding("Imbalance of classes", False, told, advice)]


def _per_cent(part: int, whole: int) -> str:
    """A share that never rounds up to all.

    >>> _per_cent(1194, 1200), _per_cent(99_999, 100_000), _per_cent(9, 10)
    ('99.5 %', '99.9 %', '90 %')
    """
    return f"{part * 1000 // whole / 10:g} %"


def _alike(looks: Mapping[str, Look]) -> list[Finding]:
    if not alike(looks):
        return []
    told = "all images share so much of their detail (one fixed view, one pattern) that only exact copies can be told"
    advice = "keep apart yourself what was taken of the same thing, by a group column"
    return [Finding("Near copies were not looked for", False, told, advice)]


def _blank(looks: Mapping[str, Look], samples: Samples) -> list[Finding]:
    blank = [image for image in sorted(looks) if looks[image].blank]
    if not blank:
        return []
    constant = sum(looks[image].contrast == 0 for image in blank)
    by_class = Counter(samples.words(label) for image in blank for label in samples.labels[image])
    classes = [f"{number} of {name}" for name, number in by_class.most_common()]
    told = (
        f"{many(len(blank), 'image')} whose grey values differ by less than {BLANK:g} of 255 (standard deviation), "
        f"{constant} of them constant; {first_few(classes, _NAMED)}"
    )
    advice = "look whether they show what their label says; between them no near copies are looked for"
    shown = sorted(blank, key=lambda image: (looks[image].contrast, image))[:SHOWN]
    examples = tuple(Example((samples.picture(image),), f"contrast {looks[image].contrast:.2f}") for image in shown)
    return [Finding("Blank or nearly blank images", False, told, advice, examples)]


def _facts(looks: Mapping[str, Look], samples: Samples) -> tuple[tuple[str, str], ...]:
    """Sizes and channels in words."""
    if not looks:
        return ()
    seen = [looks[image] for image in sorted(looks)]
    sizes = Counter((found.width, found.height) for found in seen)
    (size, number), *others = sizes.most_common()
    told = f"{size[0]} x {size[1]} pixels ({_share(number, len(seen))})"
    if others:
        areas = sorted(sizes, key=lambda wide_high: (wide_high[0] * wide_high[1], wide_high))
        low, high = areas[0], areas[-1]
        told += f"; {many(len(sizes), 'size')} from {low[0]} x {low[1]} to {high[0]} x {high[1]}"
    facts = [
        ("Most frequent size", told),
        ("All channels equal (grey)", _share(sum(found.grey for found in seen), len(seen))),
    ]
    channels = min(len(found.means) for found in seen)
    names = ("red", "green", "blue") if channels == 3 else tuple(f"channel {place}" for place in range(channels))
    for place, name in enumerate(names):
        means = np.array([found.means[place] for found in seen])
        variances = np.array([found.deviations[place] ** 2 for found in seen])
        whole = float(np.sqrt(variances.mean() + means.var()))
        low, high = means.min(), means.max()
        told = (
            f"mean {means.mean():.1f} of 255, standard deviation {whole:.1f}; means of images {low:.0f} to {high:.0f}"
        )
        facts.append((name.capitalize(), told))
    if samples.grouped:
        facts.append(("Groups", f"{len(set(samples.group.values())):,}"))
    return tuple(facts)


def _class_rows(task: Task, table: pd.DataFrame, looks: Mapping[str, Look]) -> tuple[ClassRow, ...]:
    counts = count_samples(task, table)
    images: dict[int, set[str]] = {position: set() for position in range(len(task.classes))}
    for image, label in zip(table["image"], table["label"], strict=True):
        for position in _positions(label):
            images[position].add(image)
    rows = []
    for position, name in enumerate(task.classes):
        seen = [looks[image] for image in sorted(images[position]) if image in looks]
        sizes = Counter((found.width, found.height) for found in seen)
        numbers = {split: counts[split][name] for split in counts}
        rows.append(
            ClassRow(
                name=name,
                counts=numbers,
                share=sum(numbers.values()) / len(table),
                size="{} x {}".format(*min(sizes, key=lambda size: (-sizes[size], size))) if sizes else "",
                brightness=float(np.mean([np.mean(found.means) for found in seen])) if seen else float("nan"),
                contrast=float(np.mean([found.contrast for found in seen])) if seen else float("nan"),
            )
        )
    return tuple(rows)


def _share(number: int, of: int) -> str:
    return f"all {of:,}" if number == of else f"{number:,} of {of:,}"
