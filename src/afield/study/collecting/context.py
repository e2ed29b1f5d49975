"""What is looked up while a record is put together: a folder's study, its trials, and what their files say, each when
it is first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from afield.backbones.backbone import Backbone
from afield.base.errors import AfieldError, DamagedError, InputError
from afield.study.folder.shapes import misfit
from afield.study.folder.trial_files import TrialFiles
from afield.study.store import Store
from afield.study.study import Study
from afield.trial.trial import Trial

_TRIALS = 256
"""that are kept, of a search and its repeats: each takes 8 kB, and a folder may hold tens of thousands"""


@dataclass(frozen=True)
class Context:
    """What is looked up again and again while a record is put together."""

    store: Store
    study: Study
    trials: Mapping[str, Trial]
    files: Mapping[str, TrialFiles]
    scores: Collection[str]
    """keys of the trials that are scored on test"""
    backbones: Mapping[str, Backbone]
    """by id, as the plan noted them: one's own are known without their code, on any machine"""


def choose_stored(store: Store, name: str | None) -> Study:
    """The study of that name that was run into a folder; without one its only study. Raises InputError where there is
    no such one, or a choice, and StoreError where it is not what was written.
    """
    name = store.study_files.choose(name)
    path = store.root / "studies" / f"{name}.json"
    try:
        study = Study.model_validate_json(store.study_files.text(name))
    except ValidationError as error:
        raise _other_version(path, error) from None
    if study.study.name != name:
        raise misfit(path, f"study.name: tells of {study.study.name}")
    return study


def context_of(store: Store, study: Study) -> tuple[Context, Mapping[str, Any]]:
    """All that is looked up, and the plan as it was stored."""
    stored = store.read_plan(study.study.name)
    find = partial(_trial, store, study.study.name, stored["trials"])
    trials = _Looked(stored["trials"].keys(), find, _TRIALS)
    files = _Looked(trials.keys(), store.look)
    scored = {key for key in store.scores.all_keys() if key in trials and store.scores.look(key) is not None}
    backbones = {name: _backbone(store, study.study.name, values) for name, values in stored["backbones"].items()}
    return Context(store, study, trials, files, scored, backbones), stored


_T = TypeVar("_T")


class _Looked(Mapping[str, _T]):
    """What is found of each key, each when it is first asked; the last `kept` of them, by default all, are kept."""

    def __init__(self, keys: Collection[str], find: Callable[[str], _T], kept: int | None = None) -> None:
        self._keys, self._find = keys, lru_cache(kept)(find)

    def __getitem__(self, key: str) -> _T:
        return self._find(key)

    def __contains__(self, key: object) -> bool:  # without looking: other studies of the folder have other keys
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _trial(store: Store, study: str, trials: Mapping[str, Mapping[str, Any]], key: str) -> Trial:
    try:
        trial = Trial.model_validate(trials[key])
        trial.recipe.size  # noqa: B018 - raises where it is still open
        return trial
    except ValidationError as error:
        raise _other_version(store.root / "plans" / f"{study}.json", error) from None
    except (AfieldError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{store.root}: the plan of {study} does not tell what trial {key} is ({error!r}); run the study again to "
            "write it anew"
        ) from error


def _backbone(store: Store, study: str, values: Mapping[str, Any]) -> Backbone:
    try:
        return Backbone.from_plain(values)
    except (AfieldError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(
            f"{store.root}: the plan of {study} does not tell what each backbone is ({error}); run the study again to "
            "write it anew"
        ) from error


def _other_version(path: Path, error: ValidationError) -> InputError:
    """What was stored by a version of afield that knew other keys."""
    field = ".".join(str(part) for part in error.errors()[0]["loc"])
    return InputError(
        f"{path}: holds what another version of afield wrote ({field}: {error.errors()[0]['msg']}); read it with "
        "that version, or run the study into a new folder"
    )
