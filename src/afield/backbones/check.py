"""The contract's own tests of one's own backbones: part of what `afield extension check my_lab.py` runs."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.heads import head_name, head_names, is_of_head
from afield.backbones.own import measured, resolve
from afield.backbones.sizes import check_size
from afield.backbones.weights import Sources, Weights, locate
from afield.base.errors import InputError
from afield.base.extensions import Extension, keep_copy, load_kept, objects, where


@dataclass(frozen=True)
class Check:
    """What one test of one object came to."""

    name: str
    what: str
    outcome: Literal["ok", "failed", "left out"]
    words: str
    """what was found, or what is wrong and the mend"""


def check_backbones(extension: Extension, sources: Sources) -> Iterator[Check]:
    """Test every backbone of an extension, a line a test, each as soon as it is done. One that cannot be built is not
    tested further.
    """
    for name in objects(extension, Backbone):
        yield from _check_backbone(f"{extension.name}:{name}", extension, sources)


def _check_backbone(name: str, extension: Extension, sources: Sources) -> Iterator[Check]:
    backbone: Backbone | None = None
    weights: Weights | None = None
    for what, test in _TESTS.items():
        try:
            if test is _is_built:
                backbone = measured(resolve(name, {extension.name: extension}))
            assert backbone is not None
            if test is _weights_fit and backbone.weights is not None:
                weights = locate(backbone, sources)
            words = test(_Tested(backbone, extension, weights))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            yield Check(name, what, "failed", str(error) if isinstance(error, InputError) else where(error))
            if test in (_is_built, _has_head):
                return
        else:
            yield Check(name, what, "left out" if words.startswith("none") else "ok", words)


@dataclass(frozen=True)
class _Tested:
    backbone: Backbone
    extension: Extension
    weights: Weights | None

    def network(self, classes: int = 2, seed: int = 0, size: int | None = None) -> nn.Module:
        return _network(self.backbone, classes, self.weights, seed, size)

    def images(self, n: int = 2, size: int | None = None) -> torch.Tensor:
        side = self.backbone.input_size if size is None else size
        return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def _network(
    backbone: Backbone, classes: int, weights: Weights | None, seed: int = 0, size: int | None = None
) -> nn.Module:
    start: Literal["pretrained", "scratch"] = "scratch" if weights is None else "pretrained"
    return build(backbone, classes, initialisation=start, seed=seed, weights=weights, size=size)


def _is_built(tested: _Tested) -> str:
    row = tested.backbone
    return f"{row.params_m:.3g} M parameters, {row.gmacs:.3g} billion multiply-adds at {row.input_size} px"


def _has_head(tested: _Tested) -> str:
    network = make(tested.backbone)
    name = head_name(network, tested.backbone)
    return f"{name} ({type(network.get_submodule(name)).__name__}) is replaced"


def _weights_fit(tested: _Tested) -> str:
    if tested.weights is None:
        return "none named: it can be trained from scratch only"
    tested.network()
    return f"{tested.weights.path.name} ({tested.weights.sha256[:12]}) fits, tensor by tensor"


def _gives_logits(tested: _Tested) -> str:
    for classes in (2, 7):
        _logits(tested.network(classes).eval(), tested.images(), classes)
    return "logits of [2, 2] and [2, 7], all finite"


def _logits(network: nn.Module, images: torch.Tensor, classes: int) -> torch.Tensor:
    with torch.no_grad():
        logits: object = network(images)
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if not isinstance(logits, torch.Tensor) or shape != (len(images), classes):
        raise InputError(
            f"its output is {shape}, not ({len(images)}, {classes}); the layer `head` must give the logits, and the "
            "network must return them alone"
        )
    if not bool(torch.isfinite(logits).all()):
        raise InputError("its logits are not all finite; look for a division or a logarithm, or at mean and std")
    return logits


def _same_twice(tested: _Tested) -> str:
    once, again = (_bits(tested.backbone, tested.weights) for _ in range(2))
    if once != again:
        raise InputError(
            "two networks of one seed differ: draw every random value with torch's global generator, and no image "
            "may change the network in evaluation"
        )
    one, other = (_body(tested.backbone, seed) for seed in (0, 1))
    if all(torch.equal(value, other[name]) for name, value in one.items()):
        raise InputError("two networks of two seeds are equal: do not seed torch in `build`")
    return "equal networks and logits from one seed, others from another"


def _body(backbone: Backbone, seed: int) -> dict[str, torch.Tensor]:
    """The random tensors of a network from scratch, the head's apart: afield draws that itself."""
    network = _network(backbone, 2, None, seed)
    heads = head_names(network, backbone)
    return {name: value for name, value in network.state_dict().items() if not is_of_head(name, heads)}


def _bits(backbone: Backbone, weights: Weights | None) -> str:
    """One hash of the network's tensors and its logits."""
    network = _network(backbone, 2, weights).eval()
    images = torch.randn(2, 3, backbone.input_size, backbone.input_size, generator=torch.Generator().manual_seed(0))
    tensors = [value for _, value in sorted(network.state_dict().items())]
    found = hashlib.sha256()
    for value in (*tensors, _logits(network, images, 2)):
        found.update(value.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()


def _from_copy(tested: _Tested) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = keep_copy(tested.extension, Path(folder))
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            there = pool.submit(_bits_of_copy, place, tested.extension.sha256, tested.backbone.id, tested.weights)
            found = there.result()
    if found != _bits(tested.backbone, tested.weights):
        raise InputError(
            "another process makes another network: let nothing depend on what ran before, or on the folder"
        )
    return "equal bits from its copy in a fresh process, as the workers of a run load it"


def _bits_of_copy(place: str, sha256: str, name: str, weights: Weights | None) -> str:
    extension = load_kept(place, sha256)
    return _bits(resolve(name, {extension.name: extension}), weights)


def _takes_sizes(tested: _Tested) -> str:
    row = tested.backbone
    sizes = sorted({row.smallest_size, row.input_size, row.input_size + row.size_step})
    for size in sizes:
        try:
            check_size(row, size)
            _logits(tested.network(size=size).eval(), tested.images(size=size), 2)
        except (Exception, SystemExit) as error:
            words = str(error) if isinstance(error, InputError) else where(error)
            raise InputError(
                f"images of {size} px: {words}; say what it takes with smallest_size = and size_step ="
            ) from error
    return f"{', '.join(map(str, sizes))} px"


def _learns(tested: _Tested) -> str:
    network = tested.network().train()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    torch.manual_seed(0)
    loss = nn.functional.cross_entropy(network(tested.images(4)), torch.tensor([0, 1, 0, 1]))
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    optimiser.step()
    if not math.isfinite(loss.item()):
        raise InputError(f"the loss of the first step is {loss.item()}; look at mean, std and the head")
    moved = [name for name, value in network.named_parameters() if not torch.equal(value, before[name])]
    if not moved:
        raise InputError("no parameter has changed: leave requires_grad as torch sets it")
    still = len(before) - len(moved)
    return f"one step of AdamW, loss {loss.item():.3f}" + (
        f"; {still} of {len(before)} tensors stay as they are" if still else ""
    )


_TESTS: Mapping[str, Callable[[_Tested], str]] = {
    "is built": _is_built,
    "has a head": _has_head,
    "weights fit": _weights_fit,
    "gives logits": _gives_logits,
    "same bits twice": _same_twice,
    "loads from its copy": _from_copy,
    "takes its sizes": _takes_sizes,
    "learns": _learns,
}
