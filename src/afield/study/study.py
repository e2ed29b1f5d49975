"""The study file: TOML in, checked values out, and words for whatever is wrong in it."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from afield.base.errors import InputError, nearest
from afield.training.numerics import NumericsChoice
from afield.training.recipe import Recipe

PLAIN = "plain"
"""The recipe as it stands: the intervention that needs no table."""

Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StudyHead(_Table):
    """What is compared: tasks x backbones x interventions x seeds."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    tasks: Names
    backbones: Names
    interventions: Names = (PLAIN,)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], Field(min_length=1)] = (0,)
    """the search uses the first; the chosen recipe is repeated with the others"""
    protocol: Literal["clean"] = "clean"
    """`clean`: train, validation and test apart; validation selects, test is read once"""

    @model_validator(mode="after")
    def _no_name_twice(self) -> StudyHead:
        for key in ("tasks", "backbones", "interventions", "seeds"):
            values = getattr(self, key)
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{key}: named twice: {', '.join(twice)}; name each once")
        return self


class SearchChoice(_Table):
    """How the recipe's free values are chosen, alike for every backbone."""

    method: Literal["grid", "halving"] = "halving"
    rungs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (3, 10, 30)
    """epochs at which halving pauses and keeps the best; the recipe's last epoch is always the last rung"""
    reduction: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3.0
    """a rung keeps round(cells / reduction), at least one"""
    grid: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """values a recipe key is searched over, e.g. learning_rate = [1e-4, 1e-3]"""

    @model_validator(mode="after")
    def _sound(self) -> SearchChoice:
        for key, values in self.grid.items():
            if key not in _SEARCHABLE:
                raise ValueError(f"grid.{key}: cannot be searched; {nearest(key, _SEARCHABLE)}")
            if len(set(values)) < len(values):
                raise ValueError(f"grid.{key}: a value stands twice; name each once")
        if list(self.rungs) != sorted(set(self.rungs)):
            raise ValueError("rungs: must rise, e.g. [3, 10, 30]")
        return self


_SEARCHABLE = ("learning_rate", "weight_decay")


class Study(_Table):
    """A whole study, as its file says it."""

    study: StudyHead
    recipe: Recipe = Field(default_factory=Recipe)
    search: SearchChoice = Field(default_factory=SearchChoice)
    numerics: NumericsChoice = Field(default_factory=NumericsChoice)
    interventions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """recipe keys by name of the intervention; `backbones` restricts one to some backbones"""
