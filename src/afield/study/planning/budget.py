"""A budget of hours: what of a study is left out so that it fits, alike for every backbone, and in which order.

First cells of the grid go, evenly: those that stay are spread over it, and a smaller budget's are among a larger
one's. Of cells that are drawn or proposed the last ones go. Then repeats under further seeds go, the last first. Epochs
never do: another number of epochs is another recipe.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product

import numpy as np
from pydantic import ValidationError

from afield.base.errors import InputError
from afield.base.text import count
from afield.study.cut import Cut
from afield.study.duration import enough, seconds_of, told
from afield.study.preparing.misfits import lone_soups
from afield.study.study import PLAIN, Study


@lru_cache(maxsize=16)
def spread(*lengths: int) -> tuple[int, ...]:
    """The cells of a grid with so many values an axis, by index (the last axis fastest), in the order in which they
    stay: the middle first, then always the one that is farthest from all before it (ties: the first), axes alike in
    length.

    >>> spread(5)
    (2, 0, 4, 1, 3)
    """
    places = np.array(
        [
            [index / (length - 1) if length > 1 else 0.0 for index, length in zip(indices, lengths, strict=True)]
            for indices in product(*(range(length) for length in lengths))
        ]
    )
    middle = 0
    for length in lengths:
        middle = middle * length + (length - 1) // 2
    order = [middle]
    nearest = np.full(len(places), np.inf)
    for _ in places[1:]:
        nearest = np.minimum(nearest, np.linalg.norm(places - places[order[-1]], axis=1).round(9))
        nearest[order] = -1.0
        order.append(int(nearest.argmax()))
    return tuple(order)


def cut(study: Study, budget: str, cells: int, seeds: int) -> Study | None:
    """The study with so many cells of its grid and so many seeds; None where an ensemble or a soup needs more."""
    drawn = study.search.space
    order = range(cells) if drawn else spread(*(len(values) for values in study.search.grid.values()))
    kept = Cut(
        budget=budget,
        cells=tuple(sorted(order[:cells])),
        of=_cells(study),
        seeds_left_out=study.study.seeds[seeds:],
    )
    content = study.model_dump(mode="json", exclude_unset=True)
    if drawn:
        content["search"]["trials"] = cells
    content["study"] |= {"budget": budget, "seeds": list(study.study.seeds[:seeds])}
    content["cut"] = kept.model_dump(mode="json")
    try:
        smaller = Study.model_validate_json(json.dumps(content, default=str))
    except ValidationError:
        return None
    return None if list(lone_soups(smaller)) else smaller


def _cells(study: Study) -> int:
    """Cells of each search, those that are still to be proposed among them."""
    return study.search.trials or len(study.cells(PLAIN))


def ladder(study: Study) -> Iterator[tuple[int, int]]:
    """Cells and seeds, ever fewer, from the whole study on.

    A study of 3 cells and 2 seeds: (3, 2), (2, 2), (1, 2), (1, 1).
    """
    seeds = len(study.study.seeds)
    yield from ((cells, seeds) for cells in range(_cells(study), 0, -1))
    yield from ((1, fewer) for fewer in range(seeds - 1, 0, -1))


def fitted(study: Study, budget: str, estimate: Callable[[Study], float]) -> Study:
    """The study as it is, where its estimate (seconds) is within the budget; else the largest cut of it that is.

    Estimates are taken to fall from cut to cut. Raises InputError, with the smallest that would do, where one cell of
    each backbone takes longer.
    """
    seconds = seconds_of(budget)
    if estimate(study) <= seconds:
        return study
    if study.search.method == "optuna":
        raise InputError(
            f"budget: {budget} is too small, and what optuna will propose cannot be cut before it is known; name fewer "
            "search.trials"
        )
    cuts = list(ladder(study))[1:]
    while cuts and cut(study, budget, *cuts[-1]) is None:
        cuts.pop()  # an ensemble or a soup needs more

    def needed(step: tuple[int, int]) -> float:
        smaller = cut(study, budget, *step)
        return math.inf if smaller is None else estimate(smaller)

    first = bisect_left(cuts, True, key=lambda step: needed(step) <= seconds)
    found = cut(study, budget, *cuts[first]) if first < len(cuts) else None
    if found is None:
        smallest = needed(cuts[-1]) if cuts else estimate(study)
        raise InputError(
            f"budget: {budget} is too small: the least that compares all backbones takes about {told(smallest)}; give "
            f"{enough(smallest)} or more, or a study of fewer tasks, backbones or interventions"
        )
    return found


def budget_words(study: Study) -> str:
    """What a budget left out of a study, in a sentence; empty where it cut nothing."""
    made = study.cut
    if made is None:
        return ""
    seeds = len(study.study.seeds)
    fewer = f" and {seeds} of {count(seeds + len(made.seeds_left_out), 'seed')}" if made.seeds_left_out else ""
    return (
        f"A budget of {made.budget} cut the study before it began, alike for every backbone: {len(made.cells)} of "
        f"{count(made.of, 'cell')} of each search{fewer}."
    )
