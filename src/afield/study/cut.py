"""What a budget leaves of a study's search."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Cut(BaseModel):
    """What a budget left of the search, alike for every backbone; a run writes it down before it trains
    (`budget.py`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    budget: str
    """that made it"""
    cells: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """the cells that stayed, by their index in the whole grid"""
    of: Annotated[int, Field(ge=1)]
    """cells of the whole grid"""
    seeds_left_out: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Cut:
        if list(self.cells) != sorted(set(self.cells)) or self.cells[-1] >= self.of:
            raise ValueError(f"cells: must rise and be below {self.of}")
        return self
