"""The command. Each subcommand parses, calls one function, prints; heavy imports happen inside, so that help is there
at once.
"""

from __future__ import annotations

import gc
import sys
from typing import Annotated, NoReturn

import typer

from afield import __version__
from afield.base.errors import AfieldError, InputError, Stopped
from afield.cli.analyse import analyse_app
from afield.cli.backbones import backbones_app, extension_app
from afield.cli.check import check_app
from afield.cli.compare import compare_app
from afield.cli.distance import distance_app
from afield.cli.folders import folders_app
from afield.cli.labels import labels_app
from afield.cli.networks import networks_app
from afield.cli.output import complain, put
from afield.cli.plan import plan_app
from afield.cli.studies import shipped_app, studies_app
from afield.cli.tasks import tasks_app

app = typer.Typer(
    help="Take ImageNet backbones afield: does better on ImageNet mean better here, and which backbone should I use?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(plan_app)
app.add_typer(studies_app)
app.add_typer(networks_app)
app.add_typer(folders_app)
app.add_typer(compare_app)
app.add_typer(check_app)
app.add_typer(analyse_app)
app.add_typer(labels_app)
app.add_typer(distance_app)
app.add_typer(shipped_app, name="studies")
app.add_typer(tasks_app, name="tasks")
app.add_typer(backbones_app, name="backbones")
app.add_typer(extension_app, name="extension")


def _print_version(asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        torch = f"torch {version('torch')}"  # as pip noted it: torch itself takes seconds to import
    except PackageNotFoundError:
        torch = "without torch"
    put(f"afield {__version__} ({torch})")
    raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What goes before every command."""


def main() -> NoReturn:
    """Run the command; errors that afield can explain become words and an exit code."""
    gc.set_threshold(100_000)  # the default takes a sixth of the time that 30,000 trainings are read in
    try:
        app(standalone_mode=True)
    except Stopped as error:
        complain(str(error), 130)
    except InputError as error:
        complain(f"error: {error}", 2)
    except AfieldError as error:
        complain(f"error: {error}", 1)
    except KeyboardInterrupt:
        complain("interrupted", 130)
    sys.exit(0)
