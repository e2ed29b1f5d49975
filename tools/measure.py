"""What can be counted on an architecture without its weights: parameters, multiply-adds, sizes; and kept for next time.

Everything happens on torch's meta device: shapes alone, no memory, no arithmetic.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import timm
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from afield.backbones.backbone import Backbone
from afield.backbones.sizes import probe_sizes

_WIDTHS = (
    r"_(x*tiny|x*small|atto|femto|pico|nano|little|pwee|wee|medium|mediumd|betwixt|so150m2?|so400m|base|plus|x*large|huge"
    r"|giant)(?=_|$)"
)
"""words for how wide and deep"""

_DEPTHS = r"_(12|24|[1-9]\d\d|s|m|b|l|t|xs|ti|d[1-5]|[0-3]|(m|s|xs|xxs)(24|36|48)|l[137])(?=_|$)"
"""depths, variants, sizes of images"""


@dataclass(frozen=True)
class Counts:
    """What an architecture holds and does at one input size."""

    params: int
    macs: int
    convolutional: bool
    """whether it has several convolutions of more than one pixel and no attention"""


def build(library: str, name: str, size: int) -> nn.Module:
    """The network on the meta device with the head of its weights, for images of `size` (timm knows the size itself).

    `name` is `architecture.tag`. Raises whatever the library raises where it cannot.
    """
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"timm": _timm, "torchvision": _torchvision, "open_clip": _open_clip}[library](name, size).eval()


def _timm(name: str, size: int) -> nn.Module:
    network: nn.Module = timm.create_model(name)
    return network


def _torchvision(name: str, size: int) -> nn.Module:
    architecture = name.partition(".")[0]
    options: dict[str, object] = {}
    if architecture == "googlenet":  # without its auxiliary heads, as torchvision makes it for the weights
        options = {"init_weights": False, "aux_logits": False}
    elif architecture == "inception_v3":
        options = {"init_weights": False}
    elif architecture.startswith("vit_"):
        options = {"image_size": size}
    with torch.device("cpu" if architecture.startswith("regnet") else "meta"):  # its widths are computed with tensors
        network: nn.Module = torchvision.models.get_model(architecture, weights=None, **options)
    return network.to("meta")


def _open_clip(name: str, size: int) -> nn.Module:
    import open_clip

    architecture, _, tag = name.partition(".")
    quick = bool(open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu"))
    model = open_clip.create_model(architecture, device="meta", force_quick_gelu=quick, force_image_size=size)
    network: nn.Module = model.visual
    return network


def count(library: str, name: str, size: int) -> Counts:
    """Parameters and multiply-adds of one of `library`'s weights at its own input size."""
    network = build(library, name, size).requires_grad_(False)  # or the counter stumbles over bare parameters
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, size, size, device="meta"))
    attention = [op for op in counter.get_flop_counts()["Global"] if "bmm" in str(op) or "attention" in str(op)]
    kernels = [module.kernel_size for module in network.modules() if isinstance(module, nn.Conv2d)]
    return Counts(
        params=sum(parameter.numel() for parameter in network.parameters()),
        macs=counter.get_total_flops() // 2,
        convolutional=not attention and sum(max(kernel) > 1 for kernel in kernels) >= 4,
    )


def kin(library: str, name: str) -> str:
    """A key that architectures share which take the same sizes: variants of one design in width, depth and input."""
    architecture = re.sub(_WIDTHS, "", name.partition(".")[0])
    settings = timm.get_pretrained_cfg(name) if library == "timm" else None
    if (
        library == "open_clip"
        or (settings and settings.fixed_input_size)
        or architecture.startswith(("vit_", "maxvit_", "swin"))
    ):
        return f"{library} {re.sub(_DEPTHS, '', architecture)}"
    return f"{library} {re.split(r'[0-9]', architecture)[0]}"


class Measurements:
    """What was counted, kept in a file between runs."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        known = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
        self._counts: dict[str, dict[str, int]] = known.get("counts", {})
        self._sizes: dict[str, list[int]] = known.get("sizes", {})

    def of(self, row: Backbone, classes: int) -> Backbone:
        """The row with parameters, multiply-adds and sizes."""
        name = f"{row.architecture}.{row.tag}"
        counted = f"{row.library} {row.architecture} {row.input_size} {classes}"
        if counted not in self._counts:
            self._counts[counted] = asdict(count(row.library, name, row.input_size))
            self._keep()
        probed = kin(row.library, name)
        if probed not in self._sizes:
            self._sizes[probed] = list(probe_sizes(row))
            self._keep()
        counts, (smallest, step) = self._counts[counted], self._sizes[probed]
        return replace(
            row,
            params_m=round(counts["params"] / 1e6, 3),
            gmacs=round(counts["macs"] / 1e9, 3),
            convolutional=bool(counts["convolutional"]),
            smallest_size=smallest if step else row.input_size,
            size_step=step,
        )

    def _keep(self) -> None:
        if self._path:
            self._path.write_text(json.dumps({"counts": self._counts, "sizes": self._sizes}), encoding="utf-8")
