"""The commands that hold backbones against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import AsJson, OneStudy, Out
from afield.cli.output import complain, put, put_json, say

compare_app = typer.Typer()

Intervention = Annotated[str | None, typer.Option(help="Whose results; by default plain.", show_default=False)]


@compare_app.command(epilog="Example: afield rank out/quickstart")
def rank(out: Out, intervention: Intervention = None, study: OneStudy = None, as_json: AsJson = False) -> None:
    """Rank the backbones on test, and say who is alike.

    With the ranks that each may have. `afield run` says which one to take; that is chosen on validation.
    """
    from afield.analysis.asked import ranks_of
    from afield.analysis.told import describe_ranks, plain_ranks
    from afield.study.collecting.collect import load_record

    found = ranks_of(load_record(out, study), intervention)
    if as_json:
        put_json(plain_ranks(found))
    else:
        put(describe_ranks(found))


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
    as_json: AsJson = False,
) -> None:
    """Compare two backbones on the same test images.

    With --candidate: one backbone (or way of training, with --intervention) against the line that the other backbones
    draw between ImageNet and the task.
    """
    from afield.study.collecting.collect import load_record

    named = backbones or []
    if against is not None and (candidate is None or named):
        complain("compare: --against draws the line for --candidate; name one backbone by it, and no others", 2)
    if len(named) != (2 if candidate is None else 0):
        complain("compare: name two backbones, or one by --candidate", 2)
    if candidate is None:
        from afield.analysis.asked import pairs_of
        from afield.analysis.told import describe_pairs, plain_pairs

        pairs = pairs_of(load_record(out, study), named[0], named[1], intervention)
        if as_json:
            put_json(plain_pairs(pairs))
        else:
            put(describe_pairs(pairs))
        return

    from afield.analysis.asked import candidate_elsewhere, candidate_of
    from afield.analysis.told import describe_candidate, plain_candidate

    if against is None:
        found = candidate_of(load_record(out, study), candidate, intervention)
    else:
        from afield.analysis.analyse import analyse

        others = analyse(against)
        say("\n".join(others.notes))
        found = candidate_elsewhere(load_record(out, study), candidate, others.results, intervention)
    if as_json:
        put_json(plain_candidate(found))
    else:
        put(describe_candidate(found))
