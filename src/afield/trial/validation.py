"""What holds a network against the validation split, and what is settled there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from afield.backbones.backbone import Backbone
from afield.scoring.cut_points import grade_offsets
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.trial.inputs import SplitInputs
from afield.trial.network import network_of
from afield.trial.trial import Trial

if TYPE_CHECKING:
    import torch

    from afield.backbones.own_heads import Head
    from afield.training.loop import Measure, Settle
    from afield.training.soup import Tasted


def measure_on(trial: Trial, validation: SplitInputs, leading: Metric) -> Measure:
    """What gives the leading metric and the log-loss of logits of the validation split."""

    def measure(logits: npt.NDArray[np.float32]) -> tuple[float, float]:
        predictions = validation.predictions(trial.classes, logits)
        return leading.on(predictions).compute(predictions), METRICS["log_loss"].compute(predictions)

    return measure


def settle_on(trial: Trial, validation: SplitInputs, leading: Metric) -> Settle:
    """What is chosen by a network's logits of the validation split: where it regresses, the cut points between grades;
    else nothing.
    """
    if not trial.recipe.regresses:
        return lambda logits: ({}, logits)
    import torch

    from afield.training.grades import OFFSETS

    def settle(logits: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        predictions = validation.predictions(trial.classes, logits.numpy())
        offsets = torch.from_numpy(grade_offsets(predictions, leading))
        return {OFFSETS: offsets}, logits - offsets

    return settle


def taster(
    trial: Trial, backbone: Backbone, validation: SplitInputs, leading: Metric, own_head: Head | None = None
) -> Callable[[dict[str, torch.Tensor]], Tasted]:
    """What holds networks (their tensors by name), built as the trial's, against the validation split, with what is
    settled there settled anew.
    """
    from afield.training import loop
    from afield.training.grades import OFFSETS
    from afield.training.preprocessing import Preprocessing
    from afield.training.soup import Tasted

    body = network_of(trial, backbone, None, own_head)
    preprocessing = Preprocessing(trial.mean, trial.std, trial.channels)
    samples = validation.samples()
    measure, settle = measure_on(trial, validation, leading), settle_on(trial, validation, leading)

    def taste(network: dict[str, torch.Tensor]) -> Tasted:
        body.load_state_dict(network)
        if trial.recipe.regresses:
            body.get_buffer(OFFSETS).zero_()
        chosen, logits = settle(loop.predict(body, samples, preprocessing, trial.numerics))
        metric, loss = measure(logits.numpy())
        return Tasted({**network, **chosen}, metric, loss, logits)

    return taste
