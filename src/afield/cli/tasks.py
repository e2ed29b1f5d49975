"""`afield tasks ...`: data sets, their cards and splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import Data, SplitProtocol
from afield.cli.output import put

tasks_app = typer.Typer(help="List and show the tasks (data sets).", no_args_is_help=True)


@tasks_app.command("list", epilog="Example: afield tasks list")
def tasks_list() -> None:
    """Name the built-in tasks, a line each."""
    from afield.tasks.show import list_tasks

    print(list_tasks())


@tasks_app.command("show", epilog="Example: afield tasks show elpv")
def tasks_show(
    name: Annotated[str, typer.Argument(help="A built-in task, or a folder of class folders.", show_default=False)],
    data: Data = None,
) -> None:
    """Show a task's card: source, licence, classes, metric, baseline, how to get it."""
    from afield.tasks.show import show_task

    print(show_task(name, data))


@tasks_app.command("splits", epilog="Example: afield tasks splits elpv --out elpv_splits.csv")
def tasks_splits(
    name: Annotated[str, typer.Argument(help="A built-in task, or a folder of class folders.", show_default=False)],
    protocol: Annotated[SplitProtocol, typer.Option(help="Whose splits.")] = SplitProtocol.clean,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.", show_default=False)] = None,
) -> None:
    """Print or write which sample is in which split; no image is opened."""
    from afield.study.table import write_table
    from afield.tasks.show import list_splits

    put(write_table(list_splits(name, protocol.value, data), "csv", out))
