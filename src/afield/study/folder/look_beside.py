"""A look at the state of a large folder, made by a process of its own while this one does something else: 170,000
questions to the system take as long as finding a study's data.

    python -P -m afield.study.folder.look_beside    of the folder it runs in prints the hash, and `settled` where it is
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from afield.study.folder.folder_state import FolderState, state_of
from afield.study.folder.index import WORTH, Index
from afield.study.folder.trial_files import names_in


@contextmanager
def look_beside(root: Path) -> Iterator[Callable[[], FolderState]]:
    """Begin to look at a folder; gives what waits for its state. Small folders are looked at when that is asked, and so
    is one where no process could. Leaving the block ends the look.
    """
    if len(names_in(root / "trials")) <= WORTH or not sys.executable:
        yield lambda: state_of(root, Index(root))
        return
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(  # noqa: S603
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:

        def found() -> FolderState:
            digest, *settled = process.communicate()[0].split() or [""]
            return FolderState(digest, bool(settled)) if process.returncode == 0 else state_of(root, Index(root))

        try:
            yield found
        finally:
            process.kill()


if __name__ == "__main__":
    _here = Path()  # paths are short from here, which saves a fifth of the time
    _state = state_of(_here, Index(_here))
    print(_state.digest, "settled" if _state.settled else "")  # noqa: T201 - that is how it answers
