"""What a study declares to be averaged: soups, networks whose weights are the mean of several that a study trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from afield.base.hashing import digest
from afield.tasks.task import Protocol
from afield.training.recipe import USUAL_SIZE, Recipe

Over = Literal["cells", "seeds", "interventions"]
Method = Literal["greedy", "uniform"]

SOUP_VERSION = 1
"""raised whenever equal ingredients give another soup"""
_BUILT_BY = ("pooling", "head")
"""recipe keys that say what a network is"""


class SoupChoice(BaseModel):
    """One table `[soups.NAME]`: whose weights are averaged (Wortsman et al. 2022, arXiv 2203.05482)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    over: Annotated[tuple[Over, ...], Field(min_length=1)]
    """what is averaged; of all else there is a soup each. `cells`: the cells of a search that were trained to their
    last epoch, under its own seed; `seeds`: the chosen recipe under every seed; `interventions`: what each of them
    gives of that"""
    method: Method = "greedy"
    """`greedy`: the best on validation, then each next one that does not make the average's validation metric fall;
    `uniform`: all of them"""
    backbones: tuple[str, ...] | None = None
    """that take part; by default all of the study, and so with the next"""
    interventions: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> SoupChoice:
        if len(set(self.over)) < len(self.over):
            raise ValueError("over: one stands twice; name each once")
        return self


@dataclass(frozen=True)
class Ended:
    """What a search that has ended offers to soups."""

    task: str
    backbone: str
    intervention: str
    cells: tuple[str, ...]
    """keys of the cells that it brought to their last epoch, in grid order"""
    repeats: tuple[tuple[int, str], ...]
    """seed and key of the chosen recipe under every seed, the search's own first; none where every cell failed"""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Task, backbone and intervention."""
        return self.task, self.backbone, self.intervention


@dataclass(frozen=True)
class Ingredient:
    """A network that may go into a soup."""

    search: tuple[str, str, str]
    """the task, backbone and intervention whose search it is of"""
    seed: int
    key: str
    """of its trial"""


@dataclass(frozen=True)
class Soup:
    """Networks of which one becomes the average, or will become."""

    name: str
    method: Method
    ingredients: tuple[Ingredient, ...]
    """in the order of the study's interventions, then cells in grid order, then seeds; at least one"""

    @property
    def key(self) -> str:
        """Names the soup: 20 hexadecimal digits of the hash of the method and of the ingredients' keys."""
        return digest(["soup", SOUP_VERSION, self.method, [each.key for each in self.ingredients]])

    @property
    def task(self) -> str:
        """That all ingredients were trained on."""
        return self.ingredients[0].search[0]

    @property
    def seed(self) -> int | None:
        """That all ingredients have; None where they differ."""
        seeds = {each.seed for each in self.ingredients}
        return seeds.pop() if len(seeds) == 1 else None


def soups_of(
    choices: Mapping[str, SoupChoice],
    identities: Sequence[tuple[str, str, str]],
    ended: Mapping[tuple[str, str, str], Ended],
) -> tuple[Soup, ...]:
    """All soups whose searches have ended. `identities` are those of all of the study's searches, in its order."""
    return tuple(soup for soup, waits in _gathered(choices, identities, ended) if not waits)


def waiting_for(
    choices: Mapping[str, SoupChoice],
    identities: Sequence[tuple[str, str, str]],
    ended: Mapping[tuple[str, str, str], Ended],
) -> set[str]:
    """Keys of the networks that go into soups of which another search goes on."""
    gathered = _gathered(choices, identities, ended)
    return {each.key for soup, waits in gathered if waits for each in soup.ingredients}


def _gathered(
    choices: Mapping[str, SoupChoice],
    identities: Sequence[tuple[str, str, str]],
    ended: Mapping[tuple[str, str, str], Ended],
) -> Iterator[tuple[Soup, bool]]:
    """Each soup of what searches offer so far, and whether one of its searches goes on."""
    for name, choice in choices.items():
        taking_part = [identity for identity in identities if takes_part(choice, identity)]
        across = "interventions" in choice.over
        waiting = {identity[:2] for identity in taking_part if across and identity not in ended}
        failed = {identity[:2] for identity in taking_part if identity in ended and not ended[identity].repeats}
        groups: dict[tuple[object, ...], dict[str, Ingredient]] = {}
        for identity in taking_part:
            for each in _offered(choice, ended.get(identity)):
                # two interventions may be one and the same, and a chosen recipe is a cell, too
                groups.setdefault(_apart(choice, identity, each.seed), {}).setdefault(each.key, each)
        for shared, group in groups.items():
            if across and len(group) == 1 and shared[:2] not in waiting | failed:
                continue  # one intervention alone is tried on this backbone, or all are one and the same
            yield Soup(name, choice.method, tuple(group.values())), shared[:2] in waiting


def takes_part(choice: SoupChoice, identity: tuple[str, str, str]) -> bool:
    """Whether a search (task, backbone, intervention) offers anything to the soups of a choice."""
    _, backbone, intervention = identity
    named = ((choice.backbones, backbone), (choice.interventions, intervention))
    return all(names is None or name in names for names, name in named)


def _offered(choice: SoupChoice, ended: Ended | None) -> Iterator[Ingredient]:
    """The networks of a search that may go into the soups of a choice."""
    if ended is None or not ended.repeats:
        return
    if "cells" in choice.over:
        own_seed = ended.repeats[0][0]
        yield from (Ingredient(ended.identity, own_seed, key) for key in ended.cells)
    if "cells" not in choice.over or "seeds" in choice.over:
        yield from (Ingredient(ended.identity, seed, key) for seed, key in ended.repeats)


def _apart(choice: SoupChoice, identity: tuple[str, str, str], seed: int | None) -> tuple[object, ...]:
    """What the ingredients of one soup share: task, backbone, and what is not averaged over."""
    task, backbone, intervention = identity
    return (
        task,
        backbone,
        None if "interventions" in choice.over else intervention,
        None if "seeds" in choice.over or "cells" in choice.over else seed,
    )


def soup_complaints(
    name: str,
    choice: SoupChoice,
    tried: Mapping[str, Sequence[str]],
    recipes: Mapping[str, Recipe],
    seeds: int,
    protocol: Protocol,
) -> Iterator[str]:
    """What speaks against a soup in a study of these interventions by backbone that they are `tried` on, recipes by
    intervention, number of seeds, and protocol; the sizes that `paper` gives to tasks are not known here.
    """
    for key, known in (("backbones", list(tried)), ("interventions", list(recipes))):
        foreign = [each for each in getattr(choice, key) or () if each not in known]
        if foreign:
            yield f"soups.{name}.{key}: {foreign[0]}: not among study.{key}; {', '.join(known)}"
            return
    together = [
        [each for each in tried[backbone] if choice.interventions is None or each in choice.interventions]
        for backbone in choice.backbones or tried
    ]
    counts = {"seeds": seeds, "interventions": max(map(len, together))}
    if "cells" not in choice.over and max(counts[key] for key in choice.over) < 2:
        yield (
            f"soups.{name}: averages {' and '.join(choice.over)}, of which there is one alone; name more under "
            "[study], or average something else"
        )
    if "interventions" in choice.over:
        for interventions in together:
            yield from unlike(name, {each: _built(recipes[each], protocol) for each in interventions})


def unlike(name: str, built: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """What differs between interventions whose networks a soup would average; `built` by intervention is what they
    must share, and None there is not known.
    """
    for (first, mine), (second, its) in combinations(built.items(), 2):
        differing = [key for key in mine if mine[key] != its[key] and None not in (mine[key], its[key])]
        if differing:
            key = differing[0]
            yield (
                f"soups.{name}: averages interventions whose networks differ: {key} is {mine[key]} in {first} and "
                f"{its[key]} in {second}; name those that share it under soups.{name}.interventions"
            )
            return


def _built(recipe: Recipe, protocol: Protocol) -> dict[str, object]:
    """What networks must share for their mean to be one: shape, pictures and the weights that they began from."""
    # what `auto` gives; `paper` knows it by task and backbone
    size, order = (USUAL_SIZE, "RGB") if protocol == "clean" else (None, None)
    return {
        "image_size": size if recipe.image_size == "auto" else recipe.image_size,
        "channels": order if recipe.channels == "auto" else recipe.channels,
        **{key: getattr(recipe, key) for key in _BUILT_BY},
        "loss": recipe.loss if recipe.regresses else "one of classes",
        "initialisation": "scratch" if recipe.initialisation == "scratch" else "pretrained",
    }
