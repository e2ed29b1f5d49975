"""What makes this machine fastest: a study's networks timed under other numerics, on images of noise.

No time that is taken here enters a key. The lines that come of it do, once the user puts them into the study.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import geometric_mean, median

from afield.backbones.backbone import Backbone
from afield.backbones.own import planned
from afield.base.errors import AfieldError, InputError
from afield.base.extensions import Extension, is_own, load_extensions
from afield.base.text import columns
from afield.study.preparing.numerics import settle_numerics
from afield.study.study import PLAIN, Study
from afield.training.numerics import Device, MemoryFormat, Numerics, Precision, numerics_for
from afield.training.recipe import USUAL_SIZE, Recipe

CLASSES = 10
"""of the head, which hardly costs anything"""
WARM = 2
"""updates that do not count, since kernels are chosen and compiled in them; of a CPU, where nothing is compiled, they
do where they take all the time there is"""


@dataclass(frozen=True)
class Way:
    """What is tried, for all backbones of a study alike."""

    precision: Precision
    memory_format: MemoryFormat
    compile: bool

    def lines(self) -> str:
        """As a study says it."""
        return (
            f'precision = "{self.precision}"\nmemory_format = "{self.memory_format}"\n'
            f"compile = {str(self.compile).lower()}"
        )


@dataclass(frozen=True)
class Timing:
    """How fast a backbone trains in some way."""

    backbone: str
    way: Way
    rate: float | None
    """images a second of one trial; None where it cannot train so"""
    usual: bool
    """whether it is what the study has without a word"""
    reason: str = ""
    """why it cannot"""


def ways(device: Device) -> tuple[Way, ...]:
    """What is worth trying on a device."""
    cuda = device == "cuda"
    precisions: tuple[Precision, ...] = ("float32", "bfloat16", "float16") if cuda else ("float32", "bfloat16")
    formats: tuple[MemoryFormat, ...] = ("contiguous", "channels_last")
    return tuple(Way(*each) for each in product(precisions, formats, (False, True) if cuda else (False,)))


def tune(study: Study, seconds: float, say: Callable[[str], None]) -> tuple[Timing, ...]:
    """Time each of a study's backbones, with its plain recipe, for so many `seconds` in every way.

    Where a trial has several devices, one is timed, with its share of each batch and without their exchange. Needs
    neither data nor weights. Raises InputError for backbones that are not known, a device that is not there, and a head
    alone, which learns from features.
    """
    recipe = study.recipe_of(PLAIN)
    if recipe.trained == "head":
        raise InputError(
            f'{study.study.name}: recipe.trained is "head", which learns from features that are computed once: there '
            "is nothing to tune; time a study that trains its networks"
        )
    if recipe.image_size == "auto":
        recipe = recipe.model_copy(update={"image_size": USUAL_SIZE})
    settled = settle_numerics(study.numerics, None, study.study.protocol)
    extensions = load_extensions(study.extensions)
    of_devices = ""
    if settled.devices > 1:
        recipe = recipe.model_copy(update={"batch_size": -(-recipe.batch_size // settled.devices)})
        of_devices = f", one of {settled.devices} devices"
    timings = list[Timing]()
    for name in study.study.backbones:
        backbone = planned(name, extensions)
        say(f"{backbone.id} at {recipe.size} px, batches of {recipe.batch_size}{of_devices}")
        usual = numerics_for(settled, backbone.convolutional).model_copy(update={"devices": 1})
        timings += _timed(backbone, recipe, extensions, usual, seconds)
    return tuple(timings)


def _timed(
    backbone: Backbone, recipe: Recipe, extensions: Mapping[str, Extension], usual: Numerics, seconds: float
) -> Iterator[Timing]:
    for way in ways(usual.device):
        numerics = usual.model_copy(update=vars(way))
        rate, reason = None, ""
        try:
            rate = _rate(backbone, recipe, extensions, numerics, seconds)
        except (AfieldError, RuntimeError) as error:  # torch's own words for what does not fit or is not there
            reason = " ".join(str(error).split())
        yield Timing(backbone.id, way, rate, numerics == usual, reason)


def _rate(
    backbone: Backbone, recipe: Recipe, extensions: Mapping[str, Extension], numerics: Numerics, seconds: float
) -> float:
    """Images a second of training: the median over the updates of some seconds."""
    import torch

    from afield.backbones.build import build
    from afield.backbones.own_heads import head_of, own_head
    from afield.training.device import place, settle_process
    from afield.training.learner import Learner
    from afield.training.memory import noise_batch
    from afield.training.preprocessing import Preprocessing
    from afield.training.start import limit

    settle_process(numerics)
    own = own_head(recipe.head, extensions) if is_own(recipe.head) else None
    network = build(
        backbone,
        CLASSES,
        initialisation="scratch",
        seed=0,
        weights=None,
        pooling=recipe.pooling,
        head=head_of(recipe.head, own),
        size=recipe.size,
    )
    placed = place(network, numerics)
    limit(placed, backbone, recipe, seed=0, channels=3)
    preprocessing = Preprocessing(backbone.mean, backbone.std)
    learner = Learner(placed.train(), recipe, numerics, preprocessing, seed=0)
    labels = torch.arange(recipe.batch_size, device=numerics.device) % CLASSES
    batch = noise_batch(labels, channels=3, size=recipe.size)
    least = 1 if numerics.device == "cpu" and not numerics.compile else WARM + 1
    took, begun = list[float](), time.perf_counter()
    while len(took) < least or time.perf_counter() - begun < seconds:
        since = time.perf_counter()
        float(learner.update(batch, recipe.learning_rate, len(took)))  # waits for the device
        took.append(time.perf_counter() - since)
        if len(took) == WARM < least:
            begun = time.perf_counter()  # compiling may take longer than all that is to be timed
    return recipe.batch_size / median(took[WARM:] or took[-1:])


def describe_timings(timings: Sequence[Timing]) -> str:
    """A row a backbone and way, and the lines of the way that is fastest for all backbones together."""
    rows, notes = [], []
    by_backbone: dict[str, list[Timing]] = {}
    for timing in timings:
        by_backbone.setdefault(timing.backbone, []).append(timing)
    for backbone, tried in by_backbone.items():
        usual = next((timing.rate for timing in tried if timing.usual), None)
        for timing in tried:
            way, rate = timing.way, timing.rate
            against = "" if rate is None or usual is None else f"{rate / usual:.2f}"
            shown = "cannot" if rate is None else f"{rate:.1f}"
            mark = "as it is" if timing.usual else against
            compiled = "yes" if way.compile else "no"
            rows.append((backbone, way.precision, way.memory_format, compiled, shown, mark))
            if timing.reason:
                notes.append(f"{backbone}, {way.precision}, {way.memory_format}: {timing.reason[:160]}")
    header = ("backbone", "precision", "memory format", "compiled", "images/s", "against the study's")
    text = columns(rows, header)
    return "\n".join([text, *notes, "", _advice(by_backbone)])


def _advice(by_backbone: dict[str, list[Timing]]) -> str:
    """Words for the fastest way, which all backbones share: those that are compared train in one precision."""
    means = {}
    for way in dict.fromkeys(timing.way for tried in by_backbone.values() for timing in tried):
        rates = [timing.rate for tried in by_backbone.values() for timing in tried if timing.way == way]
        known = [rate for rate in rates if rate is not None]
        if len(known) == len(rates):
            means[way] = geometric_mean(known)
    if not means:
        return "No way suits all backbones of the study."
    best = max(means, key=lambda way: means[way])
    if all(timing.usual for tried in by_backbone.values() for timing in tried if timing.way == best):
        return "The study's numerics are the fastest as they are."
    return (
        "Fastest for all backbones together. As part of the study it makes new trials of all; another precision gives "
        f"other figures:\n\n[numerics]\n{best.lines()}"
    )
