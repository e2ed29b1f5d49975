"""`score` reads a split with what came of a training: one of the two functions that every engine calls. Pure, as the
other, `run_trial`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.images.symmetries import PLAIN, symmetries
from afield.scoring.combine import combined
from afield.scoring.predictions import Predictions
from afield.trial.inputs import SplitInputs
from afield.trial.network import network_of
from afield.trial.trial import Trial

if TYPE_CHECKING:
    import torch

    from afield.backbones.own_heads import Head
    from afield.training.inference import Inference


def score(
    trial: Trial,
    backbone: Backbone,
    network: dict[str, torch.Tensor],
    split: SplitInputs,
    view: str = PLAIN,
    own_head: Head | None = None,
    note: Callable[[Inference], None] | None = None,
) -> Predictions:
    """The predictions of a trained network (its tensors by name) on a split under a view (`images.symmetries`): the
    mean of the probabilities of all that the view shows of each picture. `note` is told what the network takes for one
    of them, which is measured for it. Raises InputError for a view that the task's flips do not allow.
    """
    import torch

    from afield.images.turned import Turned
    from afield.training import loop
    from afield.training.inference import measure_inference
    from afield.training.preprocessing import Preprocessing

    body = network_of(trial, backbone, None, own_head)
    body.load_state_dict(network)
    preprocessing = Preprocessing(trial.mean, trial.std, trial.channels)
    shown = symmetries(view, trial.flips)
    samples = split.samples()
    predictions = combined(
        [
            split.predictions(
                trial.classes, loop.predict(Turned(body, symmetry), samples, preprocessing, trial.numerics).numpy()
            )
            for symmetry in shown
        ]
    )
    if note is not None:
        image = next(samples.evaluation(1, torch.device(trial.numerics.device)))
        note(measure_inference(body, image, preprocessing, trial.numerics))
    return predictions
