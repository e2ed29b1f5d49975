"""Extensions: a user's own Python file, or an installed package, whose module-level objects a study names.

Nothing is registered and nothing happens by importing: a study says `extensions = ["my_lab.py"]`, and `my_lab:hydra` is
the object of that name in it. What is run is what was hashed: a file is read once.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from afield.base.errors import InputError, nearest
from afield.base.files import write_atomic
from afield.base.hashing import digest, sha256_file

GROUP = "afield"
"""entry-point group by which an installed package offers its objects"""

_MARK = "_afield_extension_"
"""how the private names of extensions' modules begin"""

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Extension:
    """A loaded file or package."""

    name: str
    """what stands before the colon of a reference: the file's stem, or the entry point's name"""
    path: Path
    """the file; of a package its folder"""
    sha256: str
    """of the file's bytes; of a package, of its version and all its .py files"""
    objects: Mapping[str, object] = field(repr=False)
    """module-level objects by name, those with a leading underscore apart"""
    source: bytes | None = field(default=None, repr=False)
    """the file's bytes as they were run; None for a package"""

    @property
    def folder(self) -> Path:
        """What relative paths in it are relative to."""
        return self.path if self.source is None else self.path.parent


def load_extension(source: str | Path) -> Extension:
    """Load a file (a path that ends in .py) or the installed package that offers an entry point of that name.

    Raises InputError where there is none, where its name cannot be used, and where its code raises: with file, line and
    the exception's words.
    """
    path = Path(source)
    if path.suffix != ".py":
        return _load_package(str(source))
    name = path.stem
    if not name.isidentifier():
        raise InputError(
            f"{path}: an extension's name must be an identifier (letters, digits and _, no digit first), "
            f"because {name}:NAME refers to it; rename the file"
        )
    taken = _module_of(name)
    if taken is not None and taken != path.resolve():
        raise InputError(f"{path}: {name} is the name of a Python package on this machine ({taken}); rename the file")
    return load_file(path)


def load_file(path: Path, planned: str | None = None) -> Extension:
    """Load a file whatever its name shadows: a copy of what `load_extension` has accepted. Raises InputError; for one
    whose sha256 is not the one that was `planned` before any of it is run.
    """
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; extensions are paths relative to the study file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    sha256 = hashlib.sha256(source).hexdigest()
    place = path.resolve()
    if planned is not None:
        _refuse_other(place, sha256, planned)
    # a private name of this file and these bytes: it overwrites nothing, and one file is one module
    private = f"{_MARK}{path.stem}_{digest([str(place), sha256])}"
    module = sys.modules.get(private)
    if module is None:
        module = _run(path, source, private)
    return Extension(path.stem, place, sha256, _public(module), source)


def load_extensions(sources: Iterable[str | Path]) -> dict[str, Extension]:
    """All of a study's, by name. Raises InputError that lists whatever is wrong with any of them."""
    loaded: dict[str, Extension] = {}
    problems = []
    for source in sources:
        try:
            extension = load_extension(source)
        except InputError as error:
            problems.append(str(error))
            continue
        other = loaded.setdefault(extension.name, extension)
        if other is not extension:
            problems.append(
                f"extensions: {extension.path} and {other.path} have one name ({extension.name}); rename one of them"
            )
    if problems:
        raise InputError("\n".join(problems))
    return loaded


def objects(extension: Extension, kind: type[Kind]) -> dict[str, Kind]:
    """The extension's module-level objects of a type, by name, in the file's order."""
    return {name: value for name, value in extension.objects.items() if isinstance(value, kind)}


def is_own(name: str) -> bool:
    """Whether a name refers to an extension's object (`my_lab:hydra`) and not to one that comes with the package."""
    return ":" in name


def find_object(
    reference: str, extensions: Mapping[str, Extension], kind: type[Kind], instead: Sequence[type] = ()
) -> Kind:
    """The object that `FILE:NAME` refers to. Raises InputError with the nearest names where there is none, those of
    the kinds that would do instead among them.
    """
    name, _, attribute = reference.partition(":")
    if name not in extensions:
        file = f"{name.removesuffix('.py')}.py"
        offered = nearest(name, extensions) if extensions else f'name its file first: extensions = ["{file}"]'
        raise InputError(f"{reference}: no extension {name} is named by the study; {offered}")
    extension = extensions[name]
    known = objects(extension, kind)
    if attribute in known:
        return known[attribute]
    what = kind.__name__
    if attribute in extension.objects:
        found = type(extension.objects[attribute]).__name__
        raise InputError(f"{reference}: is of type {found}, not {what} ({extension.path}); {_offer(name, known, what)}")
    near = [f"{name}:{key}" for kinds in (kind, *instead) for key in objects(extension, kinds)]
    raise InputError(
        f"{reference}: {extension.path} has no {attribute or 'object without a name'}; "
        f"{nearest(reference, near) if near else _offer(name, known, what)}"
    )


def keep_copy(extension: Extension, folder: Path) -> str:
    """Write the file that was run to FOLDER/<sha256, 12 digits>/NAME.py, where it is not there yet; gives that path.

    A package is not copied: its name is given, and it must be installed wherever a trial runs.
    """
    if extension.source is None:
        return extension.name
    source = extension.source
    path = folder / extension.sha256[:12] / f"{extension.name}.py"
    if not (path.exists() and sha256_file(path) == extension.sha256):
        write_atomic(path, lambda temporary: temporary.write_bytes(source))
    return str(path)


def load_kept(place: str, sha256: str) -> Extension:
    """Load what `keep_copy` gave. Raises InputError where it is no longer what it was."""
    path = Path(place)
    if path.suffix == ".py":
        return load_file(path, sha256)
    extension = load_extension(place)
    _refuse_other(extension.path, extension.sha256, sha256)
    return extension


def _refuse_other(path: Path, found: str, planned: str) -> None:
    if found != planned:
        raise InputError(
            f"{path}: is not the extension that this trial was planned with "
            f"(sha256 {found[:12]}, planned {planned[:12]}); run the study again"
        )


def where(error: BaseException) -> str:
    """`FILE, line N: the exception's words`, for an exception that an extension's code raised.

    The line is the last one of the extension's own; of a package, which has no mark, the last one of all.
    """
    words = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        (str(frame.f_globals.get("__name__")), frame, line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    outside = [part for part in frames if part[0] != __name__]
    marked = [part for part in outside if part[0].startswith(_MARK)]
    if not outside:
        return words
    _, frame, line = (marked or outside)[-1]
    return f"{frame.f_code.co_filename}, line {line}: {words}"


def _offer(name: str, known: Mapping[str, object], what: str) -> str:
    return f"{what} objects in it: " + (", ".join(f"{name}:{key}" for key in known) or "none")


def _run(path: Path, source: bytes, private: str) -> ModuleType:
    spec = spec_from_file_location(private, path.resolve())
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[private] = module  # data classes and pickles look their module up
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the user's own code
    except (Exception, SystemExit) as error:
        del sys.modules[private]
        raise _raised(error, path) from error
    return module


def _raised(error: BaseException, path: Path) -> InputError:
    words = where(error)
    mend = "mend the file"
    if isinstance(error, ModuleNotFoundError):
        mend = (
            "install that package; an extension is one file, and what lies beside it is not found "
            "(for more than one file make an installed package: docs/extensions.md)"
        )
    return InputError(f"{words if path.name in words else f'{path}: {words}'}; {mend}")


def _public(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def _module_of(name: str) -> Path | None:
    """Where a top-level module of that name would be imported from; its code does not run."""
    if name in sys.stdlib_module_names:
        return Path(f"Python's own {name}")
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:  # the latter: a folder without code, such as the one that the file lies in
        return None
    return _place(spec)


def _place(spec: ModuleSpec) -> Path:
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin or spec.name).resolve()


def _load_package(name: str) -> Extension:
    offered = entry_points(group=GROUP)
    found = offered.select(name=name)
    if not found:
        known = nearest(name, offered.names) if offered.names else "no installed package offers any"
        raise InputError(
            f"{name}: no installed package has the entry point {name} in the group {GROUP}; {known}. "
            'A file is named with its ending: extensions = ["my_lab.py"]'
        )
    if len({point.value for point in found}) > 1:
        packages = ", ".join(sorted(point.dist.name for point in found if point.dist))
        raise InputError(
            f"{name}: several installed packages offer this entry point ({packages}); uninstall all but one"
        )
    point = next(iter(found))
    if not name.isidentifier() or point.attr:
        raise InputError(
            f"{name}: the entry point {point.name} = {point.value} must have an identifier as name and a module as "
            'value, for instance my_lab = "my_lab.backbones"; ask the package\'s author'
        )
    return _import_package(point)


def _import_package(point: EntryPoint) -> Extension:
    spec = find_spec(point.module.split(".")[0])
    if spec is None:
        raise InputError(f"{point.name}: its package {point.module} is not there; install it again")
    place = _place(spec)
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    folder = place if place.is_dir() else place.parent
    sha256 = digest(
        {
            "version": point.dist.version if point.dist else "",
            "files": {file.relative_to(folder).as_posix(): sha256_file(file) for file in files},
        },
        64,
    )
    try:
        module = importlib.import_module(point.module)
    except (Exception, SystemExit) as error:
        raise _raised(error, place) from error
    return Extension(point.name, folder, sha256, _public(module))
