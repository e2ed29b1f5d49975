"""The commands that hold backbones against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import OneStudy, Out
from afield.cli.output import complain, put, say

compare_app = typer.Typer()

Intervention = Annotated[str | None, typer.Option(help="Whose results; by default plain.", show_default=False)]


@compare_app.command(epilog="Example: afield rank out/quickstart")
def rank(out: Out, intervention: Intervention = None, study: OneStudy = None) -> None:
    """Rank the backbones on test, and say who is alike.

    With the ranks that each may have. `afield run` says which one to take; that is chosen on validation.
    """
    from afield.analysis.told import describe_places
    from afield.study.collect import load_record

    put(describe_places(load_record(out, study), intervention))


@compare_app.command(
    epilog="Example: afield compare out/quickstart tf_efficientnet_lite0.in1k tf_efficientnet_lite1.in1k"
)
def compare(
    out: Out,
    backbones: Annotated[
        list[str] | None, typer.Argument(help="Two backbones of the study.", show_default=False)
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option(
            help="Instead of two: one, held against what its ImageNet accuracy lets expect.", show_default=False
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="With --candidate: results of others (a CSV file, or a result folder) that draw the line.",
            show_default=False,
        ),
    ] = None,
    intervention: Intervention = None,
    study: OneStudy = None,
) -> None:
    """Compare two backbones on the same test images.

    With --candidate: one backbone (or way of training, with --intervention) against the line that the other backbones
    draw between ImageNet and the task.
    """
    from afield.analysis.told import describe_candidate, describe_candidate_elsewhere, describe_pair
    from afield.study.collect import load_record

    named = backbones or []
    if candidate is not None and against is not None and not named:
        from afield.analysis.analyse import analyse

        others = analyse(against)
        say("\n".join(others.notes))
        put(describe_candidate_elsewhere(load_record(out, study), candidate, others.results, intervention))
    elif against is not None:
        complain("compare: --against draws the line for --candidate; name one backbone by it, and no others", 2)
    elif candidate is not None and not named:
        put(describe_candidate(load_record(out, study), candidate, intervention))
    elif candidate is None and len(named) == 2:
        put(describe_pair(load_record(out, study), named[0], named[1], intervention))
    else:
        complain("compare: name two backbones, or one by --candidate", 2)
