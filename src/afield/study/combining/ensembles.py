"""What a study declares to be joined after scoring: ensembles of its networks, and the folds of one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from afield.base.errors import InputError
from afield.base.hashing import digest
from afield.scoring.combine import Mean

Over = Literal["seeds", "backbones", "interventions"]
Kind = Literal["ensemble", "folds"]


class EnsembleChoice(BaseModel):
    """One table `[ensembles.NAME]`: whose predictions are joined. Members are named here, before any test is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    over: Annotated[tuple[Over, ...], Field(min_length=1)]
    """what is joined; of all else there is an ensemble each, such as one a backbone where only seeds are joined"""
    backbones: tuple[str, ...] | None = None
    """that take part; by default all of the study, and so with the next two"""
    interventions: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    mean: Mean = "probabilities"
    """`probabilities`, or `ranks` where the order of the samples alone counts"""

    @model_validator(mode="after")
    def _each_once(self) -> EnsembleChoice:
        if len(set(self.over)) < len(self.over):
            raise ValueError("over: one stands twice; name each once")
        return self


@dataclass(frozen=True)
class Member:
    """A chosen recipe under one seed: a network that is, or will be, scored."""

    task: str
    backbone: str
    intervention: str
    seed: int
    key: str | None
    """of the scored trial; None while there is none"""


@dataclass(frozen=True)
class Combination:
    """Networks whose predictions are one, or will be."""

    name: str
    """of the ensemble; of folds the task whose folds they are"""
    kind: Kind
    members: tuple[Member, ...]
    mean: Mean = "probabilities"

    @property
    def lacking(self) -> int:
        """Members that are not scored yet; with any there is no result."""
        return sum(member.key is None for member in self.members)

    @property
    def key(self) -> str:
        """Names what is joined: 20 hexadecimal digits of the hash of the members' keys and of how they are joined."""
        return digest([self.kind, self.mean, [member.key for member in self.members]])


def combinations(
    ensembles: Mapping[str, EnsembleChoice], folds: Mapping[str, Sequence[str]], members: Sequence[Member]
) -> tuple[Combination, ...]:
    """All that a study joins; `folds` are the tasks by the one whose folds they are. An ensemble is of one task, and
    needs two members.
    """
    found = []
    for name, choice in ensembles.items():
        taking_part = [member for member in members if _takes_part(choice, member)]
        for group in _groups([(_apart(member, choice.over), member) for member in taking_part]):
            if len(group) > 1:
                found.append(Combination(name, "ensemble", group, choice.mean))
    for parent, tasks in folds.items():
        of_task = [member for member in members if member.task in tasks]
        for group in _groups([((each.backbone, each.intervention, each.seed), each) for each in of_task]):
            found.append(Combination(parent, "folds", group))
    return tuple(found)


def _takes_part(choice: EnsembleChoice, member: Member) -> bool:
    named = ((choice.backbones, member.backbone), (choice.interventions, member.intervention))
    return all(names is None or name in names for names, name in named) and (
        choice.seeds is None or member.seed in choice.seeds
    )


def _apart(member: Member, over: Sequence[Over]) -> tuple[object, ...]:
    """What members of one ensemble share."""
    shared = (("backbones", member.backbone), ("interventions", member.intervention), ("seeds", member.seed))
    return (member.task, *(value for name, value in shared if name not in over))


def _groups(members: Iterable[tuple[tuple[object, ...], Member]]) -> list[tuple[Member, ...]]:
    """Members by what they share, which stands before each."""
    groups: dict[tuple[object, ...], list[Member]] = {}
    for shared, member in members:
        groups.setdefault(shared, []).append(member)
    return [tuple(group) for group in groups.values()]


def unfolded(content: Mapping[str, Any]) -> dict[str, Any]:
    """A study's raw tables with each task whose `fold` is "all" put as as many tasks as it has folds, NAME-fold0 and so
    on. Raises InputError where such a task has no number of folds.
    """
    tasks, head = content.get("tasks"), content.get("study")
    if not isinstance(tasks, dict) or not isinstance(head, dict) or not isinstance(head.get("tasks"), list):
        return dict(content)
    parts: dict[str, list[str]] = {}
    sources: dict[str, Any] = {}
    for name, source in tasks.items():
        if not isinstance(source, dict) or source.get("fold") != "all":
            sources[name] = source
            continue
        folds = source.get("folds")
        if not isinstance(folds, int):
            raise InputError(f"tasks.{name}.fold: all: of how many? Give folds, such as folds = 5")
        parts[name] = [f"{name}-fold{fold}" for fold in range(folds)]
        sources |= {part: {**source, "fold": fold, "fold_of": name} for fold, part in enumerate(parts[name])}
    named = [part for name in head["tasks"] for part in (parts.get(name, [name]) if isinstance(name, str) else [name])]
    return {**content, "study": {**head, "tasks": named}, "tasks": sources}
