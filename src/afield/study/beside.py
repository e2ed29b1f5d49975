"""One's own metrics beside all that fit, as a plan names them and a reader finds them (`beside_computed`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.base.files import safe_name
from afield.base.hashing import digest
from afield.scoring.metric import Direction, Metric
from afield.scoring.predictions import Predictions
from afield.study.measured import Measured, read_measured

_OF_PREDICTIONS = ("unit", "cluster")
"""columns that all predictions have"""
_BY_ITSELF = ("group", *_OF_PREDICTIONS)
"""columns of which nobody said anything where each sample is named by itself"""
NOWHERE = Measured(math.nan, math.nan, math.nan, math.nan, 0, 0)
"""no value; the words for it come in `why`"""


@dataclass(frozen=True)
class Beside:
    """One's own metric as the plan of a study names it: whoever reads the folder does not run its file."""

    name: str
    direction: Direction
    sha256: str
    """of its extension"""

    @property
    def file(self) -> str:
        """Where its values are kept, beside the predictions that they are of."""
        return f"{safe_name(self.name, 60)}--{self.sha256[:12]}.json"


def planned_beside(plan: Mapping[str, Any]) -> tuple[Beside, ...]:
    """Those that a stored plan names."""
    sha256 = plan.get("extensions", {})
    named = plan.get("beside", {}).items()
    return tuple(Beside(name, direction, sha256[name.partition(":")[0]]) for name, direction in named)


def lacking(metric: Metric, table: pd.DataFrame) -> tuple[str, ...]:
    """The columns that a metric needs and that say nothing of the samples of a table."""
    return tuple(name for name in metric.needs if name not in table or _says_nothing(name, table))


def _says_nothing(name: str, table: pd.DataFrame) -> bool:
    if name in _BY_ITSELF:
        return bool((table[name].astype(str) == table["id"].astype(str)).all())
    return bool((_text(table[name]) == "").all())


def _text(column: pd.Series) -> pd.Series:
    """A column as text, blank where it has no value."""
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def with_columns(predictions: Predictions, metric: Metric, samples: pd.DataFrame) -> Predictions:
    """Predictions with the columns that a metric needs, from the table of the task's samples. Raises InputError that
    names those which say nothing of these samples.
    """
    if not metric.needs:
        return predictions
    rows = samples.set_index("id", drop=False).loc[predictions.sample.tolist()]
    missing = lacking(metric, rows)
    if missing:
        raise InputError(lacking_words(metric, missing))
    columns = {name: _text(rows[name]).to_numpy(dtype=np.str_) for name in further_columns(metric)}
    return replace(predictions, columns=columns)


def further_columns(metric: Metric) -> tuple[str, ...]:
    """Those that a metric needs and predictions do not hold themselves."""
    return tuple(name for name in metric.needs if name not in _OF_PREDICTIONS)


def columns_hash(metric: Metric, samples: pd.DataFrame) -> str:
    """Hash of what the columns that a metric needs say of a task's samples; empty where predictions hold all."""
    named = [name for name in further_columns(metric) if name in samples]
    if not named:
        return ""
    return digest({name: _text(samples[name]).tolist() for name in ("id", *named)})


def lacking_words(metric: Metric, missing: Sequence[str]) -> str:
    """What a metric needs and the samples lack."""
    return f"{metric.name}: needs {' and '.join(missing)}, which the samples lack"


def read_beside(folder: Path, source: Sequence[str], own: Beside) -> Measured:
    """What was kept of those predictions; NaN, and the way to get it, where it is not there."""
    found = read_measured(folder / own.file, source).get(own.name)
    return found or replace(NOWHERE, why=f"{own.name}: is not computed yet; run the study again")
