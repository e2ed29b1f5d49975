"""`afield analyse`: any results table, own or published, as fits with intervals and verdicts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afield.base.text import printable
from afield.cli.options import AsJson, OneStudy
from afield.cli.output import complain, put, put_json, say

if TYPE_CHECKING:
    from afield.analysis.analyse import Analysis

analyse_app = typer.Typer()


class ValueScale(StrEnum):
    """What a table's numbers are."""

    share = "share"
    percent = "percent"


@analyse_app.command(epilog="Example: afield analyse results.csv --columns backbone=model,task=dataset")
def analyse(
    table: Annotated[Path, typer.Argument(help="A CSV file of results, or a result folder.", show_default=False)],
    columns: Annotated[
        str,
        typer.Option(
            help="Columns that have other names: backbone=model,task=dataset; model+img_size joins two.",
            show_default=False,
        ),
    ] = "",
    values: Annotated[
        str,
        typer.Option(
            help="Several columns of values: each a task, or where a column names tasks a metric.", show_default=False
        ),
    ] = "",
    metric: Annotated[
        str | None, typer.Option(help="What the values are, where no column says so.", show_default=False)
    ] = None,
    imagenet: Annotated[
        Path | None,
        typer.Option(
            help="Another table with ImageNet accuracies, before the table's own and the catalogue's.",
            show_default=False,
        ),
    ] = None,
    tasks: Annotated[str, typer.Option(help="These tasks alone: one,two.", show_default=False)] = "",
    without: Annotated[
        list[str] | None, typer.Option(help="A backbone to leave out; may be repeated.", show_default=False)
    ] = None,
    above: Annotated[
        float | None, typer.Option(help="Only backbones with more than this on ImageNet, per cent.", show_default=False)
    ] = None,
    mean: Annotated[bool, typer.Option("--mean", help="Fit the mean over the tasks too.")] = False,
    scale: Annotated[
        ValueScale | None, typer.Option(help="What all values are, where it cannot be told.", show_default=False)
    ] = None,
    intervention: Annotated[
        str, typer.Option(help="Which intervention's rows count, where the table has several.")
    ] = "plain",
    smallest_slope: Annotated[
        float | None,
        typer.Option(
            help="Metric points per ImageNet point that would matter; by default 0.1, or the study's own.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also ranks, other axes and methods, cuts, curves, power, and what several tasks say."
        ),
    ] = False,
    as_json: AsJson = False,
    study: OneStudy = None,
) -> None:
    """Fit any results table against ImageNet accuracy.

    Prints r, slope and a verdict a task, each with its interval and reason: does better on ImageNet mean better here?
    """
    from afield.analysis.analyse import analyse as analyse_table
    from afield.analysis.tables.table import TableChoice

    choice = TableChoice(
        columns=_pairs(columns),
        values=_names(values),
        metric=metric,
        imagenet=imagenet,
        tasks=_names(tasks),
        without=tuple(without or ()),
        above=above,
        mean=mean,
        scale=None if scale is None else scale.value,
        intervention=intervention,
    )
    found = analyse_table(table, choice, study=study, smallest_slope=smallest_slope)
    say("\n".join(found.notes))
    if as_json:
        put_json(found.as_json())
    elif found.fits:
        _print(found, everything=everything)
    elif everything:
        from afield.analysis.described import audited

        put("\n".join(audited(found)))


def _print(found: Analysis, *, everything: bool) -> None:
    """A row a fit, and below it the reasons, or all that there is."""
    import sys

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from afield.analysis.described import HEADS, audited, details, headlines, over_tasks_in_full, reasons, together

    shown = Table(box=None, pad_edge=False)
    for place, head in enumerate(HEADS):
        shown.add_column(head, justify="right" if place == 2 else "left", overflow="fold")
    for row in headlines(found):
        shown.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(shown)
    if everything:
        parts = [*over_tasks_in_full(found), *(details(fit) for fit in found.fits), together(found), *audited(found)]
        put("\n" + "\n\n".join(parts))
    else:
        put(f"\n{reasons(found)}")
    if found.rule is not None:
        put(f"\nThe rule of these verdicts. {found.rule.words}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _pairs(text: str) -> dict[str, str]:
    """NAME=OWN,NAME=OWN as a mapping."""
    pairs = [pair.partition("=") for pair in _names(text)]
    for name, sign, own in pairs:
        if not (name and sign and own):
            complain(f"error: --columns {name}{sign}{own}: write NAME=COLUMN, as in backbone=model,task=dataset", 2)
    return {name.strip(): own.strip() for name, _, own in pairs}
