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
extension_app = typer.Typer(help="Your own backbones: test the file before a study runs it.", no_args_is_help=True)
app.add_typer(extension_app, name="extension")

Out = Annotated[Path, typer.Argument(help="Result folder that `afield run` wrote.", show_default=False)]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder that holds the tasks' folders; by default AFIELD_DATA.", show_default=False),
]
OneStudy = Annotated[str | None, typer.Option("--study", help="Which study of the folder, where it holds several.")]


class SplitProtocol(StrEnum):
    """Whose splits a task is divided by."""

    clean = "clean"
    paper = "paper"


class Retry(StrEnum):
    """What a run tries again."""

    failed = "failed"


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
    _say(words)
    sys.exit(code)


def _print(text: str) -> None:
    """The output; nothing where all of it went into a file."""
    if text:
        print(text)


def _say(words: str) -> None:
    """Words beside the output; nothing where there are none."""
    if words:
        sys.stderr.write(f"{words}\n")


@app.command(epilog="Example: afield run quickstart --out out/quickstart")
def run(
    study: Annotated[
        str, typer.Argument(help="A shipped study, such as quickstart, or a TOML file.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="Result folder; by default out/NAME.", show_default=False)] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Trials at once; by default one a core, or one on a GPU.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Loader processes of each trial; by default none on a CPU, up to 8 on a GPU."),
    ] = None,
    retry: Annotated[Retry | None, typer.Option(help="`failed`: try failed trials again.")] = None,
    backbones: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead of the study's: ids or small, standard, large, study, all-real; may be repeated.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of weights that goes before every other place.", show_default=False),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing of any network.")] = False,
    data: Data = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would run and what the result folder has of it; write nothing."),
    ] = False,
) -> None:
    """Run a study, or what is missing of it, and print the answer."""
    from afield.study.describe import describe_change, describe_outcome, describe_plan, where_to_look
    from afield.study.run import check_ready, run_study
    from afield.study.study import load_study

    content, change = describe_change(load_study(study), backbones or [])
    _say(change)
    folder = out or Path("out") / content.study.name
    if dry_run:
        print(describe_plan(check_ready(content, folder, weights=weights, offline=offline, data=data), folder))
        return

    from rich.console import Console

    from afield.analysis.answer import answer
    from afield.progress import Display
    from afield.report.page import write_page
    from afield.study.collect import load_record

    with Display(Console(stderr=True)) as display:
        outcome = run_study(
            content,
            folder,
            slots=slots,
            workers=workers,
            retry_failed=retry is not None,
            watch=display,
            weights=weights,
            offline=offline,
            data=data,
        )
    _say(describe_outcome(outcome))
    record = load_record(folder, study=content.study.name)
    page = write_page(record, folder)
    print(answer(record).text())
    print(f"\nReport: {page}")
    if not outcome.complete:
        _complain(f"\nNot all is there; see: {where_to_look(folder, content.study.name)}", 1)


@app.command(epilog="Example: afield status out/quickstart")
def status(out: Out, study: OneStudy = None) -> None:
    """Say what is finished, paused, failed and missing."""
    from afield.study.collect import load_record
    from afield.study.describe import describe_record

    print(describe_record(load_record(out, study=study), out))


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
    from afield.study.table import write_table

    _print(write_table(results(out, study=study), format.value, to))


@app.command(epilog="Example: afield predict out/quickstart photos/new --to predictions.csv")
def predict(
    out: Out,
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Option(
            help="Which training's network: the column `key` of `afield table`; by default the winner's.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="CSV file to write, with the probability of each class.", show_default=False)
    ] = None,
    study: OneStudy = None,
) -> None:
    """Name the class of images by a network that a study kept.

    Prints each image's class and its probability; --to writes those of all classes.
    """
    from afield.study.table import write_predictions
    from afield.winner import load_network

    network = load_network(out, key, study)
    _say(f"{network.backbone}, training {network.key}")
    _print(write_predictions(network.predict(images), to))


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
    from afield.images.prepared import cache_folder
    from afield.tasks.show import show_task

    print(show_task(name, cache_folder(), data))


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

    _print(write_table(list_splits(name, protocol.value, data), "csv", out))


@backbones_app.command("list", epilog="Example: afield backbones list --family resnet --top1 75:80 --max-params 30M")
def backbones_list(
    pattern: Annotated[str, typer.Argument(help="Ids alone that fit, with * and ?.")] = "*",
    family: Annotated[str | None, typer.Option(help="Of one family, e.g. ResNet.", show_default=False)] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="supervised, self-supervised, image-text or adversarial.", show_default=False),
    ] = None,
    top1: Annotated[
        str | None, typer.Option(help="ImageNet top-1 in per cent, e.g. 70:80 or 80:.", show_default=False)
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(help="Parameters at most, e.g. 500k, 30M, 1.2B.", show_default=False)
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="A named set: small, standard, large, study, paper-added, clip, ...", show_default=False),
    ] = None,
) -> None:
    """List backbones, best ImageNet accuracy first, and what they cost together."""
    from afield.backbones.show import list_backbones

    print(list_backbones(pattern, family=family, objective=objective, top1=top1, max_params=max_params, study=study))


@backbones_app.command("show", epilog="Example: afield backbones show squeezenet1_1.caffe_in1k")
def backbones_show(
    name: Annotated[str, typer.Argument(help="Id of a backbone.", show_default=False)],
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights that goes before the named place.", show_default=False)
    ] = None,
) -> None:
    """Show all of a backbone's row, its preprocessing and where its bytes are or would come from."""
    from afield.backbones.show import show_backbone
    from afield.backbones.weights import sources

    print(show_backbone(name, sources(weights)))


@extension_app.command("check", epilog="Example: afield extension check my_lab.py")
def extension_check(
    source: Annotated[
        str, typer.Argument(help="A Python file, or the entry point of an installed package.", show_default=False)
    ],
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights that goes before the named place.", show_default=False)
    ] = None,
) -> None:
    """Test every backbone of a file as a run uses it.

    Exit code 1 where a test fails, 2 where the file cannot be used.
    """
    from afield.backbones.check import describe_checks
    from afield.backbones.weights import sources

    failed = 0
    for line, passed in describe_checks(source, sources(weights)):
        print(line, flush=True)
        failed += not passed
    if failed:
        _complain(f"{failed} failed", 1)


@backbones_app.command(
    "measure", epilog="Example: afield backbones measure squeezenet1_1.caffe_in1k --imagenet imagenet/val"
)
def backbones_measure(
    name: Annotated[str, typer.Argument(help="Id of a backbone, or FILE.py:NAME of your own.", show_default=False)],
    imagenet: Annotated[
        Path,
        typer.Option(
            help="Folder of ImageNet's validation images, a folder a class (n01440764, ...).", show_default=False
        ),
    ],
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the images, pixels; by default that of the published accuracy."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images at once.")] = 32,
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of weights that goes before every other place.", show_default=False),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing of any network.")] = False,
    to: Annotated[
        Path | None,
        typer.Option(help="CSV file to add the figures to, a row a backbone.", show_default=False),
    ] = None,
) -> None:
    """Measure a backbone's own ImageNet top-1 and top-5, with their intervals."""
    from functools import partial

    from rich.console import Console

    from afield.backbones.accuracy import check_table, describe_accuracy, write_accuracy
    from afield.backbones.weights import sources
    from afield.progress import Display
    from afield.training.measure import measure_imagenet

    if to is not None:
        check_table(to)
    with Display(Console(stderr=True)) as display:
        found = measure_imagenet(
            name,
            imagenet,
            sources(weights, offline=offline),
            size=size,
            batch_size=batch_size,
            download=partial(display.download, name),
            progress=display.measure,
        )
    print(describe_accuracy(found))
    if to is not None:
        write_accuracy(found, to)
        _say(f"written to {to}")


@backbones_app.command(
    "fetch", epilog="Example: afield backbones fetch resnet50.a1_in1k convnext_base.fb_in1k --to weights"
)
def backbones_fetch(
    names: Annotated[list[str], typer.Argument(help="Ids of backbones, or named sets.", show_default=False)],
    to: Annotated[Path, typer.Option(help="Folder to put them into, for `--weights`.", show_default=False)],
    offline: Annotated[bool, typer.Option("--offline", help="Only copy what is on this machine.")] = False,
) -> None:
    """Download weights into a folder, for machines without a network; run it again to go on after a stop."""
    from rich.console import Console

    from afield.backbones.fetch import describe_orders, fetch, orders
    from afield.backbones.weights import sources
    from afield.progress import Downloads

    origins = sources(offline=offline)
    wanted = orders(names, to, origins)
    _say(f"{describe_orders(wanted)}\n")
    with Downloads(Console(stderr=True)) as downloads:
        for item in wanted:
            weights = fetch(item.backbone, to, origins, downloads.watch(item.backbone.id))
            print(f"{weights.sha256}  {weights.path}", flush=True)
