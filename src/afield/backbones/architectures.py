"""The libraries' architectures: a network as its library makes it, with the head of its weights or one of its own."""

from __future__ import annotations

from functools import cache
from weakref import WeakValueDictionary

import timm
import torch
import torchvision
from torch import nn

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError, nearest
from afield.base.extensions import where

_MADE: WeakValueDictionary[int, nn.Module | nn.Parameter] = WeakValueDictionary()
"""one's own networks that still exist, and their parameters, by id: a second trial must not train the first one's"""


class Tower(nn.Module):
    """CLIP's visual tower and a linear head on its image embedding, as it is before normalisation to unit length."""

    def __init__(self, visual: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.visual = visual
        self.head = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images [n, channels, side, side] -> logits [n, classes]."""
        logits: torch.Tensor = self.head(self.visual(images))
        return logits


class _MNASNet(torchvision.models.MNASNet):  # type: ignore[misc]  # torchvision has no types
    """torchvision's, which loads plain dictionaries too: its own rule asks for a version that only pickles carry.

    That rule mends files of 2019 with another stem; such a file is refused here, since its shapes do not fit.
    """

    _load_from_state_dict = nn.Module._load_from_state_dict


class Grid(nn.Module):
    """Averages a map [n, c, h, w] over the cells of a grid, as nn.AdaptiveAvgPool2d does.

    That one's gradient has no deterministic way on a GPU, so AlexNet and VGG would be refused there.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map -> [n, c, rows, columns], as two products with the shares of the cells."""
        height, width = features.shape[-2:]
        if (height, width) == (self.rows, self.columns):
            return features
        place = features.device, features.dtype
        return _shares(self.rows, height, *place) @ features @ _shares(self.columns, width, *place).T


@cache
def _shares(cells: int, length: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """[cells, length]: how much each place counts in each cell; cell i of k goes from i n / k to (i + 1) n / k."""
    shares = [[0.0] * length for _ in range(cells)]
    for cell, row in enumerate(shares):
        first, behind = cell * length // cells, -(-(cell + 1) * length // cells)
        row[first:behind] = [1 / (behind - first)] * (behind - first)
    with torch.inference_mode(False):  # made in evaluation, used in training too
        return torch.tensor(shares, device=device, dtype=dtype)


def make(backbone: Backbone, classes: int | None = None) -> nn.Module:
    """The backbone's network with random float32 values from torch's global generator, for RGB, in training mode.

    `classes` is the width of a new head; None keeps the head that the weights come with (CLIP's tower: none, so the
    network gives the image embedding). Always three channels and the size that the weights are for.

    open_clip: the head stands on what `encode_image` gives, behind the projection, as in the fine-tuning of CLIP
    (linear probe on the image embedding, then all: Kumar et al. 2022; Wortsman et al. 2022). One's own: `classes`
    must be None, since its factory takes no arguments.

    Raises InputError where the library does not know the architecture, where open_clip is not installed, and where
    one's own factory fails, makes no network, or gives one (or parameters of one) that it has given before.
    """
    if backbone.library == "timm":
        return _timm(backbone, classes)
    if backbone.library == "torchvision":
        return _torchvision(backbone, classes)
    if backbone.library == "open_clip":
        return _open_clip(backbone, classes)
    return _own(backbone)


def timm_name(backbone: Backbone) -> str:
    """The name that timm builds by: with its tag, where timm has it, since sizes and classes may hang on the tag."""
    tagged = f"{backbone.architecture}.{backbone.tag}"
    try:
        timm.get_pretrained_cfg(tagged)
    except RuntimeError:
        return backbone.architecture
    return tagged


def _timm(backbone: Backbone, classes: int | None) -> nn.Module:
    if not timm.is_model(backbone.architecture):
        raise _unknown(backbone, "timm", timm.__version__, timm.list_models())
    if classes is None:
        return timm.create_model(timm_name(backbone), pretrained=False)
    return timm.create_model(timm_name(backbone), pretrained=False, num_classes=classes)


def _torchvision(backbone: Backbone, classes: int | None) -> nn.Module:
    known = torchvision.models.list_models(module=torchvision.models)
    if backbone.architecture not in known:
        raise _unknown(backbone, "torchvision", torchvision.__version__, known)
    options: dict[str, object] = {} if classes is None else {"num_classes": classes}
    if backbone.architecture in ("googlenet", "inception_v3"):
        # Without the heads that only pretraining used. Their V1 weights are TensorFlow's: they want 0.5 / 0.5
        options |= {"aux_logits": False, "transform_input": True, "init_weights": True}
    elif backbone.architecture.startswith("vit_"):  # some of its weights are for 384 px, with as many positions
        options["image_size"] = backbone.input_size
    network: nn.Module = torchvision.models.get_model(backbone.architecture, weights=None, **options)
    if isinstance(network, torchvision.models.MNASNet):
        network.__class__ = _MNASNet
    if isinstance(network, torchvision.models.AlexNet | torchvision.models.VGG):
        network.avgpool = Grid(*network.avgpool.output_size)
    if isinstance(network, torchvision.models.SqueezeNet) and classes is not None:
        # torchvision keeps a ReLU behind the head: it cuts logits below zero, and a class whose logits are all zero
        # never learns again (docs/decisions/0005-one-rule-for-heads.md)
        network.classifier[2] = nn.Identity()
    return network


def _open_clip(backbone: Backbone, classes: int | None) -> nn.Module:
    try:
        import open_clip
    except ImportError as error:
        raise InputError(
            f"{backbone.id}: CLIP's towers need open_clip, which is not installed; pip install 'afield[clip]'"
        ) from error
    settings = open_clip.get_model_config(backbone.architecture)
    if settings is None:
        raise _unknown(backbone, "open_clip", open_clip.__version__, open_clip.list_models())
    weights = open_clip.get_pretrained_cfg(backbone.architecture, backbone.tag) or {}
    # the smallest text side that there can be: it is thrown away
    text = open_clip.CLIPTextCfg(context_length=4, vocab_size=8, width=8, heads=1, layers=1)
    clip = open_clip.CLIP(
        embed_dim=settings["embed_dim"],
        vision_cfg=open_clip.CLIPVisionCfg(**settings["vision_cfg"]),
        text_cfg=text,
        quick_gelu=bool(weights.get("quick_gelu", settings.get("quick_gelu", False))),
    )
    head = nn.Identity() if classes is None else nn.Linear(settings["embed_dim"], classes)
    return Tower(clip.visual, head)


def _own(backbone: Backbone) -> nn.Module:
    assert backbone.build is not None, "checked by Backbone"
    try:
        network = backbone.build()
    except (Exception, SystemExit) as error:
        raise InputError(f"{backbone.id}: its build function failed: {where(error)}; mend the function") from error
    if not isinstance(network, nn.Module):
        raise InputError(
            f"{backbone.id}: its build function gave {type(network).__name__}, not a torch.nn.Module; "
            "it must return the network"
        )
    parts: list[nn.Module | nn.Parameter] = [network, *network.parameters()]
    if any(_MADE.get(id(part)) is part for part in parts):
        raise InputError(
            f"{backbone.id}: its build function gave a network, or parameters, that it had given before, so one "
            "trial's training would go on in the next; it must make a new network at each call"
        )
    _MADE.update({id(part): part for part in parts})
    return network


def _unknown(backbone: Backbone, library: str, version: str, known: list[str]) -> InputError:
    return InputError(
        f"{backbone.id}: {library} {version} has no architecture {backbone.architecture}; "
        f"{nearest(backbone.architecture, known)} (or install a newer {library})"
    )
