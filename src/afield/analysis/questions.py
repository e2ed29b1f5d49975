"""What is asked of several fits of a table together, by name: each answered by a data frame and in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from afield.analysis.deciding.decision import regret, rules
from afield.analysis.deciding.front import fronts
from afield.analysis.deciding.stability import metric_dependence
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.between_tasks import between_tasks
from afield.analysis.over_tasks.others import beyond_imagenet
from afield.analysis.over_tasks.rivals import rival_explanations
from afield.analysis.over_tasks.side_by_side import Reply
from afield.analysis.study_figures import published_beside_own

QUESTIONS: dict[str, Callable[[Sequence[TransferFit], pd.DataFrame], Reply]] = {
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

TITLES = {
    "others": "Do other tasks tell what ImageNet accuracy does not?",
    "regret": "What is lost by choosing a backbone by a rule?",
    "rules": "The same over all tasks",
    "fronts": "Quality against cost",
    "metrics": "Does the answer hang on the metric?",
    "rivals": "Rival explanations beside ImageNet accuracy",
    "tasks": "On which tasks does ImageNet accuracy tell more?",
    "published": "The study's figures beside these",
}
_LEADING = {
    "others": "task base n r2_imagenet r2_both gain p_holm family_p_holm error_imagenet error_both better",
    "regret": "task rule backbone regret low high pool_low pool_high",
    "rules": "rule tried tasks regret low high worst worst_task against_imagenet against_low against_high",
    "fronts": "task cost backbone amount value",
    "metrics": "task other n verdict_other r r_other r_p tau best_other same_best loss loss_low loss_high",
    "rivals": "task rival n predicted_imagenet predicted_rival predicted_both partial_r low high p_holm family_p_holm "
    "imagenet_p imagenet_family_p inflation",
    "tasks": "task n r slope low high level classes n_train n_test",
    "published": "task figure published_low published_high sure own low high n within",
}
"""of the tables those columns that a page or a terminal has room for"""
_ROWS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "regret": lambda table: table["tried"] == 0,
    "fronts": lambda table: table["on_front"].astype(bool),
}
"""and those rows; the others are in the frame alone"""
WHOLE = dict.fromkeys(("classes", "n_train", "n_test"), 0)
"""digits of columns that hold whole numbers, some of them unknown"""


def in_short(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """What a page or a terminal has room for of one of these tables."""
    rows = table[_ROWS[name](table)] if name in _ROWS else table
    return rows[_LEADING[name].split()]
