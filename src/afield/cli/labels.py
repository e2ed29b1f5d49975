"""`afield labels`: which labels are probably wrong, as a list to read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import Data, OneStudy, Out
from afield.cli.output import put, say

labels_app = typer.Typer()


class Action(StrEnum):
    """What the list says of every row before somebody has read it."""

    drop = "drop"
    relabel = "relabel"


@labels_app.command(epilog="Example: afield labels out/photos --to doubtful.csv")
def labels(
    out: Out,
    task: Annotated[
        str | None, typer.Option(help="Which task with folds, where there are several.", show_default=False)
    ] = None,
    intervention: Annotated[
        str | None, typer.Option(help="Whose networks; by default plain.", show_default=False)
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="CSV file to write; by default labels_TASK.csv here.", show_default=False)
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page to write; by default beside the list.", show_default=False)
    ] = None,
    action: Annotated[
        Action | None,
        typer.Option(help="Write this into every row, for who takes the list unread.", show_default=False),
    ] = None,
    data: Data = None,
    study: OneStudy = None,
) -> None:
    """List labels that are probably wrong.

    They are judged by networks that were not trained on them.

    The study must have a task with folds, all of them (fold = "all"). Nothing is changed.
    """
    from afield.checking.doubtful import describe_doubts, doubtful, write_list
    from afield.checking.doubtful_page import write_doubts
    from afield.study.collecting.collect import load_record

    found = doubtful(load_record(out, study), task, intervention, data)
    path = to or Path(f"labels_{found.task}.csv")
    shown = page or path.with_suffix(".html")
    write_list(found, path, action.value if action else "")
    write_doubts(found, shown)
    if action:
        say(f"every row says {action.value}: a study that names the list takes it unread")
    put(describe_doubts(found, path, shown))
