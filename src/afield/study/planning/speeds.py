"""The speeds of a plan's searches: measured by probes, one each backbone and recipe, and kept in the cache, so that a
second plan is instant.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np

from afield.base.errors import AfieldError
from afield.base.extensions import keep_copy
from afield.base.files import write_json
from afield.base.hashing import digest
from afield.images.prepared import open_prepared, place_of, prepare
from afield.images.rule import Rule
from afield.study.duration import told
from afield.study.engines.job import Job
from afield.study.plan import Plan
from afield.study.planning.pace import Calibration, Speed
from afield.study.planning.probe_steps import Subject, measure
from afield.study.planning.workload import Workload
from afield.study.protocol import split_of
from afield.study.searching.planned_search import Identity, PlannedSearch
from afield.tasks.boxes import pictures
from afield.tasks.data import TaskData
from afield.training.numerics import Device, NumericsChoice
from afield.trial.inputs import SplitInputs
from afield.trial.trial import Trial

PREPARING = 0.015
"""seconds that a core takes for an image, where it was not measured: docs/benchmarks.md measured 0.005 (EuroSAT) to
0.023 (600x800 JPEGs)"""
SOME = 128
"""images that a probe prepares where a task's are not prepared yet"""
STEP = 10.0
"""seconds that a probe's update should take at most: on a CPU, where an image costs the same in any batch, it is given
fewer images"""
FEWEST = 8
"""images that it is given at least"""
LONGEST = 60.0
"""seconds of such an update, by multiply-adds, beyond which a backbone is not measured"""
_SHAPELESS = {"learning_rate", "weight_decay", "epochs", "schedule", "milestones", "warmup_epochs", "initialisation"}
"""keys of a recipe that do not change how long an update takes"""

Probe = Callable[[Subject, int], Speed]


@dataclass(frozen=True)
class Timing:
    """What is known of how fast things go here."""

    calibration: Calibration
    speeds: Mapping[Identity, Speed] = field(default_factory=dict)
    """of the searches whose backbone was measured with their recipe"""
    preparing: float = PREPARING
    """seconds of a core for an image"""
    failed: Mapping[str, str] = field(default_factory=dict)
    """backbones whose probe failed, each with the reason"""

    def speed(self, load: Workload) -> Speed:
        """Of a workload: measured, or else scaled."""
        return self.speeds.get(load.identity) or self.calibration.speed(load)


def timing_of(
    plan: Plan | None,
    numerics: NumericsChoice,
    slots: int,
    workers: int,
    cache: Path,
    say: Callable[[str], None],
    probe: Probe | None = measure,
) -> Timing:
    """What is known of a plan's searches, after measuring what nobody has measured here yet; `probe` None: from what
    was kept alone. Trials on several devices are not measured.
    """
    device = _device(numerics)
    folder = cache / "speeds" / _platform(device)
    speeds: dict[Identity, Speed] = {}
    failed: dict[str, str] = {}
    preparing: list[float] = []
    for search in () if plan is None else plan.distinct:
        trial = search.largest
        if trial.numerics.devices > 1:
            continue
        path = folder / f"{digest(_about(trial, slots, workers), 20)}.json"
        speed, prepared = _kept(path)
        if speed is None and probe is not None and plan is not None and trial.backbone not in failed:
            say(f"measuring {trial.backbone} at {trial.recipe.size} px")
            try:
                batch = batch_of(search, Calibration.of(_all_kept(folder), device))
                with TemporaryDirectory(prefix="afield-") as scratch:
                    took: list[float] = []
                    subject = _subject(plan, search, batch, workers, cache, Path(scratch), took)
                    speed = probe(subject, slots)
                if batch < trial.recipe.batch_size:
                    speed = replace(speed, memory=None)  # a whole batch takes more
            except AfieldError as error:
                failed[trial.backbone] = str(error)
            else:
                prepared = fmean(took) if took else None
                about = {"backbone": trial.backbone, "gmacs": _gmacs(search), "slots": slots, "preparing": prepared}
                write_json(path, {**about, "speed": asdict(speed)})
        if speed is not None:
            speeds[search.identity] = speed
        preparing += [] if prepared is None else [prepared]
    mean = fmean(preparing) if preparing else PREPARING
    return Timing(Calibration.of(_all_kept(folder), device), _shared(plan, speeds), mean, failed)


def assumed(numerics: NumericsChoice) -> Timing:
    """What is known of a device that is not here."""
    return Timing(Calibration.of([], _device(numerics)))


def _device(numerics: NumericsChoice) -> Device:
    if numerics.device == "auto":
        raise ValueError("numerics must be settled first")
    return numerics.device


def _shared(plan: Plan | None, speeds: dict[Identity, Speed]) -> dict[Identity, Speed]:
    """The same for searches whose trials are another's."""
    if plan is None:
        return speeds
    by_trial = {search.keys[0][0]: speeds[search.identity] for search in plan.distinct if search.identity in speeds}
    known = {search.identity: by_trial.get(search.keys[0][0]) for search in plan.searches}
    return {identity: speed for identity, speed in known.items() if speed is not None}


def _platform(device: Device) -> str:
    from afield.training.device import platform

    return digest(platform(device), 12)


def _about(trial: Trial, slots: int, workers: int) -> dict[str, object]:
    """All that a speed depends on, but for the machine: not the task, whose images are prepared to the same size."""
    return {
        "backbone": trial.backbone,
        "recipe": trial.recipe.model_dump(mode="json", exclude=_SHAPELESS),
        "numerics": trial.numerics.model_dump(mode="json"),
        "channels": len(trial.mean),
        "target": trial.target,
        "protocol": trial.protocol,
        "extensions": [list(each) for each in trial.extensions],
        "slots": slots,
        "workers": workers,
    }


def _gmacs(search: PlannedSearch) -> float:
    return search.backbone.work * (search.cells[0].recipe.size / search.backbone.input_size) ** 2


def _kept(path: Path) -> tuple[Speed | None, float | None]:
    """A speed that was kept, and the seconds in which a core then prepared an image, where it did; what cannot be read
    is measured again.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Speed(**content["speed"]), content["preparing"]
    except (OSError, ValueError, TypeError, KeyError):
        return None, None


def _all_kept(folder: Path) -> list[tuple[str, float, Speed]]:
    """Every backbone that was measured on this platform, with its multiply-adds of an image and its speed."""
    found = []
    for path in sorted(folder.glob("*.json")):
        speed, _ = _kept(path)
        if speed is not None:
            about = json.loads(path.read_text(encoding="utf-8"))
            found.append((str(about["backbone"]), float(about["gmacs"]), speed))
    return found


def batch_of(search: PlannedSearch, calibration: Calibration) -> int:
    """Images of a probe's update: on a CPU as many as it takes in STEP seconds, FEWEST at least, by multiply-adds.
    Raises AfieldError where even these take too long.
    """
    trial = search.cells[0]
    whole = trial.recipe.batch_size
    if trial.numerics.device != "cpu":
        return whole
    image = _gmacs(search) / calibration.gmacs
    batch = min(whole, max(FEWEST, int(STEP / image)))
    if batch * image > LONGEST:
        raise AfieldError(f"an update of {batch} images would take about {told(batch * image)}")
    return batch


def _subject(
    plan: Plan, search: PlannedSearch, batch: int, workers: int, cache: Path, scratch: Path, preparing: list[float]
) -> Subject:
    """What a probe measures, with so many images an update; what it prepares for that goes below `scratch`, and how
    long an image took to `preparing`.
    """
    data, rules, trial = plan.data_of(search), plan.rules(search), search.largest
    trial = trial.model_copy(update={"recipe": trial.recipe.model_copy(update={"batch_size": batch})})
    job = Job(
        kind="train",
        trial=trial,
        out=scratch,
        splits={},
        weights=plan.weights[search.backbone.id] if trial.weights is not None else None,
        extensions={name: keep_copy(plan.extensions[name], scratch / "extensions") for name, _ in trial.extensions},
        workers=workers,
    )
    train, validation = (
        _inputs(data, split, rules[split], cache, scratch, preparing) for split in ("train", "validation")
    )
    return Subject(job, train, validation)


def _inputs(data: TaskData, split: str, rule: Rule, cache: Path, scratch: Path, preparing: list[float]) -> SplitInputs:
    """A split's samples with their images or, where these are not prepared yet, with some of them, shown again and
    again: labels are the samples' own.
    """
    table = data.samples(split_of(split)).reset_index(drop=True)
    shown = data.pictures(split_of(split))
    hashes, boxes = [data.hashes[image] for image, _ in shown], [box for _, box in shown]
    folder = place_of(hashes, rule, cache, data.task.reading, boxes)
    number = {picture: index for index, picture in enumerate(shown)}
    row = np.array([number[picture] for picture in pictures(table)], np.int64)
    if not folder.is_dir():
        some = [round(index) for index in np.linspace(0, len(shown) - 1, min(SOME, len(shown)))]
        since = time.perf_counter()
        folder = prepare(
            data.root,
            [data.place(shown[index][0]) for index in some],
            [hashes[index] for index in some],
            rule,
            scratch,
            1,
            lambda done, total: None,
            data.task.reading,
            [boxes[index] for index in some],
        )
        preparing.append((time.perf_counter() - since) / len(some))
        row %= len(some)
    return SplitInputs(table, open_prepared(folder), row)
