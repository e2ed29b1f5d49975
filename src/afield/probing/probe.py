"""The linear probe: logistic regression on frozen features, its penalty chosen on validation.

Deterministic: float64, L-BFGS from zero, no random numbers, so it depends on no seed. Features are standardised by
their mean and standard deviation over the training samples, so that one grid of penalties means the same for every
backbone; the probe that comes out takes them as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from afield.probing.kept import Stop, Told, kept, refuse_stop, untold
from afield.probing.version import PROBING_VERSION

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""what is tried: the factor of half the squared weights of standardised features, beside the mean loss of a sample"""
ITERATIONS = 300
"""of L-BFGS at most, for each penalty; it goes on from the fit before, and what it has by then is taken"""
FLATNESS = 1e-6
"""a fit ends where no part of the gradient is larger"""

Measure = Callable[[npt.NDArray[np.float32]], tuple[float, float]]
"""validation logits [n, classes] to the task's metric (higher is better) and the log-loss"""


@dataclass(frozen=True)
class Probe:
    """A linear layer on features as they are: logits = weight @ features + bias."""

    weight: torch.Tensor
    """float32 [classes, f]"""
    bias: torch.Tensor
    """float32 [classes]"""
    penalty: float
    """the one of PENALTIES that was chosen"""

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Features [n, f] to logits [n, classes]."""
        return functional.linear(features.to(self.weight.dtype), self.weight, self.bias)


def kept_probe(folder: Path, about: Mapping[str, object], make: Callable[[], Probe], stop: Stop) -> Probe:
    """The probe that `about` names, made once and kept. Raises as `kept` does."""

    def made() -> dict[str, torch.Tensor]:
        probe = make()
        return {
            "weight": probe.weight,
            "bias": probe.bias,
            "penalty": torch.tensor(probe.penalty, dtype=torch.float64),
        }

    found = kept(folder, {**about, "probe": PROBING_VERSION}, made, stop)
    return Probe(found["weight"], found["bias"], float(found["penalty"]))


def fit_probe(
    features: torch.Tensor,
    labels: torch.Tensor,
    classes: int,
    validation: torch.Tensor,
    measure: Measure,
    stop: Stop = lambda: False,
    told: Told = untold,
) -> Probe:
    """Fit a probe under each of PENALTIES, from the strongest on, and choose by validation: the best metric, then the
    smaller log-loss, then the stronger penalty.

    `features` [n, f] and `validation` [m, f] are float32 on the CPU. `labels` [n] name classes (grades too): one
    multinomial regression. `labels` [n, classes] of 1, 0 and -1: one regression a class on the samples of which it is
    known. `told` is told of penalties done. Raises Stopped where `stop` says so.
    """
    exact = features.double()
    mean = exact.mean(dim=0)
    scale = exact.std(dim=0, correction=0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # a feature that never varies says nothing
    standard = (exact - mean) / scale
    weight = torch.zeros(classes, features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    best, best_rank = None, (-math.inf, -math.inf)
    for done, penalty in enumerate(PENALTIES):
        told(done, len(PENALTIES))
        _fit(standard, labels, penalty, weight, bias, stop)
        plain = weight.detach() / scale
        probe = Probe(plain.float(), (bias.detach() - plain @ mean).float(), penalty)
        metric, loss = measure(probe.logits(validation).numpy())
        rank = (metric if math.isfinite(metric) else -math.inf, -loss if math.isfinite(loss) else -math.inf)
        if best is None or rank > best_rank:
            best, best_rank = probe, rank
    assert best is not None, "PENALTIES names some"
    return best


def _fit(
    features: torch.Tensor, labels: torch.Tensor, penalty: float, weight: torch.Tensor, bias: torch.Tensor, stop: Stop
) -> None:
    """Go on from `weight` and `bias` (changed in place) to the minimum of mean loss + penalty / 2 * |weight|^2."""
    descent = torch.optim.LBFGS(
        [weight, bias],
        max_iter=ITERATIONS,
        max_eval=2 * ITERATIONS,
        tolerance_grad=FLATNESS,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def objective() -> torch.Tensor:
        refuse_stop(stop)
        descent.zero_grad()
        value = _loss(functional.linear(features, weight, bias), labels) + penalty / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    descent.step(objective)  # type: ignore[no-untyped-call]


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of classes; of several labels the sum over classes of each one's mean over what is known of it."""
    if labels.ndim == 1:
        return functional.cross_entropy(logits, labels)
    known = labels >= 0
    losses = functional.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).to(logits.dtype), reduction="none")
    return ((losses * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)).sum()
