"""What a backbone is: a plain typed object. A row of the catalogue and one of the user's own are the same thing.

Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from afield.base.errors import InputError

if TYPE_CHECKING:
    from torch import nn

Library = Literal["timm", "torchvision", "open_clip", "own"]
Objective = Literal["supervised", "self-supervised", "image-text", "adversarial"]
ImagenetKind = Literal["supervised", "linear probe", "zero-shot", "measured"]
Interpolation = Literal["bilinear", "bicubic"]
CropMode = Literal["center", "squash", "border"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_ACCURACIES = ("imagenet_top1", "imagenet_v2", "imagenet_real", "imagenet_a", "imagenet_r", "imagenet_sketch")
_LITERALS = {
    "library": get_args(Library),
    "imagenet_kind": get_args(ImagenetKind),
    "interpolation": get_args(Interpolation),
    "crop_mode": get_args(CropMode),
    "objective": get_args(Objective),
}


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """An architecture with one set of pretrained weights; ImageNet accuracy belongs to the weights.

    One's own is written in a file that the study names (`extensions`), with `build` and mostly `weights`; what is left
    out is unknown (None) or the common value. Without `imagenet_top1` a backbone is ranked and compared, but stands
    outside the fit. Raises InputError for values that cannot be.
    """

    id: str = ""
    """`resnet50.tv_in1k`; one's own gets `FILE:NAME` when its file is loaded"""
    library: Library = "own"
    architecture: str = ""
    """the library's own name of it; empty for one's own"""
    tag: str = ""
    """the library's own name of the weights"""

    build: Callable[[], nn.Module] | None = None
    """one's own: makes the network, head included, as its weights fit it"""
    weights: str | None = None
    """one's own: file of its weights, relative to the file that names it; None trains from random values alone"""
    head: str | None = None
    """one's own: name of the layer that gives the logits (nn.Linear or nn.Conv2d); by default the last such layer"""

    imagenet_top1: float | None = None
    """per cent, 0..100"""
    imagenet_kind: ImagenetKind = "supervised"
    imagenet_size: int | None = None
    """side of the images that `imagenet_top1` was measured at, pixels"""
    imagenet_v2: float | None = None
    """top-1 on ImageNet-V2 (matched frequency), per cent; the next four likewise on their sets"""
    imagenet_real: float | None = None
    imagenet_a: float | None = None
    imagenet_r: float | None = None
    imagenet_sketch: float | None = None

    input_size: int = 224
    """side of the images that the weights were published for, pixels"""
    smallest_size: int = 32
    """no image may be smaller, pixels"""
    size_step: int = 1
    """every size must be a multiple of it, pixels; 0: `smallest_size` is the only one"""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: Interpolation = "bicubic"
    crop: float = 0.875
    """share of the resized image's side that the makers' evaluation crop keeps"""
    crop_mode: CropMode = "center"
    """how the makers' evaluation makes an image square, in timm's words: `center` resizes the short side and cuts,
    `squash` resizes both sides to one length, `border` resizes the long side and fills up with `mean`"""

    params_m: float | None = None
    """parameters with the head of the weights, where they have one, millions"""
    gmacs: float | None = None
    """multiply-adds of one image at `input_size`, billions"""
    convolutional: bool = True
    """whether channels-last memory suits it"""
    pretraining_data: str = ""
    objective: Objective = "supervised"
    """what the first stage of pretraining learnt from"""
    augmentation: str = ""
    """in pretraining: none, RandAugment, AugMix, ...; empty where unknown"""
    family: str = ""
    year: int | None = None
    """in which the architecture was published"""
    licence: str = ""
    """of the weights"""
    source: str = ""
    """where the figures are from"""

    def __post_init__(self) -> None:
        name = self.id or "Backbone"
        for field in _ACCURACIES:
            value = getattr(self, field)
            if value is not None and not (_is_number(value) and 0 <= value <= 100):
                raise InputError(f"{name}: {field} = {value}: is no accuracy in per cent; give a value from 0 to 100")
        for field, low, mend in (("mean", 0.0, "from 0 to 1"), ("std", 1e-6, "above 0 and up to 1")):
            value = getattr(self, field)
            if len(value) != 3 or not all(low <= part <= 1 for part in value):
                raise InputError(
                    f"{name}: {field} = {value}: give three values {mend}: images are scaled to 0..1 "
                    "(divide values made for 0..255 by 255)"
                )
        for field, values in _LITERALS.items():
            value = getattr(self, field)
            if value not in values:
                raise InputError(f"{name}: {field} = {value}: must be {', '.join(values[:-1])} or {values[-1]}")
        self._check_sizes(name)
        if self.library == "own" and not self.id and not callable(self.build):
            # read back from a result folder, one's own has its id and its values, but no function
            raise InputError(f"{name}: build: must be a function without arguments that makes the network")

    def _check_sizes(self, name: str) -> None:
        for field, low in (("imagenet_size", 1), ("input_size", 1), ("smallest_size", 1), ("size_step", 0)):
            value = getattr(self, field)
            if value is None and field == "imagenet_size":
                continue
            if type(value) is not int or value < low:  # True is an int too, and no size
                raise InputError(f"{name}: {field} = {value}: give a whole number of pixels, {low} or more")
        most = 1 if self.library == "own" else 2  # timm evaluates three VOLO at 1.15: resized to less, then padded
        if not (_is_number(self.crop) and 0 < self.crop <= most):
            raise InputError(
                f"{name}: crop = {self.crop}: is no share of an image's side; give a value above 0 up to {most}"
            )
        if not self.id and self.smallest_size > self.input_size:  # as it is written; with an id it has been checked
            raise InputError(
                f"{name}: smallest_size = {self.smallest_size}: is above input_size = {self.input_size}, which the "
                f"weights were published for; set smallest_size to {self.input_size} or less"
            )

    @property
    def work(self) -> float:
        """What order and time are estimated by: multiply-adds of an image, billions; 1 where they are unknown."""
        return 1.0 if self.gmacs is None else self.gmacs

    def plain(self) -> dict[str, Any]:
        """All values as JSON can hold them, what belongs to this machine apart (`build`, `weights`)."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if name not in ("build", "weights")}

    @staticmethod
    def from_plain(values: Mapping[str, Any]) -> Backbone:
        """What `plain` gave, read back from JSON."""
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Backbone(**{**values, **lists})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
