"""Where a training starts and what it changes: a head from a linear probe, a head alone on features, a last block,
thin matrices beside linear layers.

The loop knows none of that: it trains the network that it is given on the batches that it is given.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.lora import adapt, merged, plain_name
from afield.backbones.parts import HeadAlone, freeze, head_alone, head_inputs, last_block
from afield.images.loader import TrainingBatches
from afield.images.samples import Samples
from afield.images.sending import send
from afield.probing.features import Extraction, FeatureBatches, FeatureSamples
from afield.probing.kept import Told, array_digest
from afield.probing.probe import fit_probe, kept_probe
from afield.probing.version import PROBING_VERSION
from afield.training import devices
from afield.training.checkpoint import State
from afield.training.device import autocast, dtype, nondeterminism_named, platform
from afield.training.loop import EVALUATION_BATCH, Hooks, Setup
from afield.training.numerics import Numerics
from afield.training.recipe import Recipe


@dataclass(frozen=True)
class Frozen:
    """What a training needs beside images to train on, where its body or its start is frozen."""

    train: Samples
    """the training split's samples, in their order, as evaluation views"""
    validation: Samples
    cache: Path
    features: Mapping[str, object]
    """all that features depend on but the images, the numerics and the platform: plain values"""
    probe: Mapping[str, object]
    """all that the choice of a probe depends on but features and labels: plain values"""


def begin(
    setup: Setup, batches: TrainingBatches, backbone: Backbone, frozen: Frozen | None, state: State, hooks: Hooks
) -> Setup:
    """What the loop trains, from a setup of the whole network on images; `frozen` where `recipe.probed`.

    The probe is fitted where the training begins; one that goes on has its head in `state`. It depends on no seed and
    on nothing that was drawn, so a stop before, in or after it changes nothing.
    """
    recipe, network = setup.recipe, setup.network
    limit(network, backbone, recipe, batches.seed, batches.samples.images.channels)
    if recipe.trained == "lora" and setup.layers is not None:
        learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
        setup = replace(setup, layers={name: setup.layers[plain_name(name)] for name in learning})
    fresh = not state.network
    if frozen is None or not (recipe.trained == "head" or fresh):
        return setup
    with nondeterminism_named():
        alone = head_alone(network, backbone, frozen.train.images.channels, recipe.size)
    extraction = _extraction(setup, backbone, alone, frozen, hooks)
    train, validation = (
        replace(extraction, told=_timed(hooks, f"features of the {split} split")).features(samples)
        for split, samples in (("training", frozen.train), ("validation", frozen.validation))
    )
    if recipe.initialisation == "probe" and fresh:
        _put_probe(alone, setup, frozen, extraction, train, validation, hooks)
    if recipe.trained != "head":
        return setup
    return replace(
        setup,
        network=alone,
        batches=FeatureBatches(replace(batches, samples=frozen.train), train),
        validation=FeatureSamples(validation, frozen.validation.row),
        preprocessing=as_it_is,
    )


def limit(network: nn.Module, backbone: Backbone, recipe: Recipe, seed: int, channels: int) -> None:
    """Let a new network learn only in what the recipe trains: its last block, or by LoRA, as which it says what it
    said. A head alone is taken out of it later.
    """
    if recipe.trained == "last block":
        freeze(network, last_block(network, backbone))
    if recipe.trained == "lora":
        rank, alpha = recipe.lora_rank, recipe.lora_alpha
        with nondeterminism_named():
            adapt(network, backbone, rank=rank, alpha=alpha, seed=seed, channels=channels, size=recipe.size)


def completed(state: State, recipe: Recipe, network: nn.Module) -> State:
    """A state whose best network is plain and whole. Of a head alone the rest is as it is in `network`; what LoRA
    learnt is merged into the weights.
    """
    if state.best is None or recipe.trained not in ("head", "lora"):
        return state
    if recipe.trained == "lora":
        plain = merged(state.best.network, recipe.lora_alpha / recipe.lora_rank)
        return replace(state, best=replace(state.best, network=plain))
    whole = {name: tensor.detach().to("cpu", copy=True) for name, tensor in network.state_dict().items()}
    return replace(state, best=replace(state.best, network={**whole, **state.best.network}))


def as_it_is(features: torch.Tensor, numerics: Numerics) -> torch.Tensor:
    """Features on the device: a head takes them as they are."""
    return send(features, torch.device(numerics.device))


def _timed(hooks: Hooks, what: str) -> Told:
    """What tells the hooks how much is done, and how much a second since it was first told."""
    begun: tuple[float, int] | None = None

    def told(done: int, total: int) -> None:
        nonlocal begun
        now = time.perf_counter()
        since, before = begun = begun or (now, done)
        hooks.before(what, done, total, (done - before) / max(now - since, 1e-9))

    return told


def _extraction(setup: Setup, backbone: Backbone, alone: HeadAlone, frozen: Frozen, hooks: Hooks) -> Extraction:
    numerics = setup.numerics

    def embed(views: torch.Tensor) -> torch.Tensor:
        setup.network.eval()
        with torch.inference_mode(), autocast(numerics), nondeterminism_named():
            images = setup.preprocessing(views, numerics)
            return head_inputs(setup.network, backbone, alone, images).to(dtype(numerics))

    about = {
        **frozen.features,
        "probing": PROBING_VERSION,
        "numerics": numerics.model_dump(mode="json"),
        "platform": platform(numerics.device),
    }
    device = torch.device(numerics.device)
    folder = frozen.cache / "features"
    return Extraction(embed, about, folder, device, EVALUATION_BATCH, hooks.stop, share=devices.share())


def _put_probe(
    alone: HeadAlone,
    setup: Setup,
    frozen: Frozen,
    extraction: Extraction,
    train: torch.Tensor,
    validation: torch.Tensor,
    hooks: Hooks,
) -> None:
    samples, shown = frozen.train, frozen.validation
    about = {
        **frozen.probe,
        "train": extraction.names(samples),
        "validation": extraction.names(shown),
        "arrays": [array_digest(array) for one in (samples, shown) for array in (one.row, one.label)],
    }
    probe = kept_probe(
        frozen.cache / "probes",
        about,
        lambda: fit_probe(
            train[torch.from_numpy(samples.row)],
            torch.from_numpy(samples.label),
            alone.outputs,
            validation[torch.from_numpy(shown.row)],
            setup.measure,
            hooks.stop,
            _timed(hooks, "penalties of the probe"),
        ),
        hooks.stop,
    )
    alone.put(*(send(tensor, torch.device(setup.numerics.device)) for tensor in (probe.weight, probe.bias)))
