"""The contract's own tests of an extension: its backbones, augmentations and heads, and here its tasks,
metrics, losses and interventions, before a study uses them.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from afield.backbones.backbone import Backbone
from afield.backbones.check import Check, check_backbones
from afield.backbones.own_heads import Head, check_head
from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.base.extensions import Extension, load_extension, objects, where
from afield.base.streams import stream
from afield.images.augmentation.augmentation import Augmentation
from afield.images.augmentation.contract import applies_alike, draws_alike, travels
from afield.scoring.intervals import bootstrap_weights, resampled_values
from afield.scoring.metric import Metric
from afield.scoring.predictions import Predictions, select
from afield.study.beside import further_columns
from afield.study.own_metrics import own_metric
from afield.study.preparing.needs import find_own_task
from afield.study.preparing.own_interventions import Intervention, check_intervention
from afield.tasks.data import count_samples, split_samples
from afield.tasks.kinds import Target
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from afield.training.losses import Loss, check_loss, own_loss
from afield.training.recipe import Recipe

_SAMPLES, _CLASSES = 60, 3
"""of the predictions that metrics are tried on, and of the batches for losses"""


def check_extension(source: str | Path, sources: Sources, data: Path | None = None) -> Iterator[Check]:
    """Test all backbones, augmentations, heads, tasks, metrics, losses and interventions of an extension, a line a
    test, each as soon as it is done.

    Raises InputError for a file that cannot be loaded, or that has none of these in it.
    """
    extension = load_extension(source)
    tasks = [*objects(extension, TaskSource), *objects(extension, Task)]
    metrics, losses = list(objects(extension, Metric)), list(objects(extension, Loss))
    interventions = list(objects(extension, Intervention))
    augmentations, heads = list(objects(extension, Augmentation)), list(objects(extension, Head))
    if not (objects(extension, Backbone) or augmentations or heads or tasks or metrics or losses or interventions):
        raise InputError(
            f"{extension.path}: has no object of a kind that afield takes from an extension; "
            "write one, for instance: hydra = Backbone(build=make_net)"
        )
    yield from check_backbones(extension, sources)
    for name in augmentations:
        yield _tried(extension, name, "draws alike", draws_alike)
        yield _tried(extension, name, "applies alike", applies_alike)
        yield _tried(extension, name, "loads from its copy", travels)
    for name in heads:
        yield _tried(extension, name, "gives logits", lambda name, its: check_head(name, {its.name: its}))
    for name in tasks:
        yield _tried(extension, name, "is split", partial(_is_split, data=data))
    for name in metrics:
        yield _tried(extension, name, "gives numbers", _gives_numbers)
    for name in losses:
        yield _tried(extension, name, "gives losses", _gives_losses)
    for name in interventions:
        yield _tried(extension, name, "changes a recipe", lambda name, its: check_intervention(name, {its.name: its}))


def describe_checks(source: str | Path, sources: Sources, data: Path | None = None) -> Iterator[tuple[str, bool]]:
    """What `check_extension` finds, a line a test, and whether it was passed."""
    for check in check_extension(source, sources, data):
        yield f"{check.name}  {check.what:20} {check.outcome:8}  {check.words}", check.outcome != "failed"


def _tried(extension: Extension, own: str, what: str, test: Callable[[str, Extension], str]) -> Check:
    name = f"{extension.name}:{own}"
    try:
        return Check(name, what, "ok", test(name, extension))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        return Check(name, what, "failed", str(error) if isinstance(error, InputError) else where(error))


def _is_split(name: str, extension: Extension, data: Path | None) -> str:
    """Its samples are found, labelled and divided in the same way twice."""
    task = find_own_task(name, {extension.name: extension})
    table = split_samples(task, "clean", data)
    again = split_samples(task, "clean", data)
    if not table.equals(again):
        raise InputError("its samples or their splits differ from call to call; draw from a seed of its own")
    pickle.dumps(task)
    counts = {split: sum(table["split"] == split) for split in count_samples(task, table)}
    return f"{len(task.classes)} classes; " + ", ".join(f"{split} {number:,}" for split, number in counts.items())


def _gives_numbers(name: str, extension: Extension) -> str:
    """Values lie in its range, are the same twice, and depend on no order of the samples. Says where it cannot lead."""
    metric = own_metric(name, {extension.name: extension}, leads=False)
    said = _random_predictions(further_columns(metric))
    values = [metric.compute(each) for each in (said, said, select(said, np.arange(_SAMPLES)[::-1]))]
    if not all(math.isfinite(value) for value in values):
        raise InputError(f"gives {values[0]!r} of predictions of all classes; must give a number there")
    if not (values[0] == values[1] and math.isclose(values[0], values[2], rel_tol=1e-9, abs_tol=1e-12)):
        raise InputError(f"gives {values[0]} and {values[1]}, and {values[2]} with the samples in another order")
    resampled = resampled_values(metric, said, bootstrap_weights(said.cluster, 20))
    told = f"{values[0]:.3f} of random predictions, {np.nanmin(resampled):.3f} to {np.nanmax(resampled):.3f} resampled"
    try:
        own_metric(name, {extension.name: extension})
    except InputError as error:
        return f"{told}; for study.metrics alone, it cannot lead ({str(error).removeprefix(f'{name}: ')})"
    return told


def _gives_losses(name: str, extension: Extension) -> str:
    """A finite number a sample for each target, with a slope, the same twice, and of the sample wherever it stands.
    Says of one that looks at the whole batch what it is given of that.
    """
    loss = own_loss(name, {extension.name: extension})
    if not loss.targets:
        raise InputError('targets: is empty; name what it serves, for instance targets = ("class",)')
    means, together = [], False
    for target in loss.targets:
        check_loss(name, target, Recipe(loss=name), loss)
        logits, labels = _random_batch(target)
        found = loss.compute(logits, labels)
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if not isinstance(found, torch.Tensor) or shape != (_SAMPLES,):
            raise InputError(f"{target}: gives {shape}; must give a tensor of the loss of each sample, ({_SAMPLES},)")
        if found.dtype != logits.dtype or not bool(torch.isfinite(found).all()):
            raise InputError(f"{target}: gives {found.dtype}, or what is not finite; must give finite {logits.dtype}")
        if not found.requires_grad:
            raise InputError(f"{target}: its losses do not depend on the logits, so nothing could be learned")
        (slope,) = torch.autograd.grad(found.sum(), logits)
        if not bool(torch.isfinite(slope).all()) or not bool(slope.any()):
            raise InputError(f"{target}: its slope is not finite, or 0 everywhere, so nothing could be learned")
        if not torch.equal(found, loss.compute(logits, labels)):
            raise InputError(f"{target}: gives other losses for the same batch; draw nothing at random in it")
        if not torch.allclose(found.flip(0), loss.compute(logits.flip(0), labels.flip(0)), rtol=1e-5, atol=1e-6):
            raise InputError(f"{target}: the losses do not stand in the order of the samples")
        half = slice(_SAMPLES // 2)
        together |= not torch.allclose(found[half], loss.compute(logits[half], labels[half]), rtol=1e-5, atol=1e-6)
        means.append(f"{float(found.detach().mean()):.3f} for {target}")
    said = "; looks at the whole batch, and with numerics.micro_batch or devices is given a part" * together
    return "a mean loss of random logits of " + ", ".join(means) + said


def _random_batch(target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a batch and its labels; of several labels some unknown."""
    generator = stream(0, "extension check", target)
    logits = torch.from_numpy(generator.normal(size=(_SAMPLES, _CLASSES)).astype(np.float32)).requires_grad_()
    if target == "labels":
        return logits, torch.from_numpy(generator.integers(-1, 2, size=(_SAMPLES, _CLASSES)))
    return logits, torch.arange(_SAMPLES) % _CLASSES


def _random_predictions(columns: Sequence[str] = ()) -> Predictions:
    """Of a few samples in clusters of three, somewhat better than chance, with those columns, of four values each."""
    generator = stream(0, "extension check")
    labels = np.arange(_SAMPLES) % _CLASSES
    logits = generator.normal(size=(_SAMPLES, _CLASSES)) + np.eye(_CLASSES)[labels]
    samples = np.array([f"sample-{index:02d}" for index in range(_SAMPLES)])
    clusters = np.array([f"cluster-{index // 3:02d}" for index in range(_SAMPLES)])
    classes = tuple(f"class {index}" for index in range(_CLASSES))
    values = np.array([f"value {index % 4}" for index in range(_SAMPLES)])
    return Predictions(
        classes, samples, samples, clusters, labels.astype(np.int64), logits.astype(np.float32),
        columns=dict.fromkeys(columns, values),
    )  # fmt: skip
