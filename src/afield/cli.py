"""The command. Each subcommand parses, calls one function, prints; heavy imports happen inside, so that help is there
at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from afield.base.errors import AfieldError, InputError, Stopped

app = typer.Typer(
    help="Take ImageNet backbones afield: does better on ImageNet mean better here, and which backbone should I use?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
tasks_app = typer.Typer(help="List and show the tasks (data sets).", no_args_is_help=True)
backbones_app = typer.Typer(help="List and show the backbones (pretrained weights).", no_args_is_help=True)
app.add_typer(tasks_app, name="tasks")
app.add_typer(backbones_app, name="backbones")

Out = Annotated[Path, typer.Argument(help="Result folder that `afield run` wrote.", show_default=False)]
OneStudy = Annotated[str | None, typer.Option("--study", help="Which study of the folder, where it holds several.")]


class TableFormat(StrEnum):
    """How a table is printed or written."""

    csv = "csv"
    markdown = "markdown"
    parquet = "parquet"


def main() -> NoReturn:
    """Run the command; errors that afield can explain become words and an exit code."""
    try:
        app(standalone_mode=True)
    except Stopped as error:
        _complain(str(error), 130)
    except InputError as error:
        _complain(f"error: {error}", 2)
    except AfieldError as error:
        _complain(f"error: {error}", 1)
    except KeyboardInterrupt:
        _complain("interrupted", 130)
    sys.exit(0)


def _complain(words: str, code: int) -> NoReturn:
    sys.stderr.write(f"{words}\n")
    sys.exit(code)


@app.command(epilog="Example: afield run quickstart --out out/quickstart")
def run(
    study: Annotated[
        str, typer.Argument(help="A shipped study (quickstart, smoke) or the path of a TOML file.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="Result folder; by default out/NAME.", show_default=False)] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Trials at once; by default one a core, or one on a GPU.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Loader processes of each trial; by default none on a CPU, up to 8 on a GPU."),
    ] = None,
    retry: Annotated[str | None, typer.Option(help="`failed`: try failed trials again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run; train nothing.")] = False,
) -> None:
    """Run a study, or what is missing of it, and print the answer."""
    from afield.study.study import load_study

    if retry not in (None, "failed"):
        raise InputError(f"--retry {retry}: unknown; the only choice is `--retry failed`")
    content = load_study(study)

    from rich.console import Console

    from afield.analysis.answer import answer
    from afield.progress import Display
    from afield.report.page import write_page
    from afield.study.collect import load_record
    from afield.study.describe import count, describe_plan
    from afield.study.run import check_ready, run_study

    if dry_run:
        print(describe_plan(check_ready(content)))
        return
    folder = out or Path("out") / content.study.name
    with Display(Console(stderr=True)) as display:
        outcome = run_study(
            content, folder, slots=slots, workers=workers, retry_failed=retry == "failed", watch=display
        )
    done = count(outcome.trained, "training")
    sys.stderr.write(f"{done} done now, {outcome.failed} failed, {outcome.missing} results missing\n")
    record = load_record(folder, study=content.study.name)
    page = write_page(record, folder)
    print(answer(record).text())
    print(f"\nReport: {page}")
    if not outcome.complete:
        _complain(f"{outcome.failed} failed and {outcome.missing} missing results; see: afield status {folder}", 1)


@app.command(epilog="Example: afield status out/quickstart")
def status(out: Out, study: OneStudy = None) -> None:
    """Say what is finished, paused, failed and missing."""
    from afield.study.collect import load_record
    from afield.study.describe import describe_record

    print(describe_record(load_record(out, study=study)))


@app.command(epilog="Example: afield report out/quickstart")
def report(out: Out, study: OneStudy = None) -> None:
    """Write OUT/report.html anew."""
    from afield.report.page import report as write_report

    print(write_report(out, study=study))


@app.command(epilog="Example: afield table out/quickstart --format markdown")
def table(
    out: Out,
    format: Annotated[
        TableFormat, typer.Option(help="csv and markdown are printed unless --to is given.")
    ] = TableFormat.csv,
    to: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.", show_default=False)] = None,
    study: OneStudy = None,
) -> None:
    """Print or write the results table."""
    from afield.study.collect import results
    from afield.study.describe import write_table

    text = write_table(results(out, study=study), format.value, to)
    if text:
        print(text)


@tasks_app.command("list", epilog="Example: afield tasks list")
def tasks_list() -> None:
    """Name the built-in tasks, a line each."""
    from afield.study.describe import list_tasks

    print(list_tasks())


@tasks_app.command("show", epilog="Example: afield tasks show elpv")
def tasks_show(
    name: Annotated[str, typer.Argument(help="A built-in task, or a folder of class folders.", show_default=False)],
) -> None:
    """Show a task's card: source, licence, classes, metric, baseline, how to get it."""
    from afield.study.describe import show_task

    print(show_task(name))


@backbones_app.command("list", epilog="Example: afield backbones list")
def backbones_list() -> None:
    """Name the backbones of the catalogue with their ImageNet accuracy."""
    from afield.study.describe import list_backbones

    print(list_backbones())


@backbones_app.command("show", epilog="Example: afield backbones show squeezenet1_1.caffe_in1k")
def backbones_show(name: Annotated[str, typer.Argument(help="Id of a backbone.", show_default=False)]) -> None:
    """Show all of a backbone's row, its preprocessing and where its bytes are."""
    from afield.study.describe import show_backbone

    print(show_backbone(name))
