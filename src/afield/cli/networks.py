"""Use a network that a study kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.base.text import count
from afield.cli.options import AsJson, Data, Key, OneStudy, Out
from afield.cli.output import complain, put, put_json, say
from afield.images.symmetries import PLAIN

networks_app = typer.Typer()
View = Annotated[
    str, typer.Option(help="How each image is shown: one of the study's views. The probabilities are the mean.")
]


@networks_app.command(epilog="Example: afield predict out/quickstart photos/new --to predictions.csv")
def predict(
    out: Out,
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    key: Key = None,
    view: View = PLAIN,
    to: Annotated[
        Path | None, typer.Option(help="CSV file to write, with the probability of each class.", show_default=False)
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="For networks that were trained on parts of pictures: a table with the columns path and box, or "
            "MegaDetector's results.",
            show_default=False,
        ),
    ] = None,
    study: OneStudy = None,
    as_json: AsJson = False,
) -> None:
    """Name the class of images by networks that a study kept.

    Prints each image's class and its probability; --to and --json give those of all classes. Exit code 1 where some
    images cannot be read: they are named, and the others predicted.
    """
    from afield.study.collecting.table import plain_predictions, unreadable_words, write_predictions
    from afield.winner import load_predictor

    if as_json and to is not None:
        complain("--json prints the rows; leave out --to", 2)
    network = load_predictor(out, key, study, view)
    say(network.words)
    said, unreadable = network.predict_readable(images, boxes)
    if as_json:
        put_json(plain_predictions(said, unreadable))
    else:
        put(write_predictions(said, to))
    if to is not None:
        say(f"{count(len(said), 'row', say='{:,}'.format)} written to {to}")
    if unreadable:
        complain(unreadable_words(unreadable, said["path"].nunique()), 1)


@networks_app.command(epilog="Example: afield submit aptos2019 out/retina --to submission.csv")
def submit(
    name: Annotated[
        str, typer.Argument(help="A task that is a competition: aptos2019, cassava, ...", show_default=False)
    ],
    out: Out,
    study: OneStudy = None,
    key: Key = None,
    view: View = PLAIN,
    to: Annotated[Path, typer.Option(help="CSV file to write.")] = Path("submission.csv"),
    data: Data = None,
) -> None:
    """Write a competition's own submission.csv.

    It holds what the winner says of the competition's unlabelled test images, in the order in which it asks about them.
    """
    from rich.console import Console
    from rich.progress import Progress

    from afield.study.collecting.table import write_table
    from afield.submission import submission

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(f"{name}: test images", total=None)
        rows = submission(
            name, out, key=key, study=study, view=view, data=data,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )  # fmt: skip
    write_table(rows, "csv", to)
    say(f"{len(rows):,} images answered in {to}")
