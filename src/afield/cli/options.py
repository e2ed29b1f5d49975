"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Argument(help="Result folder that `afield run` wrote.", show_default=False)]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder that holds the tasks' folders; by default AFIELD_DATA.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Key = Annotated[
    str | None,
    typer.Option(
        help="Whose network, or which ensemble: the column `key` of `afield table`; by default the winner's.",
        show_default=False,
    ),
]
NewOut = Annotated[Path | None, typer.Option(help="Result folder; by default out/NAME.", show_default=False)]
Slots = Annotated[
    int | None,
    typer.Option(min=1, help="Trials at once; by default one a core, as far as memory holds them, or one a GPU."),
]
StudyName = Annotated[
    str,
    typer.Argument(
        help="A shipped study, such as quickstart, a TOML file, or your data: a folder of images, a CSV table.",
        show_default=False,
    ),
]
TaskName = Annotated[
    str,
    typer.Argument(
        help="A built-in task, your data (a folder of images, a CSV table), STUDY.toml:NAME or FILE.py:NAME.",
        show_default=False,
    ),
]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        help="Instead of the study's: ids or small, standard, large, study, all-real; may be repeated.",
        show_default=False,
    ),
]
WeightsFolder = Annotated[
    Path | None, typer.Option(help="Folder of weights that goes before every other place.", show_default=False)
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask nothing of any network.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="KEY=VALUE in place of the study's, such as recipe.epochs=5; may be repeated.",
        show_default=False,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="Hours that all runs into the folder may take, such as 6h, 90m or 2d: cuts the study alike for all "
        "backbones, and stops it when they are used.",
        show_default=False,
    ),
]
OneStudy = Annotated[str | None, typer.Option("--study", help="Which study of the folder, where it holds several.")]


class SplitProtocol(StrEnum):
    """Whose splits a task is divided by."""

    clean = "clean"
    paper = "paper"


class EngineName(StrEnum):
    """Where trials run."""

    local = "local"
    ray = "ray"


class Retry(StrEnum):
    """What a run tries again."""

    failed = "failed"


class ReportFormat(StrEnum):
    """What a report is written as."""

    html = "html"
    md = "md"
    latex = "latex"


class TableFormat(StrEnum):
    """How a table is printed or written."""

    csv = "csv"
    markdown = "markdown"
    parquet = "parquet"
