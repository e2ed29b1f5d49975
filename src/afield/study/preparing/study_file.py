"""Study files: found, read as TOML, checked, with all paths made absolute."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from afield.base.complaints import complaints
from afield.base.errors import InputError, nearest
from afield.base.text import brief
from afield.study.combining.ensembles import unfolded
from afield.study.preparing.own_interventions import with_own
from afield.study.study import Study
from afield.tasks.builtin import TASKS
from afield.tasks.places import user_path

_MOST_LINES, _LONGEST_LINE = 30, 600
"""of what is said of a file that holds many mistakes, or long ones"""
_SHIPPED = Path(str(resources.files("afield").joinpath("studies")))


def shipped_studies() -> dict[str, str]:
    """The texts of the studies that come with the package, by name (`quickstart`, `paper/main`)."""
    return {
        path.relative_to(_SHIPPED).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(_SHIPPED.rglob("*.toml"))
    }


def load_study(source: str | Path) -> Study:
    """Read a study: the name of a shipped one, or a path to a TOML file. Raises InputError that names file, key and
    mend.

    >>> load_study("quickstart").study.tasks
    ('elpv',)
    """
    shipped = shipped_studies()
    if str(source) in shipped:
        return parse_study(shipped[str(source)], f"{source}.toml", (_SHIPPED / str(source)).parent)
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"{source}: no such file, and no shipped study of that name; {nearest(str(source), shipped)}"
        ) from None
    except IsADirectoryError:
        raise InputError(
            f"{source}: is a folder and no study; write a study file that names it: study.tasks = [{str(source)!r}]"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: cannot be read as a text file ({error})") from None
    return parse_study(text, path.name, path.parent)


def _too_deep(name: str) -> InputError:
    return InputError(f"{name}: tables or lists stand within each other too deeply; a study needs three")


def parse_study(text: str, name: str, folder: Path | None = None) -> Study:
    """Check a study's text; `name` stands in front of each complaint. Files of extensions are relative to `folder`, by
    default to where the command runs.
    """
    try:
        content = tomllib.loads(text)
        tables = json.dumps(unfolded(with_own(content, folder or Path())), default=str)
    except RecursionError:
        raise _too_deep(name) from None
    except InputError as error:  # of an extension that an intervention comes from
        raise InputError(_complained(name, str(error).splitlines())) from error
    except ValueError as error:  # of TOML, or a number with thousands of digits
        raise InputError(f"{name}: not valid TOML: {brief(str(error), _LONGEST_LINE)}") from None
    try:
        study = Study.model_validate_json(tables)
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] == "json_invalid":  # JSON's reader has the lower limit
            raise _too_deep(name) from None
        lines = "\n".join(complaints(error, "", Study, Study.model_fields)).splitlines()
        raise InputError(_complained(name, lines)) from None
    if twice := study.search.twice("recipe", content.get("recipe", {})):  # only the file tells what was written
        raise InputError(_complained(name, twice))
    try:
        return _with_places(study, folder or Path())
    except InputError as error:  # of a path that no system can have
        raise InputError(_complained(name, str(error).splitlines())) from error


def _complained(name: str, lines: Sequence[str]) -> str:
    """Complaints as they are told: the file in front of each, none of them without end."""
    told = [f"{name}: {brief(line, _LONGEST_LINE)}" for line in lines[:_MOST_LINES]]
    told += [f"{name}: and {len(lines) - _MOST_LINES:,} complaints more"] if len(lines) > _MOST_LINES else []
    return "\n".join(told)


def _with_places(study: Study, folder: Path) -> Study:
    """The study with all its paths, which count from a folder, made absolute: of extensions, of its own data."""

    def absolute(path: str) -> str:
        return str((folder / user_path(path)).resolve())

    extensions = tuple(absolute(item) if item.endswith(".py") else item for item in study.extensions)
    sources = {name: source.below(folder) for name, source in study.tasks.items()}
    known = {*sources, *TASKS}
    tasks = tuple(
        absolute(name) if name not in known and (folder / user_path(name)).exists() else name
        for name in study.study.tasks
    )
    head = study.study.model_copy(update={"tasks": tasks})
    interventions = {
        name: {**table, **study.training_of(name).below(folder, known, tasks)}
        for name, table in study.interventions.items()
    }
    changed = {"study": head, "extensions": extensions, "tasks": sources, "interventions": interventions}
    return study.model_copy(update=changed)
