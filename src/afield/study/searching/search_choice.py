"""What a study says of its search: which values a recipe's free keys may take, and how many are tried how far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from afield.base.complaints import complaints
from afield.base.errors import nearest
from afield.base.streams import stream
from afield.training.recipe import Recipe

SEARCHABLE = tuple(
    key
    for key, field in Recipe.model_fields.items()
    if field.annotation is float and key not in ("momentum", "focal_gamma")
)
"""the keys of a recipe that are numbers on a scale, but those that one optimiser or one loss alone reads; whole numbers
(epochs, sizes) change what a cell costs, and are interventions"""

Point = Mapping[str, float]
"""a value of each searched key: what makes a cell of the recipe"""
Values = Annotated[tuple[float, ...], Field(min_length=1)]

_MOST_CELLS = 10_000
"""of a grid: more is a slip, and takes minutes to lay out"""
_DIGITS = 6
"""significant ones of a value that is computed: enough for any recipe, and few enough that machines whose logarithms
differ in the last bit give a cell one key"""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(_Table):
    """Between which values a key is drawn."""

    low: Annotated[float, Field(allow_inf_nan=False)]
    high: Annotated[float, Field(allow_inf_nan=False)]
    log: bool = True
    """whether its logarithm is what is drawn evenly"""

    @model_validator(mode="after")
    def _sound(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low: {self.low:g} is not below high, {self.high:g}; put the smaller one first")
        if self.log and self.low <= 0:
            raise ValueError(f"low: {self.low:g} has no logarithm; name one above 0, or say log = false")
        return self

    def at(self, share: float) -> float:
        """The value below which that share (0..1) of all draws lies."""
        value = self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share
        return min(max(tidy(value), self.low), self.high)


class SearchChoice(_Table):
    """How the recipe's free values are chosen, alike for every backbone."""

    method: Literal["grid", "halving", "random", "optuna", "race"] = "halving"
    """`grid` and `random` train every cell to the end, of a grid or drawn; `halving` goes on with the best of either;
    `optuna` lets a sampler of that library propose cells from what earlier ones reached; `race` halves the cells of all
    backbones together, for the one best network"""
    rungs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (3, 10, 30)
    """epochs at which halving or a race pauses and keeps the best; the recipe's last epoch is always the last rung"""
    reduction: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3.0
    """a rung keeps round(cells / reduction), at least one"""
    grid: dict[str, Values] = Field(default_factory=dict)
    """values a recipe key is searched over, e.g. learning_rate = [1e-4, 1e-3]"""
    extend: bool = False
    """whether a choice at an end of a grid's axis adds the next value beyond it, of the same ratio"""
    extend_steps: Annotated[int, Field(ge=1, le=20)] = 2
    """values that it may add beyond each end of an axis"""
    space: dict[str, Range | Values] = Field(default_factory=dict)
    """in place of a grid: by key the range that values are drawn from, or the values to draw among"""
    trials: Annotated[int, Field(ge=1, le=_MOST_CELLS)] | None = None
    """cells that are drawn or proposed"""
    sampler: Annotated[str, Field(min_length=1)] = "TPESampler"
    """of `optuna`: a class of optuna.samplers"""
    batch: Annotated[int, Field(ge=1, le=1000)] = 5
    """of `optuna`: cells that are proposed together, from what all batches before them reached"""
    audit: bool = False
    """whether the cells that were trained to the end and not chosen are scored on test, too, after the choice stands;
    nothing is ever chosen by that (`study/audits.py`)"""

    @property
    def keys(self) -> tuple[str, ...]:
        """The searched keys."""
        return tuple(self.space or self.grid)

    def twice(self, place: str, keys: Iterable[str]) -> list[str]:
        """Complaints of searched ones among a table's keys, which would count for nothing there."""
        table = "space" if self.space else "grid"
        searched = [key for key in keys if key in self.keys]
        return [f"{place}.{key}: is searched by search.{table}; take it out of one of them" for key in searched]

    def ends(self) -> Iterator[Point]:
        """The outermost values of each key of a space, each alone: what is drawn or proposed lies between them."""
        for key, values in self.space.items():
            for value in (values.low, values.high) if isinstance(values, Range) else values:
                yield {key: value}

    @property
    def halves(self) -> bool:
        """Whether cells are compared at rungs before their last epoch."""
        return self.method in ("halving", "race")

    @property
    def grows(self) -> bool:
        """Whether cells may come beside those that are settled before anything is trained."""
        return self.extend or self.method == "optuna"

    @model_validator(mode="after")
    def _sound(self) -> SearchChoice:
        for complaint in (*self._values(), *self._parts(), *self._drawn()):
            raise ValueError(complaint)
        return self

    def _values(self) -> Iterator[str]:
        """What speaks against the values of the keys."""
        for table, keys in (("grid", self.grid), ("space", self.space)):
            for key, values in keys.items():
                if key not in SEARCHABLE:
                    yield f"{table}.{key}: cannot be searched; {nearest(key, SEARCHABLE)}"
                elif not isinstance(values, Range) and len(set(values)) < len(values):
                    yield f"{table}.{key}: a value stands twice; name each once"
        for point in self.ends():
            for key, value in point.items():
                yield from complaints_about(key, value, "space.")

    def _parts(self) -> Iterator[str]:
        """What speaks against keys beside each other."""
        cells = math.prod(len(values) for values in self.grid.values())
        if cells > _MOST_CELLS:
            yield f"grid: has {cells:,} cells; name fewer values, {_MOST_CELLS:,} cells are the most"
        if list(self.rungs) != sorted(set(self.rungs)):
            yield "rungs: must rise, e.g. [3, 10, 30]"
        if self.extend and self.method == "race":
            yield "extend: adds to the choice of one backbone, and a race makes none for most; take it away"
        if self.extend and (self.space or not self.grid):
            yield "extend: goes beyond the ends of a grid's axes, and there is no search.grid; take one of them away"
        elif self.extend and not any(_extends(key, values) for key, values in self.grid.items()):
            yield (
                f"extend: has nothing to add to {' and '.join(self.grid)}: beyond an end comes what has the ratio of "
                "the two outermost values, and there is none of a single value, beside 0, or that a recipe can have; "
                "name more values, or take it away"
            )
        if self.method != "optuna" and (self.sampler, self.batch) != ("TPESampler", 5):
            yield f'sampler, batch: are of method = "optuna", not of "{self.method}"; take them away'

    def _drawn(self) -> Iterator[str]:
        """What speaks against cells that are drawn."""
        if not self.space:
            if self.method in ("random", "optuna"):
                yield (
                    f'space: method = "{self.method}" draws from it; say for instance [search.space] learning_rate = '
                    "{ low = 1e-5, high = 1e-2 }"
                )
            if self.trials is not None:
                yield "trials: is the number of draws from search.space, and a grid has as many cells as it has"
            return
        if self.grid or self.method == "grid":
            yield 'space: goes with the methods "random", "optuna", "halving" and "race", and with no search.grid'
        if self.trials is None:
            yield "trials: is missing: how many cells are drawn from search.space, e.g. trials = 20"
            return
        if not any(isinstance(values, Range) for values in self.space.values()):
            distinct = math.prod(len(values) for values in self.space.values() if not isinstance(values, Range))
            if self.trials > distinct:
                yield f"trials: {self.trials} are more than search.space has combinations; name {distinct} at most"

    def first_points(self, seed: int) -> tuple[Point, ...]:
        """The cells that are settled before anything is trained: the grid, its last key fastest, or the first draws
        under a study's first seed; of `optuna` its first batch.
        """
        if not self.space:
            return tuple(dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values()))
        trials = self.trials or 0
        return draws(self.space, seed, min(self.batch, trials) if self.method == "optuna" else trials)


def draws(
    space: Mapping[str, Range | tuple[float, ...]], seed: int, number: int, but: tuple[Point, ...] = ()
) -> tuple[Point, ...]:
    """Distinct points of a space, `but` these. Each draw is a pure function of the seed and its position, so fewer are
    the first of more, and all searches of a study get the same.

    >>> few = draws({"learning_rate": Range(low=1e-5, high=1e-2)}, 0, 2)
    >>> few == draws({"learning_rate": Range(low=1e-5, high=1e-2)}, 0, 9)[:2]
    True
    """
    found: list[Point] = []
    position = 0
    while len(found) < number:
        point = {key: _drawn(values, seed, key, position) for key, values in space.items()}
        position += 1
        if point not in found and point not in but:
            found.append(point)
    return tuple(found)


def _drawn(values: Range | tuple[float, ...], seed: int, key: str, position: int) -> float:
    share = float(stream(seed, "search", key, position).random())
    return values.at(share) if isinstance(values, Range) else values[int(share * len(values))]


def tidy(value: float) -> float:
    """A computed value with as many digits as a recipe needs."""
    return float(f"{value:.{_DIGITS}g}")


def next_value(tried: Sequence[float], value: float) -> float | None:
    """The value beyond an end of an axis, which has the ratio of its two outermost; None where the value is no end, and
    where there is no such ratio: below or beside 0, and of a single value.

    >>> next_value([1e-4, 1e-3, 1e-2], 1e-2), next_value([1e-4, 1e-3, 1e-2], 1e-3), next_value([0.0, 1e-4], 0.0)
    (0.1, None, None)
    """
    if len(tried) < 2 or value not in (tried[0], tried[-1]):
        return None
    neighbour = tried[1] if value == tried[0] else tried[-2]
    if min(value, neighbour) <= 0:
        return None
    further = tidy(value * (value / neighbour))
    return further if math.isfinite(further) and further > 0 and further != value else None


def _extends(key: str, values: Sequence[float]) -> bool:
    """Whether there is a value beyond either end of an axis that a recipe can have."""
    tried = sorted(values)
    further = (next_value(tried, end) for end in (tried[0], tried[-1]))
    return any(value is not None and not complaints_about(key, value, "") for value in further)


def is_limit(key: str, value: float) -> bool:
    """Whether that is the first or the last value that a recipe's key may have, so that none lies beyond it.

    >>> is_limit("weight_decay", 0.0), is_limit("layer_decay", 1.0), is_limit("layer_decay", 0.5)
    (True, True, False)
    """
    bounds = Recipe.model_fields[key].metadata
    return any(value == getattr(bound, end, None) for bound in bounds for end in ("ge", "le"))


def complaints_about(key: str, value: float, prefix: str) -> list[str]:
    """Why a recipe cannot have that value of a key, a line each; none where it can."""
    table: dict[str, Any] = {key: value}
    try:
        Recipe.model_validate(table)
    except ValidationError as error:
        return complaints(error, prefix, Recipe)
    return []
