"""Look after result folders: what differs between results, and what can go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import AsJson, OneStudy, Out
from afield.cli.output import complain, put, put_json

folders_app = typer.Typer()


@folders_app.command(epilog="Example: afield diff out/quickstart out/again")
def diff(
    out: Out,
    other: Annotated[
        str, typer.Argument(help="Another result folder, or the key of a training in OUT.", show_default=False)
    ],
    key: Annotated[str | None, typer.Argument(help="The key of the other training in OUT.", show_default=False)] = None,
    study: OneStudy = None,
    as_json: AsJson = False,
) -> None:
    """Name what differs between two results.

    Key fields (data, weights, recipe, versions), platform, machine, then the numbers: of two folders, or of two
    trainings in one (`afield diff OUT KEY KEY`).
    """
    from afield.study.inspecting.differences import compare_folders, compare_trainings

    if key is None and not Path(other).is_dir():
        complain(f"error: {other}: is no folder; give two result folders, or a folder and two keys", 2)
    found = compare_folders(out, Path(other), study) if key is None else compare_trainings(out, other, key)
    if as_json:
        put_json(found)
    else:
        put(found.words())


@folders_app.command(epilog="Example: afield clean out/quickstart")
def clean(
    out: Out,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only told.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a result folder holds that nobody needs.

    Checkpoints, networks that no search chose, half-written files, damaged results; nothing that a search under way or
    a soup may need.
    """
    from afield.study.inspecting.cleaning import clean as remove
    from afield.study.inspecting.cleaning import describe_waste, plain_waste, waste_in
    from afield.study.store import Store

    store = Store.open(out)
    found = remove(store) if yes else waste_in(store)
    if as_json:
        put_json(plain_waste(found, out, done=yes))
    else:
        put(describe_waste(found, out, done=yes))
