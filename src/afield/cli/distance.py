"""`afield features` and `afield distance`: how far data sets lie from each other as a backbone sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.base.text import first_few
from afield.cli.options import AsJson, Data, OneStudy
from afield.cli.output import complain, put, put_json, say

distance_app = typer.Typer()


@distance_app.command(epilog="Example: afield features eurosat --backbone inception_v3.tv_in1k --out eurosat.npz")
def features(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder of images, or a task: a built-in one, a CSV table, STUDY.toml:NAME or FILE.py:NAME.",
            show_default=False,
        ),
    ],
    backbone: Annotated[
        str, typer.Option(help="Whose features: an id of the catalogue, or FILE.py:NAME.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="File to write (.npz), for `afield distance`.", show_default=False)],
    split: Annotated[str, typer.Option(help="Of a task: which of its splits.")] = "train",
    called: Annotated[
        str | None, typer.Option(help="Another name for the data set, as in a results table.", show_default=False)
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="So many at random; by default all.", show_default=False)
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the images, pixels; by default the weights' own.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images at once.")] = 32,
    data: Data = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights that goes before every other place.", show_default=False)
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing of any network.")] = False,
) -> None:
    """Compute a data set's frozen features.

    What distances need of them is kept. However many images there are, they are read one batch after the other.
    """
    from functools import partial

    from rich.console import Console

    from afield.backbones.weights import sources
    from afield.base.files import check_folder
    from afield.progress import Display
    from afield.study.preparing.named_task import named_task
    from afield.training.embed import summarise

    check_folder(out)  # what cannot be written is told before hours of reading

    with Display(Console(stderr=True)) as display:
        found = summarise(
            source,
            backbone,
            sources(weights, offline=offline),
            find=named_task,
            split=split,
            data=data,
            called=called,
            images=images,
            size=size,
            batch_size=batch_size,
            download=partial(display.download, backbone),
            progress=display.measure,
        )
    found.write(out)
    say(f"{found.source}: {found.features:,} features of {found.n:,} images, written to {out}")


@distance_app.command(epilog="Example: afield distance imagenet.npz eurosat.npz cassava.npz --results out/main")
def distance(
    reference: Annotated[Path, typer.Argument(help="Features to measure from.", show_default=False)],
    others: Annotated[list[Path], typer.Argument(help="Features of other data sets.", show_default=False)],
    results: Annotated[
        Path | None,
        typer.Option(help="Results (a CSV file, or a result folder): does ImageNet tell less farther away?"),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="With --results: file to draw it into (.svg).", show_default=False)
    ] = None,
    as_json: AsJson = False,
    study: OneStudy = None,
) -> None:
    """Tell how far data sets lie apart.

    Frechet distance and KID, all at one number of images, from what `afield features` wrote with one backbone at one
    size.
    """
    from afield.analysis.distance.distance_and_transfer import against_transfer
    from afield.analysis.distance.distance_words import describe_distances
    from afield.analysis.distance.distances import read_distances

    if chart is not None and results is None:
        complain("error: --chart: draws distances against results; name them with --results", 2)
    found = read_distances(reference, others)
    against = None
    if results is not None:
        from afield.analysis.analyse import analyse

        against = against_transfer(found, analyse(results, study=study).fits)
    if as_json:
        from afield.study.collecting.table import rows_of

        put_json(rows_of(found if against is None else against.table))
    else:
        put(describe_distances(found, against))
    if chart is not None and against is not None:
        lacking = against.table.loc[against.table["spreads"].isna(), "task"]
        if len(lacking):
            complain(
                f"error: --chart {chart}: not drawn, for {first_few(list(lacking))} has no distance without bias: its "
                "images or the reference's are too few, or all alike; give `afield features` more of them",
                2,
            )
        from afield.report.distance_chart import draw

        draw(against.table, chart)
        say(f"drawn into {chart}")
