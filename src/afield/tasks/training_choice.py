"""What a study says of training splits: which further images an intervention adds, which reviewed labels it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from afield.tasks.places import user_path


class FurtherChoice(BaseModel):
    """One data set whose images join a training split; in a study file also its name alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    task: Annotated[str, Field(min_length=1)]
    """a built-in task, a table `[tasks.NAME]` of the study, a folder or a table of one's own"""
    classes: dict[str, str] = Field(default_factory=dict)
    """what its classes are called in the task; an empty text leaves the images of a class out. Those that are not named
    keep their names"""


class TrainingChoice(BaseModel):
    """What an intervention does to training splits, by task. Validation and test stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    further: dict[str, Annotated[tuple[FurtherChoice, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """data sets whose images are added"""
    reviewed: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """a list of doubtful labels that somebody has read (`reviewed.read_review`): samples go, or get another label"""

    @field_validator("further", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file says
        if not isinstance(value, dict):
            return value
        return {
            task: tuple(map(_choice, named)) if isinstance(named, list | tuple) else named
            for task, named in value.items()
        }

    def tasks(self) -> set[str]:
        """The tasks whose training splits it changes."""
        return {*self.further, *self.reviewed}

    def below(self, folder: Path, known: Iterable[str], tasks: Collection[str]) -> dict[str, Any]:
        """The same as plain values, with paths that count from a folder made absolute; `known` names are no paths, and
        `tasks` are the study's, made absolute.
        """
        names = set(known)

        def place(name: str, *, certain: bool = False) -> str:
            path = folder / user_path(name)
            return str(path.resolve()) if certain or (name not in names and path.exists()) else name

        def of_study(named: Mapping[str, Any]) -> dict[str, str]:
            paths = {name: path if (path := place(name)) in tasks else name for name in named}
            # one task in two ways stays so, to be refused by name
            return paths if len(set(paths.values())) == len(paths) else {name: name for name in named}

        plain: dict[str, Any] = {}
        if self.further:
            called = of_study(self.further)
            plain["further"] = {
                called[task]: [
                    {**choice.model_dump(exclude_defaults=True), "task": place(choice.task)} for choice in choices
                ]
                for task, choices in self.further.items()
            }
        if self.reviewed:
            called = of_study(self.reviewed)
            plain["reviewed"] = {called[task]: place(file, certain=True) for task, file in self.reviewed.items()}
        return plain


def _choice(named: object) -> object:
    return {"task": named} if isinstance(named, str) else named
