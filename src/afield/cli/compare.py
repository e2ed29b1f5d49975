"""The commands that hold backbones against each other."""

from __future__ import annotations

from typing import Annotated

import typer

from afield.cli.options import OneStudy, Out

compare_app = typer.Typer()

Intervention = Annotated[str | None, typer.Option(help="Whose results; by default plain.", show_default=False)]


@compare_app.command(epilog="Example: afield rank out/quickstart")
def rank(out: Out, intervention: Intervention = None, study: OneStudy = None) -> None:
    """Rank the backbones on test, with the ranks each may have and who cannot be told apart.

    `afield run` says which one to take; that is chosen on validation.
    """
    from afield.analysis.told import describe_places
    from afield.study.collect import load_record

    print(describe_places(load_record(out, study), intervention))


@compare_app.command(
    epilog="Example: afield compare out/quickstart tf_efficientnet_lite0.in1k tf_efficientnet_lite1.in1k"
)
def compare(
    out: Out,
    first: Annotated[str, typer.Argument(help="A backbone of the study.", show_default=False)],
    second: Annotated[str, typer.Argument(help="Another one.", show_default=False)],
    intervention: Intervention = None,
    study: OneStudy = None,
) -> None:
    """Compare two backbones on the same test images, task by task."""
    from afield.analysis.told import describe_pair
    from afield.study.collect import load_record

    print(describe_pair(load_record(out, study), first, second, intervention))
