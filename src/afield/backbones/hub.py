"""Files of the Hugging Face hub, in the hub's own cache: what is there already is found, what is new others find too.

The hub's client says what a file is (commit, size, sha256) and keeps the cache; the bytes come through `download`,
which resumes across runs and checks the sha256 before a file enters the cache. What a hub or a mirror answers becomes
a path only after it has the form of a hash.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.published import OnHub
from afield.base.download import Progress, download
from afield.base.errors import InputError
from afield.base.files import atomic_path, words_for_failed_writes, write_text

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

_MEND = "see docs/weights.md for other ways to bring weights"


@dataclass(frozen=True)
class HubFile:
    """A file of the hub, as the hub describes it."""

    source: OnHub
    file: str
    commit: str
    etag: str
    """the sha256 where the file is in git-lfs, as weights are, else git's own hash; 64 or 40 hexadecimal digits"""
    size: int | None
    """bytes"""

    @property
    def address(self) -> str:
        """Where its bytes are; leads on to a server that the hub chooses."""
        return address(self.source, self.file, self.commit)

    @property
    def sha256(self) -> str:
        """Empty where the hub does not say."""
        return _sha256(self.etag)


def address(source: OnHub, file: str = "", revision: str = "") -> str:
    """The address of a file of the hub, or of the mirror that HF_ENDPOINT names."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(
        source.repository, file or source.files[0], revision=revision or source.revision, endpoint=_endpoint()
    )


def cached(source: OnHub) -> tuple[Path, str] | None:
    """The file in the hub's cache and its commit, where it is there; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    for file in source.files:
        found = try_to_load_from_cache(source.repository, file, revision=source.revision)
        if isinstance(found, str):
            return Path(found), Path(found).parent.name  # .../snapshots/COMMIT/FILE
    return None


def cached_sha256(path: Path) -> str:
    """The sha256 of a file by the cache: the name of the blob that it links to; empty where it is a copy."""
    return _sha256(path.resolve().name)


def describe(source: OnHub) -> HubFile:
    """Ask the hub for the first of the files that it has.

    Raises InputError where there is none or no answer, or one whose commit and ETag are no hashes: they name files of
    the cache, and "../" in them would lead out of it.
    """
    from huggingface_hub.errors import EntryNotFoundError

    for file in source.files:
        place = address(source, file)
        try:
            metadata = _metadata(place)
        except EntryNotFoundError:
            continue
        except _faults() as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            words = f"the hub answers {status}" if status else f"the hub cannot be reached ({error})"
            raise InputError(f"{place}: {words}; {_MEND}") from error
        if metadata.commit_hash is None or metadata.etag is None:
            raise InputError(f"{place}: no hub answers there; is HF_ENDPOINT right, or a proxy in between?")
        if not re.fullmatch(r"[0-9a-f]{40}", metadata.commit_hash):
            raise InputError(f"{place}: the hub names a commit that is no hash ({metadata.commit_hash!r:.99}); {_MEND}")
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", metadata.etag):
            raise InputError(f"{place}: the hub names the file by no hash (ETag {metadata.etag!r:.99}); {_MEND}")
        return HubFile(source, file, metadata.commit_hash, metadata.etag, metadata.size)
    raise InputError(f"{address(source)}: the hub has no such file (nor {', '.join(source.files[1:])}); {_MEND}")


def bring(source: OnHub, progress: Progress | None = None) -> tuple[Path, str]:
    """Download a file into the hub's cache; give its path there and its commit.

    Raises InputError where the hub cannot be reached or the bytes are not those that it describes.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    found = describe(source)
    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=source.repository, repo_type="model"))
    blob = folder / "blobs" / found.etag
    download(found.address, blob, sha256=found.sha256, limit=found.size, progress=progress)
    return _enter(folder, blob, found), found.commit


def _enter(folder: Path, blob: Path, found: HubFile) -> Path:
    """Let a blob appear in the cache under its name, commit and revision, where the hub's client looks for it.

    By hand, since the client's own function would ask the hub again and trust a second answer that nobody checked.
    """
    path = folder / "snapshots" / found.commit / found.file
    with words_for_failed_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except FileExistsError:  # another process was first
            pass
        except OSError:  # a system that does not let one make links
            with atomic_path(path) as temporary:
                shutil.copyfile(blob, temporary)
    if found.source.revision != found.commit:
        write_text(folder / "refs" / found.source.revision, found.commit)
    return path


def _metadata(place: str) -> HfFileMetadata:
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return get_hf_file_metadata(place, endpoint=_endpoint())
    except HfHubHTTPError as error:
        if error.response.status_code not in (408, 429, 500, 502, 503, 504):
            raise
    return get_hf_file_metadata(place, endpoint=_endpoint(), retry_on_errors=True)  # waits as long as the hub asks


def _faults() -> tuple[type[Exception], ...]:
    """What the hub's client raises: errors of the system, and of whichever HTTP library it uses."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # the library's own, passed on

    return (OSError, HTTPError)


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _sha256(text: str) -> str:
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else ""
