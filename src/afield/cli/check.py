"""`afield check`: what could bias a result, found before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afield.cli.options import AsJson, Data, SplitProtocol, TaskName
from afield.cli.output import complain, put, put_json, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

check_app = typer.Typer()


@check_app.command(epilog="Example: afield check photos/ --out check.html")
def check(
    name: TaskName,
    protocol: Annotated[SplitProtocol, typer.Option(help="Whose splits.")] = SplitProtocol.clean,
    further: Annotated[
        list[str] | None,
        typer.Option(
            help="A data set whose images would join the training split, named as NAME is. Repeatable.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Page to write; by default check_NAME.html here.", show_default=False)
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(help="CSV file to write: id and group, copies of a picture in one group.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what would bias a result: copies, leaks, labels.

    Exit code 1 where something would bias a result, 2 where the task cannot be used.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from afield.checking.check import check as check_task
    from afield.checking.check import write_groups
    from afield.checking.page import write_page
    from afield.checking.words import describe, plain_check

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        found = check_task(name, protocol.value, _shown_on(bars), data, further=further or ())
    page = out or Path(f"check_{found.task}.html")
    write_page(found, page)
    if groups is not None:
        write_groups(found, groups)
        say(f"groups written to {groups}")
    if as_json:
        put_json({**plain_check(found), "page": page})
    else:
        put(f"{describe(found)}\nPage: {page}")
    if found.biased:
        complain("", 1)


def _shown_on(bars: Progress) -> Callable[[str, int, int], None]:
    """What shows on a bar for each kind of work how much of it is done."""
    begun: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in begun:
            begun[what] = bars.add_task(what, total=total)
        bars.update(begun[what], completed=done)

    return show
