"""The recipe: everything that shapes one training, as plain checked values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from afield.base.errors import nearest
from afield.base.extensions import is_own

USUAL_SIZE = 224
"""pixels, where nothing else is said"""

AUGMENTATIONS = ("none", "paper", "randaugment", "augmix", "trivialaugment", "colour_affine", "dihedral")
"""those that come with the package"""
HEADS = ("own", "linear")
"""the kinds of heads that need no extension"""
FOCAL_GAMMA = 2.0
"""Lin et al. 2017"""
MOMENTUM = 0.9
"""the study's (PAPER.md 3)"""
LORA_RANK, LORA_ALPHA = 8, 16
"""twice the product of rank 8"""
REGRESSIONS = ("smooth-l1", "mse")
"""the losses of one number, for grades"""
BUILT_IN_LOSSES = ("cross-entropy", "bce", "focal", *REGRESSIONS)
MILESTONES = {30: (15, 20, 25), 50: (20, 30, 40)}
"""epochs done when the study's step schedule falls, by its epochs (PAPER.md 3)"""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _usual_epochs(said: dict[str, Any]) -> int:
    return 50 if said.get("initialisation") == "scratch" else 30


def _usual_milestones(said: dict[str, Any]) -> tuple[int, ...]:
    return MILESTONES.get(said.get("epochs", 0), ()) if said.get("schedule") == "step" else ()


class Recipe(BaseModel):
    """How one network is trained. Defaults are the study's (arXiv 2301.04644), its grid values apart."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    initialisation: Literal["pretrained", "scratch", "probe"] = "pretrained"
    """where the weights start. The head starts at random, but with `probe`, whose body is pretrained and whose head is
    a linear probe on the features of that body (probing/probe.py). All trained from there is LP-FT (Kumar et al. 2022,
    arXiv 2202.10054), the study's way for CLIP (PAPER.md 1.4)"""
    trained: Literal["all", "head", "last block", "lora"] = "all"
    """what the training changes: everything; the head alone, on frozen features of evaluation views (so without
    augmentation and dropout); the head and the architecture's last stage or transformer block (backbones/parts.py); or
    the head and a product of two thin matrices beside each linear layer of the body (backbones/lora.py)"""
    lora_rank: Annotated[int, Field(ge=1, le=1024)] = LORA_RANK
    """of `lora`: rows of the one matrix and columns of the other"""
    lora_alpha: Annotated[int, Field(ge=1)] = LORA_ALPHA
    """of `lora`: the product counts lora_alpha / lora_rank times"""
    pooling: Literal["own", "average", "max", "average+max", "concat", "gem", "class token", "mean of tokens"] = "own"
    """how the last map or the tokens become the features of an image; `own`: as the architecture has it"""
    head: str = "own"
    """`own`: the architecture's kind of head, new; `linear`: one linear layer on the pooled features, no dropout;
    FILE:NAME: one's own on the pooled features"""
    image_size: Annotated[int, Field(ge=32, le=2048)] | Literal["auto"] = "auto"
    """side of the square that the network sees, in pixels; `auto`: USUAL_SIZE, or what the study's protocol says"""
    channels: Literal["auto", "RGB", "BGR"] = "auto"
    """order in which the network gets the colours, while mean and std stay at their places; `auto`: RGB, or what the
    study's protocol says. BGR turns the first three channels round"""
    epochs: Annotated[int, Field(ge=1, le=10_000)] = Field(default_factory=_usual_epochs)
    """where nothing is said: 30, and 50 from scratch (PAPER.md 3)"""
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 128
    """samples that an update sees, however many of them the device takes at once (numerics.micro_batch); the last
    partial batch is kept; a batch of one is skipped (BatchNorm cannot train on it)"""
    augmentation: Annotated[str, Field(min_length=1)] = "paper"
    """`none`: the evaluation view; `paper`: RandomResizedCrop with scale (0.65, 1) and the flips that the task allows;
    the others add their operations to `paper` (docs/augmentation.md); FILE:NAME: one's own"""
    mixup: NotNegative = 0.0
    """alpha of Mixup's Beta distribution; 0: off"""
    cutmix: NotNegative = 0.0
    """alpha of CutMix's; with mixup on too each batch gets one of them at even odds"""
    erasing: Annotated[float, Field(ge=0, le=1)] = 0.0
    """probability that a rectangle of an image is erased"""

    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: Annotated[float, Field(ge=0, lt=1)] = MOMENTUM
    """of `sgd`, Nesterov's where it is not 0"""
    learning_rate: Positive = 1e-4
    """peak learning rate, for all parameters alike unless layer_decay is below 1"""
    weight_decay: NotNegative = 1e-4
    """decay of all weights; what one unit of it means says `decay`"""
    decay: Literal["study", "torch"] = "study"
    """`study`: torch is given weight_decay / learning_rate, so that adamw multiplies weights by 1 - weight_decay in a
    step at the peak, whatever the peak, and the decay follows the schedule (PAPER.md 3); `torch`: torch is given
    weight_decay itself, and adamw multiplies by 1 - learning_rate * weight_decay"""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """the learning rate of a layer is layer_decay times that of the layer above it; the head has the full one (layers:
    backbones/layers.py)"""
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    """per epoch, after the warm-up: see training/schedule.py"""
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = Field(default_factory=_usual_milestones, strict=False)
    """of `step`: epochs done when the learning rate falls to a tenth. Where nothing is said: those of the study for 30
    and for 50 epochs"""
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """epochs in which the learning rate rises to its peak, step by step"""
    clip_norm: NotNegative = 0.0
    """greatest Euclidean norm of an update's gradient, all parameters together; 0: none"""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """share that the exponential moving average of the weights keeps at an update, once it is under way; the average
    is what is validated and kept. 0: none"""

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

    @field_validator("*")
    @classmethod
    def _of_one_zero(cls, value: object) -> object:
        """-0.0 equals 0.0 and is written otherwise, which would give equal recipes two keys."""
        return value + 0.0 if isinstance(value, float) else value

    @field_validator("augmentation")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in AUGMENTATIONS and not is_own(name):
            raise ValueError(f"{name}: is no augmentation; {nearest(name, AUGMENTATIONS)}")
        return name

    @field_validator("head")
    @classmethod
    def _is_a_head(cls, name: str) -> str:
        if name not in HEADS and not is_own(name):
            raise ValueError(f"{name}: is no head; {nearest(name, HEADS)}")
        return name

    @model_validator(mode="after")
    def _optimiser_holds(self) -> Recipe:
        if self.optimiser != "sgd" and self.momentum != MOMENTUM:
            raise ValueError(
                f'momentum: is of optimiser = "sgd", and {self.optimiser} does not read it; leave it at {MOMENTUM:g}'
            )
        if self.decay == "study" and self.weight_decay >= 1:
            raise ValueError(
                f"weight_decay: {self.weight_decay:g} would take whole weights away in an update at the peak; say less "
                'than 1, or decay = "torch" for what torch and timm mean by it'
            )
        return self

    @model_validator(mode="after")
    def _schedule_holds(self) -> Recipe:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs: {self.warmup_epochs} leaves none of the {self.epochs} epochs at the peak; warm up for "
                "fewer"
            )
        if self.schedule != "step":
            if self.milestones:
                raise ValueError('milestones: belong to schedule = "step"; say so, or take them away')
            return self
        if self.epochs == 1:
            raise ValueError(
                'schedule: "step": a single epoch has no room for a step; use "cosine" or "constant" without '
                "milestones, or more epochs"
            )
        if not self.milestones:
            usual = sorted({max(1, self.epochs // 2), max(1, 5 * self.epochs // 6)})
            raise ValueError(
                f"milestones: a step schedule of {self.epochs} epochs needs them, e.g. milestones = {usual}"
            )
        if list(self.milestones) != sorted(set(self.milestones)) or self.milestones[-1] >= self.epochs:
            raise ValueError(f"milestones: must rise and be below the {self.epochs} epochs, e.g. [15, 20, 25] of 30")
        if self.milestones[0] <= self.warmup_epochs:
            raise ValueError(
                f"milestones: {self.milestones[0]} leaves no epoch at the peak, since the warm-up takes "
                f"{self.warmup_epochs}; let the first milestone be later, or warm up for fewer"
            )
        return self

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
    def named(self) -> tuple[str, ...]:
        """What it names that may be one's own: loss, augmentation, head."""
        return self.loss, self.augmentation, self.head

    @model_validator(mode="after")
    def _frozen_is_sound(self) -> Recipe:
        if self.trained != "all" and self.initialisation == "scratch":
            raise ValueError(
                f'trained: "{self.trained}": would leave most of a network at random values; '
                'use initialisation = "pretrained" or "probe", or trained = "all"'
            )
        if self.regresses and (self.trained == "head" or self.initialisation == "probe"):
            raise ValueError(
                f'loss: "{self.loss}" trains one number, the grade, and a linear probe tells classes; use '
                'loss = "cross-entropy", or trained = "all" from initialisation = "pretrained"'
            )
        if is_own(self.head) and self.initialisation == "probe":
            raise ValueError(
                f'head: "{self.head}": a linear probe starts a linear head; use head = "linear", or initialisation = '
                '"pretrained"'
            )
        if self.trained != "lora" and (self.lora_rank, self.lora_alpha) != (LORA_RANK, LORA_ALPHA):
            raise ValueError(
                f'lora_rank, lora_alpha: are of trained = "lora"; leave them at {LORA_RANK} and {LORA_ALPHA}'
            )
        if self.trained == "head" and self.layer_decay != 1:
            raise ValueError('layer_decay: is between layers, and trained = "head" trains one; leave it at 1')
        if self.trained == "head" and self.augmentation != "none":
            raise ValueError(
                f'augmentation: "{self.augmentation}": features of a frozen body are computed once, from evaluation '
                'views; with trained = "head" set augmentation = "none"'
            )
        for key in ("mixup", "cutmix", "erasing"):
            if self.trained == "head" and getattr(self, key):
                raise ValueError(
                    f'{key}: changes images, and trained = "head" learns from features that are computed once; leave '
                    "it at 0"
                )
        return self

    @property
    def probed(self) -> bool:
        """Whether the training needs frozen features."""
        return self.initialisation == "probe" or self.trained == "head"

    @property
    def averages(self) -> bool:
        """Whether the training holds an average of its weights: one copy of them more."""
        return self.ema > 0

    @property
    def size(self) -> int:
        """The image size of a trial, whose recipe leaves nothing open. Raises ValueError where it is `auto`."""
        if self.image_size == "auto":
            raise ValueError("image_size must be settled first")
        return self.image_size
