"""The recipe: everything that shapes one training, as plain checked values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from afield.base.errors import nearest
from afield.base.extensions import is_own

USUAL_SIZE = 224
"""pixels, where nothing else is said"""

AUGMENTATIONS = ("none", "paper", "randaugment", "augmix", "trivialaugment", "colour_affine", "dihedral")
"""those that come with the package"""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How one network is trained. Defaults are the study's (arXiv 2301.04644), its grid values apart."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    initialisation: Literal["pretrained", "scratch"] = "pretrained"
    """where the body's weights start; the head always starts at random"""
    pooling: Literal["own", "average", "max", "average+max", "gem", "class token", "mean of tokens"] = "own"
    """how the last map or the tokens become the features of an image; `own`: as the architecture has it"""
    head: Literal["own", "linear"] = "own"
    """`own`: the architecture's kind of head, new; `linear`: one linear layer on the pooled features, no dropout"""
    image_size: Annotated[int, Field(ge=32, le=2048)] | Literal["auto"] = "auto"
    """side of the square that the network sees, in pixels; `auto`: USUAL_SIZE, or what the study's protocol says"""
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 30
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 128
    """the last partial batch is kept; a batch of one is skipped (BatchNorm cannot train on it)"""
    optimiser: Literal["adamw"] = "adamw"
    learning_rate: Positive = 1e-4
    """peak learning rate, for all parameters alike"""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4
    """decay of the weights in one step at the peak: torch is given weight_decay / learning_rate, so the decay does not
    depend on the peak learning rate and follows the schedule (PAPER.md 3)"""
    schedule: Literal["cosine"] = "cosine"
    """per epoch: learning_rate * (1 + cos(pi * epoch / epochs)) / 2"""
    augmentation: Annotated[str, Field(min_length=1)] = "paper"
    """`none`: the evaluation view; `paper`: RandomResizedCrop with scale (0.65, 1) and the flips that the task allows;
    the others add their operations to `paper` (docs/augmentation.md); FILE:NAME: one's own"""
    mixup: NotNegative = 0.0
    """alpha of Mixup's Beta distribution; 0: off"""
    cutmix: NotNegative = 0.0
    """alpha of CutMix's; with mixup on too each batch gets one of them at even odds"""
    erasing: Annotated[float, Field(ge=0, le=1)] = 0.0
    """probability that a rectangle of an image is erased"""

    @field_validator("augmentation")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in AUGMENTATIONS and not is_own(name):
            raise ValueError(f"{name}: is no augmentation; {nearest(name, AUGMENTATIONS)}")
        return name

    @property
    def size(self) -> int:
        """The image size of a trial, whose recipe leaves nothing open. Raises ValueError where it is `auto`."""
        if self.image_size == "auto":
            raise ValueError("image_size must be settled first")
        return self.image_size
