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
OneStudy = Annotated[str | None, typer.Option("--study", help="Which study of the folder, where it holds several.")]


class SplitProtocol(StrEnum):
    """Whose splits a task is divided by."""

    clean = "clean"
    paper = "paper"


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
