"""One's own heads: objects in an extension, which give logits of pooled features in place of a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from afield.base.errors import InputError
from afield.base.extensions import Extension, find_object, where

_FEATURES, _OUTPUTS, _SAMPLES = 12, 3, 4
"""of the layer that a head is tried as"""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What gives the logits of an image's pooled features.

    It sees no labels: what acts in training alone (the margin of metric learning) belongs to the loss.
    """

    build: Callable[[int, int], nn.Module]
    """numbers of features and of outputs -> a module that takes features [n, features] to logits [n, outputs], of the
    features' type, on their device. Its random values come from torch's own generator, which is seeded"""


class OwnHead(nn.Module):
    """A head of one's own in its place in a network: features [n, f] -> logits [n, outputs].

    With `on_map` it stands where the architecture has a convolution: [n, f, h, w] -> [n, outputs, 1, 1], averaged over
    the map first.
    """

    def __init__(self, head: Head, features: int, outputs: int, *, on_map: bool = False) -> None:
        super().__init__()
        self.head, self.features, self.outputs, self.on_map = head, features, outputs, on_map
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the module anew, its random values from torch's generator as it stands."""
        try:
            self.module: nn.Module = self.head.build(self.features, self.outputs)
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise InputError(
                f"the head's build({self.features}, {self.outputs}) fails: {where(error)}; mend it"
            ) from error
        if not isinstance(self.module, nn.Module):
            raise InputError(f"the head's build gives {type(self.module).__name__}; must give a torch.nn.Module")

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The logits. Raises InputError where features or logits have not the shapes that a head is for."""
        pooled = features.mean(dim=(2, 3)) if self.on_map else features
        if pooled.ndim != 2:
            raise InputError(
                f"a head of one's own is for one vector an image, and here it is given {list(pooled.shape)}; "
                'leave recipe.head at "own" for this backbone'
            )
        logits: object = self.module(pooled)
        if not isinstance(logits, torch.Tensor) or logits.shape != (len(pooled), self.outputs):
            found = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise InputError(f"the head gives {found}; must give logits, [{len(pooled)}, {self.outputs}]")
        return logits[:, :, None, None] if self.on_map else logits


def head_of(kind: str, own: Head | None) -> Head | Literal["own", "linear"]:
    """What `build` is given for a recipe's head; `own` is what a reference refers to."""
    if own is not None:
        return own
    if kind == "own":
        return "own"
    if kind == "linear":
        return "linear"
    raise ValueError(f"{kind}: refers to a head of one's own, which is not given")


def own_head(name: str, extensions: Mapping[str, Extension]) -> Head:
    """One's own head, by its reference. Raises InputError where there is none."""
    return find_object(name, extensions, Head)


def check_head(name: str, extensions: Mapping[str, Extension]) -> str:
    """Try a head on a few random features, before anything is trained; words for what was found.

    Raises InputError where its logits have another shape or type or are not finite, where they depend on what stands
    beside a sample or on more than the seed, and where nothing could be learned through it.
    """
    head, features = own_head(name, extensions), _random(_SAMPLES)
    try:
        one, again, other = (_made(head, seed) for seed in (0, 0, 1))
        logits = one(features)
        _same(one.state_dict(), again.state_dict(), name)
        if one.state_dict() and all(torch.equal(a, b) for a, b in _pairs(one, other)):
            raise InputError(f"{name}: two heads of two seeds are equal: do not seed torch in `build`")
        if logits.dtype != features.dtype or not bool(torch.isfinite(logits).all()):
            raise InputError(f"{name}: gives {logits.dtype}, or what is not finite; must give finite {features.dtype}")
        if not torch.allclose(one(features[1:2]), logits[1:2], rtol=1e-5, atol=1e-6):
            raise InputError(f"{name}: in evaluation a sample's logits depend on those beside it; take each by itself")
        _learns(one.train(), name)
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(name) else f"{name}: {error}") from error
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise InputError(f"{name}: {where(error)}; mend the head") from error
    weights = sum(parameter.numel() for parameter in one.parameters())
    return f"logits [{_SAMPLES}, {_OUTPUTS}] of {_FEATURES} features, {weights} weights"


def _random(samples: int) -> torch.Tensor:
    return torch.randn(samples, _FEATURES, generator=torch.Generator().manual_seed(0)).requires_grad_()


def _made(head: Head, seed: int) -> OwnHead:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = OwnHead(head, _FEATURES, _OUTPUTS)
    made.eval()
    return made


def _pairs(one: OwnHead, other: OwnHead) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def _same(one: Mapping[str, torch.Tensor], again: Mapping[str, torch.Tensor], name: str) -> None:
    if list(one) != list(again) or not all(torch.equal(one[key], again[key]) for key in one):
        raise InputError(f"{name}: two heads of one seed differ: draw every random value with torch's own generator")


def _learns(head: OwnHead, name: str) -> None:
    """The slope of a loss through it reaches features and weights."""
    features = _random(_SAMPLES)
    with torch.random.fork_rng(devices=[]):  # dropout may draw
        loss = nn.functional.cross_entropy(head(features), torch.arange(_SAMPLES) % _OUTPUTS)
    places = [features, *(weight for weight in head.parameters() if weight.requires_grad)]
    slopes = torch.autograd.grad(loss, places, allow_unused=True)
    if any(slope is None or not bool(torch.isfinite(slope).all()) for slope in slopes) or not bool(
        torch.cat([slope.flatten() for slope in slopes if slope is not None]).any()
    ):
        raise InputError(f"{name}: its slope is missing, not finite, or 0 everywhere, so nothing could be learned")
