"""How many samples of an update a GPU takes at once, settled for each backbone and size before any trial begins.

It is part of the numerics, and the one of them that is measured: OUT/micro_batches.json keeps what was found, so that
all runs on the folder, and all trials of a comparison, share it.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.base.errors import AfieldError, StoreError
from afield.base.extensions import is_own
from afield.base.files import write_json
from afield.base.regular import read_text
from afield.study.plan import Plan
from afield.trial.trial import Trial

if TYPE_CHECKING:
    from torch import nn

FILE = "micro_batches.json"

Probe = Callable[[Trial, Backbone, float], int]
"""a trial, its backbone and the share of the device's memory that it may take to its micro-batch, 0 for the whole
batch"""


def settle_micro_batches(
    plan: Plan, root: Path, say: Callable[[str], None], trials_per_device: int = 1, probe: Probe | None = None
) -> Plan:
    """The plan with the micro-batches that fit, where its numerics leave them open on a GPU; else as it is.

    What the folder has settled stands; what it has not is tried by `probe` (by default in a process of its own, so that
    its memory is free again), with as much of the device's memory as each of the `trials_per_device` that share it has
    beside all their images. Raises AfieldError where a backbone does not fit at all, StoreError for a file that cannot
    be read.
    """
    if not _open(plan):
        return plan
    path = root / FILE
    settled = read_micro_batches(root)
    lacking = {
        _name(cell): (cell, search.backbone)
        for search in plan.searches
        for cell in (search.largest,)  # which all cells of a search share their name with
        if _name(cell) not in settled and cell.recipe.trained != "head"  # whose features take little room
    }
    if lacking:
        from afield.images.samples import ON_DEVICE

        share = (1 - ON_DEVICE) / trials_per_device
    for name, (cell, backbone) in lacking.items():
        say(f"{name}: trying how many images the device takes at once")
        try:
            found = (probe or in_a_process)(cell, backbone, share)
        except AfieldError as error:
            raise AfieldError(f"{name}: {error}") from error
        write_json(path, {name: found, **read_micro_batches(root)})  # another run on the folder may have been first
        if found:
            say(f"{name}: {found} at once")
    return with_settled(plan, root)


def with_settled(plan: Plan, root: Path) -> Plan:
    """The plan with the micro-batches that a folder has settled; whole batches for what it has not."""
    if not _open(plan):
        return plan
    settled = read_micro_batches(root)
    return plan.with_micro_batches(lambda trial: 0 if trial.recipe.trained == "head" else settled.get(_name(trial), 0))


def _open(plan: Plan) -> bool:
    return plan.numerics.micro_batch == "auto" and plan.numerics.device == "cuda"


def _name(trial: Trial) -> str:
    recipe, devices = trial.recipe, trial.numerics.devices
    trained = "" if recipe.trained == "all" else f", {recipe.trained} trained"
    shared = f" on {devices} devices" if devices > 1 else ""
    return f"{trial.backbone} at {recipe.size} px, batches of {recipe.batch_size}{trained}{shared}"


def read_micro_batches(root: Path) -> dict[str, int]:
    """What a folder has settled, each by backbone, size and batch; nothing where it has not. Raises StoreError for a
    file that cannot be read, or holds something else.
    """
    path = root / FILE
    try:
        found = json.loads(read_text(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it to settle the micro-batches anew") from error
    if not (isinstance(found, Mapping) and all(type(value) is int and value >= 0 for value in found.values())):
        raise StoreError(f"{path}: is not a table of whole numbers; delete it to settle the micro-batches anew")
    return dict(found)


def in_a_process(trial: Trial, backbone: Backbone, share: float) -> int:
    """`try_trial` in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(try_trial, trial, backbone, share).result()
        except BrokenProcessPool as error:
            raise AfieldError(
                "the process that tried its largest step died; set numerics.micro_batch to a number that fits"
            ) from error


def try_trial(trial: Trial, backbone: Backbone, share: float = 1.0) -> int:
    """The micro-batch of a trial on this machine's device, of whose memory it may take that share."""
    import torch

    from afield.training.losses import LOSSES
    from afield.training.memory import hold_to, largest_micro_batch, try_step
    from afield.training.start import limit
    from afield.trial.network import network_of

    scratch = trial.model_copy(update={"weights": None})
    if is_own(trial.recipe.head):  # takes as much memory as a linear one, or nearly so
        scratch = scratch.model_copy(update={"recipe": trial.recipe.model_copy(update={"head": "linear"})})
    if trial.numerics.device == "cuda":
        hold_to(share)
    size = trial.numerics.at_once(trial.recipe.batch_size)
    labels = torch.zeros((size, len(trial.classes)) if trial.target == "labels" else size, dtype=torch.int64)

    # what a loss takes beside the network does not matter, so one that fits the network's outputs stands for all
    loss = LOSSES["smooth-l1" if trial.recipe.regresses else "bce" if trial.target == "labels" else "cross-entropy"]

    def made() -> nn.Module:
        network = network_of(scratch, backbone, None)
        limit(network, backbone, trial.recipe, trial.seed, len(trial.mean))
        return network

    def attempt(at_once: int) -> None:
        numerics = trial.numerics.model_copy(update={"micro_batch": at_once})
        try_step(made, trial.recipe, numerics, len(trial.mean), labels, loss)

    return largest_micro_batch(attempt, size)
