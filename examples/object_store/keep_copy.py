"""Keep a copy of a result folder in an object store while a run works in it, and bring it back.

python keep_copy.py out/study s3://bucket/study      every five minutes, until Ctrl-C or kill; then once more
python keep_copy.py s3://bucket/study out/study      once, into a folder that is new or empty

fsspec, which comes with torch, knows a store by the beginning of its address. Most want a package of their own: s3fs
for s3://, gcsfs for gs://, adlfs for abfs://. Keys are taken from where that package looks for them.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

EVERY = 300
"""seconds"""
LEFT_OUT = ("claims", "runs")
"""who is at work in a folder: nobody in its copy"""
HALF_WRITTEN = ".afield-tmp-"

State = tuple[int, int]
"""of a file: its last change in nanoseconds, its size"""


def send_new(out: Path, store: AbstractFileSystem, root: str, sent: dict[str, State]) -> int:
    """Bring the copy below `root` up to date: send what is new or changed since it was `sent`, remove what was sent and
    has gone. Gives the number of files sent.

    Files come and go meanwhile. Each is whole, and afield goes on from files of different moments.
    """
    found = _files(out)
    new = [name for name, state in found.items() if sent.get(name) != state]
    for name in new:
        try:
            store.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
            store.put_file(str(out / name), f"{root}/{name}")
        except FileNotFoundError:
            if (out / name).exists():
                raise  # it is the store that lacks something
            continue
        sent[name] = found[name]
    for name in sent.keys() - found.keys():
        store.rm_file(f"{root}/{name}")
        del sent[name]
    return len(new)


def _files(out: Path) -> dict[str, State]:
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if name.parts[0] in LEFT_OUT or path.name.startswith(HALF_WRITTEN):
            continue
        try:
            about = path.stat()
        except FileNotFoundError:
            continue  # removed since it was listed
        if path.is_file():
            found[name.as_posix()] = about.st_mtime_ns, about.st_size
    return found


def reach(address: str) -> tuple[AbstractFileSystem, str]:
    """A store, and the place in it."""
    try:
        store, root = url_to_fs(address)
    except (ImportError, ValueError) as error:
        sys.exit(f"{address}: {error}")
    return store, root


def bring_back(store: AbstractFileSystem, root: str, out: Path) -> None:
    """Copy all that lies below `root` into a folder."""
    if out.exists() and any(out.iterdir()):
        sys.exit(f"{out}: is not empty; name a new folder, and join the two with: afield merge")
    if not store.exists(root):
        sys.exit(f"{root}: holds nothing; is that the address that was copied to?")
    store.get(root.rstrip("/") + "/", str(out) + "/", recursive=True)


def main(source: str, target: str) -> None:
    """Send until Ctrl-C or SIGTERM, or bring back."""
    if "://" in source:
        bring_back(*reach(source), Path(target))
        return
    store, root = reach(target)
    sent: dict[str, State] = {}
    for each in (signal.SIGINT, signal.SIGTERM):  # a script's shell starts what runs beside it without the first
        signal.signal(each, signal.default_int_handler)
    try:
        while True:
            try:
                print(f"{send_new(Path(source), store, root, sent)} files sent to {target}", flush=True)
            except OSError as error:
                print(f"{target}: cannot be written ({error}); trying again in {EVERY} seconds", flush=True)
            time.sleep(EVERY)
    except KeyboardInterrupt:
        print(f"{send_new(Path(source), store, root, sent)} files sent to {target}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
