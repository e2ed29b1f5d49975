"""The same backbones on several tasks: what analyses over tasks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.tables.columns import WEB_SCRAPED
from afield.analysis.words import listing
from afield.scoring.metric import Floats

_EQUAL = 1e-12


@dataclass(frozen=True)
class Reply:
    """What a question of several fits (`questions.py`) is answered by."""

    table: pd.DataFrame
    words: str
    """what it says, in a sentence or a few, with what to mind; never empty"""


@dataclass(frozen=True)
class SideBySide:
    """The backbones that have every task, in the order of ImageNet accuracy, each task by its leading metric."""

    fits: tuple[TransferFit, ...]
    """one a task"""
    imagenet: Floats
    """[n] per cent"""
    values: pd.DataFrame
    """[n, tasks] by backbone and task, each on its metric's own scale"""
    families: Floats
    """[n] names of families, empty where unknown"""
    left_out: tuple[str, ...]
    """backbones that lack a task"""
    counted: tuple[str, ...]
    """tasks that means over other tasks are made of: the real-world ones, where the table tells them apart"""

    @property
    def lacking(self) -> str:
        """A sentence about who was left out; empty where nobody was."""
        if not self.left_out:
            return ""
        return f"Of backbones that have every task alone, so without {listing(self.left_out)}."

    def errors(self, task: str) -> Floats:
        """Covariance of the errors of a task's values, [n, n]; 0 where nothing is known of them."""
        fit = next(fit for fit in self.fits if fit.task == task)
        place = pd.Index(fit.points["backbone"]).get_indexer(self.values.index)
        return fit.observed.of(place).errors

    def others_of(self, task: str) -> list[str]:
        """The counted tasks but that one, without those on which all backbones are equal."""
        return [name for name in self.counted if name != task and np.ptp(self.values[name].to_numpy()) > _EQUAL]

    def others(self, task: str) -> Floats | None:
        """[n] the mean over `others_of`, each standardised over the backbones, the task itself never among them; None
        where there is none.
        """
        rest = self.values[self.others_of(task)].to_numpy(np.float64)
        if rest.shape[1] == 0:
            return None
        mean: Floats = ((rest - rest.mean(axis=0)) / rest.std(axis=0, ddof=1)).mean(axis=1)
        return mean


def side_by_side(fits: Sequence[TransferFit], results: pd.DataFrame | None = None) -> SideBySide:
    """The fits' points as one table. A task's leading metric is the first that the fits hold of it.

    Only backbones that have every task are in it, so that all tasks tell of the same ones; who is left out is named.
    Means over other tasks leave out those that the column `domain` of `results` says to be web-scraped, unless all are.
    """
    leading = leading_fits(fits)
    columns = {fit.task: fit.points.set_index("backbone")["value"] for fit in leading}
    everybody = pd.concat([fit.points for fit in leading]).drop_duplicates("backbone").set_index("backbone")
    values = pd.DataFrame(columns).reindex(everybody.index)
    whole = values.dropna()
    about = everybody.loc[whole.index].reset_index().sort_values(["imagenet_top1", "backbone"])
    return SideBySide(
        fits=leading,
        imagenet=about["imagenet_top1"].to_numpy(np.float64),
        values=whole.loc[about["backbone"]],
        families=about["family"].to_numpy(),
        left_out=tuple(sorted(str(name) for name in values.index.difference(whole.index))),
        counted=_counted(leading, results),
    )


def _counted(fits: Sequence[TransferFit], results: pd.DataFrame | None) -> tuple[str, ...]:
    names = tuple(fit.task for fit in fits)
    if results is None or "domain" not in results:
        return names
    scraped = set(results.loc[results["domain"] == WEB_SCRAPED, "task"])
    return tuple(name for name in names if name not in scraped) or names


def leading_fits(fits: Sequence[TransferFit]) -> tuple[TransferFit, ...]:
    """The first fit of each task."""
    first: dict[str, TransferFit] = {}
    for fit in fits:
        first.setdefault(fit.task, fit)
    return tuple(first.values())
