"""The recipe: everything that shapes one training, as plain checked values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

USUAL_SIZE = 224
"""pixels, where nothing else is said"""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How one network is trained. Defaults are the study's (arXiv 2301.04644), its grid values apart."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    initialisation: Literal["pretrained", "scratch", "probe"] = "pretrained"
    """where the weights start. The head starts at random, but with `probe`, whose body is pretrained and whose head is
    a linear probe on the features of that body (probing/probe.py). All trained from there is LP-FT (Kumar et al. 2022,
    arXiv 2202.10054), the study's way for CLIP (PAPER.md 1.4)"""
    trained: Literal["all", "head", "last block"] = "all"
    """what the training changes: everything; the head alone, on frozen features of evaluation views (so without
    augmentation and dropout); or the head and the architecture's last stage or transformer block (backbones/parts.py)"""
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

    @model_validator(mode="after")
    def _frozen_is_sound(self) -> Recipe:
        if self.trained != "all" and self.initialisation == "scratch":
            raise ValueError(
                f'trained: "{self.trained}": would leave most of a network at random values; '
                'use initialisation = "pretrained" or "probe", or trained = "all"'
            )
        if self.trained == "head" and self.augmentation != "none":
            raise ValueError(
                f'augmentation: "{self.augmentation}": features of a frozen body are computed once, from evaluation '
                'views; with trained = "head" set augmentation = "none"'
            )
        return self

    @property
    def probed(self) -> bool:
        """Whether the training needs frozen features."""
        return self.initialisation == "probe" or self.trained == "head"

    @property
    def size(self) -> int:
        """The image size of a trial, whose recipe leaves nothing open. Raises ValueError where it is `auto`."""
        if self.image_size == "auto":
            raise ValueError("image_size must be settled first")
        return self.image_size
