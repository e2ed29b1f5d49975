"""Analyses over several fits of a table, by name: each a data frame and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from afield.analysis.decision import regret, rules
from afield.analysis.front import fronts
from afield.analysis.others import beyond_imagenet
from afield.analysis.rivals import between_tasks, rival_explanations
from afield.analysis.side_by_side import Finding
from afield.analysis.stability import metric_dependence
from afield.analysis.study_figures import published_beside_own
from afield.analysis.transfer import TransferFit

OVER: dict[str, Callable[[Sequence[TransferFit], pd.DataFrame], Finding]] = {
    "others": beyond_imagenet,
    "regret": regret,
    "rules": rules,
    "fronts": fronts,
    "metrics": metric_dependence,
    "rivals": rival_explanations,
    "tasks": between_tasks,
    "published": published_beside_own,
}
"""each is given the fits of single tasks, and the rows of the results table that they were made of"""
