"""The recipe: everything that shapes one training, as plain checked values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from afield.base.errors import nearest
from afield.base.extensions import is_own

USUAL_SIZE = 224
"""pixels, where nothing else is said"""

FOCAL_GAMMA = 2.0
"""Lin et al. 2017"""
REGRESSIONS = ("smooth-l1", "mse")
"""the losses of one number, for grades"""
BUILT_IN_LOSSES = ("cross-entropy", "bce", "focal", *REGRESSIONS)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
    augmentation: Literal["paper", "none"] = "paper"
    """`paper`: RandomResizedCrop with scale (0.65, 1) and the flips that the task allows; `none`: the evaluation
    view"""

    loss: str = "auto"
    """`auto`: cross-entropy; bce where a sample may have several labels; focal where `balance` is. Or one of
    BUILT_IN_LOSSES, or one's own as `FILE:NAME`"""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """share of each label that is spread: over all classes in cross-entropy, over yes and no in bce"""
    focal_gamma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = FOCAL_GAMMA
    """of the focal loss: how much less a sample counts that is right already; 0: as much"""
    balance: Literal["none", "loss", "sampler", "focal", "logit-adjust"] = "none"
    """what is done about classes of unequal size, counted in the training split: rare ones weigh more in the loss, are
    shown as often as others, weigh more in a focal loss, or give way by their logits (docs/losses.md)"""

    @model_validator(mode="after")
    def _loss_holds(self) -> Recipe:
        known = ("auto", *BUILT_IN_LOSSES)
        if self.loss not in known and not is_own(self.loss):
            raise ValueError(f"loss: {self.loss}: unknown loss; {nearest(self.loss, known)}")
        if self.balance == "focal" and self.loss not in ("auto", "focal"):
            raise ValueError(f'balance: focal is a loss of its own beside loss = "{self.loss}"; take one of them away')
        if self.balance == "logit-adjust" and self.loss not in ("auto", "cross-entropy"):
            raise ValueError(
                f'balance: logit-adjust changes cross-entropy, not loss = "{self.loss}"; take one of them away'
            )
        focal = self.loss == "focal" or self.balance == "focal"
        if self.label_smoothing and (focal or self.loss not in ("auto", "cross-entropy", "bce")):
            raise ValueError("label_smoothing: is for cross-entropy and bce; leave it at 0")
        if self.focal_gamma != FOCAL_GAMMA and not focal:
            raise ValueError(f'focal_gamma: is of loss = "focal" and balance = "focal"; leave it at {FOCAL_GAMMA:g}')
        return self

    @property
    def regresses(self) -> bool:
        """Whether the network gives one number, the grade, and not a logit of each class."""
        return self.loss in REGRESSIONS

    @property
    def size(self) -> int:
        """The image size of a trial, whose recipe leaves nothing open. Raises ValueError where it is `auto`."""
        if self.image_size == "auto":
            raise ValueError("image_size must be settled first")
        return self.image_size
