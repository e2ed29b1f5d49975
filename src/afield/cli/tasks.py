"""`afield tasks ...`: data sets, their cards and splits, how they get here and are made ready."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import AsJson, Data, SplitProtocol, TaskName
from afield.cli.output import put, put_json, say

tasks_app = typer.Typer(help="List and show the tasks (data sets).", no_args_is_help=True)


@tasks_app.command("list", epilog="Example: afield tasks list")
def tasks_list(as_json: AsJson = False) -> None:
    """Name the built-in tasks, a line each."""
    from afield.tasks.show import list_tasks, plain_tasks

    if as_json:
        put_json(plain_tasks())
    else:
        put(list_tasks())


@tasks_app.command("show", epilog="Example: afield tasks show elpv --augmentation randaugment --out sheet.html")
def tasks_show(
    name: TaskName,
    data: Data = None,
    augmentation: Annotated[
        str | None,
        typer.Option(
            help="Write what it makes of some images instead: paper, randaugment, ..., mixup, cutmix, erasing, or "
            "one's own, FILE.py:NAME.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=32, max=2048, help="With --augmentation: pixels of a side; by default 224.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --augmentation: HTML file to write.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a task's card: source, licence, classes, metric, baseline, how to get it; or a sheet of augmented images."""
    if augmentation is None:
        from afield.study.preparing.named_task import named_task
        from afield.tasks.show import plain_task, show_task

        if out is not None or size is not None:
            raise typer.BadParameter("--out and --size belong to --augmentation; name one")
        if as_json:
            put_json(plain_task(named_task(name), data))
        else:
            put(show_task(named_task(name), data))
        return
    if as_json:
        raise typer.BadParameter("--augmentation writes a page of pictures; leave out --json")
    from afield.checking.sheet import describe_sheet, write_sheet

    path = out or Path("sheet.html")
    put(describe_sheet(write_sheet(name, augmentation, path, data, size), path))


@tasks_app.command("splits", epilog="Example: afield tasks splits elpv --out elpv_splits.csv")
def tasks_splits(
    name: TaskName,
    protocol: Annotated[SplitProtocol, typer.Option(help="Whose splits.")] = SplitProtocol.clean,
    data: Data = None,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Add each image's SHA-256, so that others can check theirs.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.", show_default=False)] = None,
) -> None:
    """Print or write which sample is in which split; no image is opened, unless hashes are wanted."""
    from afield.study.collecting.table import write_table
    from afield.study.preparing.named_task import named_task
    from afield.tasks.places import cache_folder
    from afield.tasks.show import list_splits

    rows = list_splits(named_task(name), protocol.value, data, cache_folder() if hashes else None)
    put(write_table(rows, "csv", out))


@tasks_app.command("fetch", epilog="Example: afield tasks fetch eurosat --data data")
def tasks_fetch(
    name: Annotated[str, typer.Argument(help="A built-in task.", show_default=False)],
    data: Data = None,
) -> None:
    """Download a task's data, check and unpack them; run it again to go on after a stop.

    Where an account is needed it uses your own kaggle client, or says step by step what to do.
    """
    from rich.console import Console

    from afield.progress import Downloads
    from afield.tasks.fetch import describe_order, fetch, order

    wanted = order(name, data)
    say(describe_order(wanted))
    with Downloads(Console(stderr=True)) as downloads:
        put(str(fetch(wanted, downloads.watch)))


@tasks_app.command("prepare", epilog="Example: afield tasks prepare eurosat --size 64")
def tasks_prepare(
    name: TaskName,
    data: Data = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=2048,
            help="Side of the square that networks see, pixels; by default 224, under `paper` the study's.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[SplitProtocol, typer.Option(help="Whose splits and views.")] = SplitProtocol.clean,
) -> None:
    """Check a task's data and prepare its images, so that a run finds them ready."""
    from rich.console import Console

    from afield.progress import Display
    from afield.study.preparing.prepare_task import describe_preparation, prepare_task

    with Display(Console(stderr=True)) as display:
        done = prepare_task(name, display.prepare, size=size, protocol=protocol.value, data=data)
    put(describe_preparation(done))
