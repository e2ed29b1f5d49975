"""What a trial is: all that its predictions depend on, and the key that names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

from afield.base.hashing import canonical_json, digest
from afield.base.reading import AS_DECLARED, Reading
from afield.tasks.kinds import Target
from afield.training.numerics import Numerics
from afield.training.recipe import Recipe

KEY_DIGITS = 20
"""hexadecimal, of 80 bits"""
TRIAL_VERSION = 1
"""raised whenever a change makes the same trial give other predictions"""
_HERE, _OPEN = "\0", "\1"
"""where a seed stands in a text, and around the name of what is still to be put there: canonical JSON has no such
letters"""


class Trial(BaseModel):
    """One training of a cell with its real bytes: all that its predictions depend on, the platform apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_version: int
    classes: tuple[str, ...]
    target: Target
    """what is told of a sample"""
    flips: tuple[str, ...]
    metric: str
    """selects the epoch: the best on validation, ties to the earliest"""
    data: str
    """fingerprint of images, labels and splits"""
    split_seed: int
    protocol: str
    backbone: str
    weights: str | None
    """sha256 of the pretrained weights; None from scratch"""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """one value a channel each, as many as the network gets"""
    interpolation: str
    """the preprocessing: what the weights want, or what the protocol puts in its place"""
    channels: str = "RGB"
    """in which order the network gets them: RGB or BGR"""
    reading: Reading = AS_DECLARED
    """which channels of which files an image is"""
    recipe: Recipe
    seed: int
    preparation: int
    """version of the rule by which images are prepared"""
    extensions: tuple[tuple[str, str], ...] = ()
    """name and sha256 of the extensions whose code shapes the training"""
    numerics: Numerics
    probing: int | None = None
    """version of how features are taken and probed; None where none are"""
    version: int = TRIAL_VERSION

    @property
    def outputs(self) -> int:
        """Numbers that the network gives of an image: a logit a class or, where the recipe regresses, the grade."""
        return 1 if self.recipe.regresses else len(self.classes)

    @property
    def key(self) -> str:
        """Names the experiment: 20 hexadecimal digits of the hash of all fields."""
        return _key(self)


@lru_cache(maxsize=100_000)
def _key(trial: Trial) -> str:
    """A trial's key, hashed once (not kept in the model: a changed copy would carry it along)."""
    return key_of(trial.model_dump(mode="json"))


def key_of(fields: Mapping[str, object]) -> str:
    """The key of the trial with these fields, as plain values."""
    return digest(fields, KEY_DIGITS)


def keys_of(
    cells: Sequence[Trial], changes: Sequence[Mapping[str, Any]], seeds: Sequence[int]
) -> tuple[tuple[str, ...], ...]:
    """Of each cell of a search its keys under those seeds, as `key_of` gives them; `changes` are what each changes of
    the first (`changed_fields`). What the cells share is written out once: a plan may have 100,000 keys.
    """
    own = _texts(cells[0].model_dump(mode="json"))
    open_names = {name: f"{_OPEN}{name}{_OPEN}" for changed in changes for name in changed}
    parts = _table({**own, **open_names, "seed": _HERE}).split(_OPEN)
    found = []
    for cell, changed in zip(cells, changes, strict=True):
        texts = _texts({name: value for name, value in changed.items() if name != "recipe"})
        texts["recipe"] = _recipe_text(cell.recipe)
        text = "".join(texts.get(part, own[part]) if place % 2 else part for place, part in enumerate(parts))
        before, after = (part.encode() for part in text.split(_HERE))
        begun = sha256(before)
        keys = []
        for seed in seeds:
            whole = begun.copy()
            whole.update(f"{seed}".encode() + after)
            keys.append(whole.hexdigest()[:KEY_DIGITS])
        found.append(tuple(keys))
    return tuple(found)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: canonical_json(value) for name, value in fields.items()}


def _table(texts: Mapping[str, str]) -> str:
    """The canonical JSON of a table whose values are texts already."""
    return "{" + ",".join(f'"{name}":{texts[name]}' for name in sorted(texts)) + "}"


@lru_cache(maxsize=10_000)
def _recipe_text(recipe: Recipe) -> str:
    """The canonical JSON of a recipe, which many searches of a plan share."""
    return canonical_json(recipe.model_dump(mode="json"))


def changed_fields(first: Trial, other: Trial) -> dict[str, Any]:
    """The fields of another trial in which it differs, as plain values; of its recipe the values that differ."""
    names = _differing(first, other)
    changed = other.model_dump(mode="json", include=names - {"recipe"}) if names - {"recipe"} else {}
    return {**changed, "recipe": _changed_values(first.recipe, other.recipe)} if "recipe" in names else changed


@lru_cache(maxsize=10_000)
def _changed_values(first: Recipe, other: Recipe) -> Mapping[str, Any]:
    return other.model_dump(mode="json", include=_differing(first, other))


def _differing(first: BaseModel, other: BaseModel) -> set[str]:
    mine = vars(first)
    return {name for name, value in vars(other).items() if value is not mine[name] and value != mine[name]}
