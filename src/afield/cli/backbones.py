"""`afield backbones ...` and `afield extension ...`: pretrained weights, and those of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import AsJson
from afield.cli.output import complain, put, put_json, say

backbones_app = typer.Typer(help="List and show the backbones (pretrained weights).", no_args_is_help=True)
extension_app = typer.Typer(help="Test a file of your own backbones, tasks and metrics.", no_args_is_help=True)


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
    as_json: AsJson = False,
) -> None:
    """List backbones, best ImageNet accuracy first, and what they cost together."""
    from afield.backbones.show import list_backbones, plain_backbones

    filters = {"family": family, "objective": objective, "top1": top1, "max_params": max_params, "study": study}
    if as_json:
        put_json(plain_backbones(pattern, **filters))
    else:
        put(list_backbones(pattern, **filters))


@backbones_app.command("show", epilog="Example: afield backbones show squeezenet1_1.caffe_in1k")
def backbones_show(
    name: Annotated[str, typer.Argument(help="Id of a backbone.", show_default=False)],
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights that goes before the named place.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show all of a backbone's row, its preprocessing and where its bytes are or would come from."""
    from afield.backbones.show import plain_backbone, show_backbone
    from afield.backbones.weights import sources

    if as_json:
        put_json(plain_backbone(name, sources(weights)))
    else:
        put(show_backbone(name, sources(weights)))


@extension_app.command("check", epilog="Example: afield extension check my_lab.py")
def extension_check(
    source: Annotated[
        str, typer.Argument(help="A Python file, or the entry point of an installed package.", show_default=False)
    ],
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights that goes before the named place.", show_default=False)
    ] = None,
) -> None:
    """Test every backbone, task and metric of a file as a run uses it.

    Exit code 1 where a test fails, 2 where the file cannot be used.
    """
    from afield.backbones.weights import sources
    from afield.study.check import describe_checks

    failed = 0
    for line, passed in describe_checks(source, sources(weights)):
        put(line)
        failed += not passed
    if failed:
        complain(f"{failed} failed", 1)


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
    put(describe_accuracy(found))
    if to is not None:
        write_accuracy(found, to)
        say(f"written to {to}")


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
    say(f"{describe_orders(wanted)}\n")
    with Downloads(Console(stderr=True)) as downloads:
        for item in wanted:
            weights = fetch(item.backbone, to, origins, downloads.watch(item.backbone.id))
            put(f"{weights.sha256}  {weights.path}")
