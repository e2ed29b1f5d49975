"""One's own interventions: objects in an extension that a study names in place of a table of recipe keys.

They become tables of the study before it is checked, so all that follows knows interventions as data alone, and a
result folder is read without the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afield.base.complaints import complaints
from afield.base.errors import InputError, nearest
from afield.base.extensions import Extension, find_object, is_own, load_extensions
from afield.study.study import NO_RECIPE
from afield.tasks.places import user_path
from afield.tasks.training_choice import TrainingChoice
from afield.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """A change of the recipe with a name: what a table `[interventions.NAME]` of a study file holds."""

    keys: Mapping[str, object]
    """recipe keys and their values as a study file has them, e.g. {"pooling": "gem", "head": "my_lab:deep"};
    `backbones` restricts it to some, `further` and `reviewed` change training splits"""


def with_own(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A study's raw tables, and among them one for each intervention that `study.interventions` names as FILE:NAME.

    Augmentations, heads and losses can stand there, too: each then is the only change. Runs the study's extensions
    where there is such a name; their paths count from `folder`. Raises InputError where an extension cannot be loaded
    or has no such object.
    """
    head, tables, sources = content.get("study"), content.get("interventions", {}), content.get("extensions", [])
    named = head.get("interventions") if isinstance(head, dict) else None
    if not (isinstance(named, list | tuple) and isinstance(tables, dict) and isinstance(sources, list | tuple)):
        return dict(content)  # whose form is complained of where the study is checked
    own = [name for name in named if isinstance(name, str) and is_own(name) and name not in tables]
    if not own:
        return dict(content)
    places = [str(folder / user_path(each)) if each.endswith(".py") else each for each in map(str, sources)]
    extensions = load_extensions(places)
    return {**content, "interventions": {**tables, **{name: _keys(name, extensions) for name in own}}}


def check_intervention(name: str, extensions: Mapping[str, Extension]) -> str:
    """Words for what it changes. Raises InputError for keys that no recipe has, values that a key cannot have, and
    references to what its own file has not. Whether the keys go together with a study's others, the study says.
    """
    keys = _keys(name, extensions)
    changes = {key: value for key, value in keys.items() if key not in NO_RECIPE}
    unknown = [key for key in changes if key not in Recipe.model_fields]
    if unknown:
        known = (*Recipe.model_fields, *NO_RECIPE)
        raise InputError(f"{name}: {unknown[0]}: is no key of a recipe; {nearest(unknown[0], known)}")
    for key, value in changes.items():
        try:
            Recipe.model_validate({key: value})
        except ValidationError as error:
            for item in error.errors():
                if item["loc"]:  # else the key's value is sound, and only wants others beside it
                    raise InputError(f"{name}: {key}: {item['msg']}, not {value!r}") from None
    training = {key: keys[key] for key in TrainingChoice.model_fields if key in keys}
    try:
        TrainingChoice.model_validate_json(json.dumps(training, default=str))  # as a study reads it
    except ValidationError as error:
        raise InputError("\n".join(complaints(error, f"{name}: ", TrainingChoice))) from None
    for key, kind in _kinds().items():
        value = str(changes.get(key, ""))
        if is_own(value) and value.partition(":")[0] in extensions:
            find_object(value, extensions, kind)
    return ", ".join(f"{key} = {value}" for key, value in keys.items())


def _keys(name: str, extensions: Mapping[str, Extension]) -> dict[str, object]:
    extension, _, own = name.partition(":")
    found = extensions[extension].objects.get(own) if extension in extensions else None
    kinds = _kinds()
    for key, kind in kinds.items():
        if isinstance(found, kind):
            return {key: name}
    keys: object = find_object(name, extensions, Intervention, instead=tuple(kinds.values())).keys
    if not isinstance(keys, Mapping) or not keys:
        raise InputError(f'{name}: keys: must hold recipe keys and their values, for instance {{"pooling": "gem"}}')
    return dict(keys)


def _kinds() -> dict[str, type]:
    """The kinds of objects that are a recipe key's value, by that key."""
    from afield.backbones.own_heads import Head  # made of torch, as losses are, which a study can do without
    from afield.images.augmentation.augmentation import Augmentation
    from afield.training.losses import Loss

    return {"augmentation": Augmentation, "head": Head, "loss": Loss}
