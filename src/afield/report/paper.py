"""A study for a paper: a folder with its text, its tables as Markdown or LaTeX, and its charts as SVG, PDF and CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import altair
import pandas as pd
import vl_convert

from afield.base.files import write_atomic, write_text
from afield.base.hashing import digest
from afield.report.behind import Part
from afield.report.cite import citation
from afield.report.contents import Contents, contents, drawn
from afield.report.figures import Figure
from afield.report.latex import PACKAGES, escaped, latex_table
from afield.report.recorded import Table
from afield.report.sections import TaskSection
from afield.study.folder.mark import refuse_link_at
from afield.study.record import StudyRecord

Format: TypeAlias = Literal["md", "latex"]


@dataclass(frozen=True)
class Heading:
    """A heading; 1 is the document's."""

    text: str
    level: int


@dataclass(frozen=True)
class Titled:
    """A table with the name of its file."""

    name: str
    table: Table


@dataclass(frozen=True)
class Beside:
    """Small charts that stand side by side where they are told of."""

    figures: tuple[Figure, ...]


Piece: TypeAlias = Heading | str | Figure | Beside | Titled


def write_paper(record: StudyRecord, folder: Path, format: Format) -> Path:
    """Write text, tables and charts of a study into a folder, and return the path of the text.

    md: `report.md`, which holds its tables; latex: `report.tex`, which can be typeset as it is, and a file a table in
    `tables/`. Both: `figures/` with each chart as SVG and PDF, and its data as CSV. What these replace is written anew;
    other files of the folder stay. Raises InputError where one of these folders is a link.
    """
    for each in (folder, folder / "figures", folder / "tables"):
        refuse_link_at(each)
    told = contents(record, private=True)
    pieces = list(_pieces(told))
    for figure in _figures(pieces):
        _write_chart(drawn(told, figure), folder / "figures" / slug(figure.name))
    if format == "md":
        return _write(folder / "report.md", _markdown(pieces, told))
    for piece in pieces:
        if isinstance(piece, Titled):
            _write(folder / "tables" / f"{slug(piece.name)}.tex", latex_table(piece.table, slug(piece.name)))
    return _write(folder / "report.tex", _latex(pieces, told))


def slug(name: str) -> str:
    """A name as a file is called; what loses signs on the way gets some of its hash, so that no two become one.

    >>> slug("moths mean ranks"), slug("Moths mean ranks")
    ('moths-mean-ranks', 'moths-mean-ranks-4b48')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain if plain == name.replace(" ", "-") else f"{plain}-{digest([name], 4)}".strip("-")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def _figures(pieces: list[Piece]) -> Iterator[Figure]:
    for piece in pieces:
        if isinstance(piece, Figure):
            yield piece
        elif isinstance(piece, Beside):
            yield from piece.figures


def _write_chart(specification: dict[str, Any], stem: Path) -> None:
    """As `.svg`, `.pdf` and `.csv`."""
    wanted = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    version = wanted if wanted in vl_convert.get_vegalite_versions() else None
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_text(stem.with_suffix(".svg"), vl_convert.vegalite_to_svg(specification, vl_version=version))
    pdf: bytes = vl_convert.vegalite_to_pdf(specification, vl_version=version)
    write_atomic(stem.with_suffix(".pdf"), lambda temporary: temporary.write_bytes(pdf))
    # of the chart's tables the one with the most columns; the others are lines and limits made of it
    rows = max(specification["datasets"].values(), key=lambda rows: (len(rows[0]) if rows else 0, len(rows)))
    table = pd.DataFrame(rows).drop(columns=["dx", "dy", "align"], errors="ignore")
    lists = [name for name in table if all(isinstance(each, list) for each in table[name])]
    table = table.explode(lists) if lists else table  # a row a training holds its epochs as lists
    write_text(stem.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n"))


def _pieces(told: Contents) -> Iterator[Piece]:
    yield Heading(f"afield study {told.record.study.study.name}", 1)
    if told.over:
        yield Heading("All tasks", 2)
        if told.overall:
            yield f"{told.overall.headline}: {told.overall.verdict}. {told.overall.reason}"
        yield Titled("answers", told.over.answers)
        yield from told.over.words
        yield from _there(told.over.chart)
        if told.over.ranks:
            yield Titled("mean ranks", told.over.ranks)
        for each in told.over.folds:
            yield each.words
            if each.backbones:
                yield Titled(f"backbones over the folds of {each.task}", each.backbones)
            if each.interventions:
                yield each.interventions.words
                yield from _there(each.interventions.chart)
                yield Titled(f"interventions over the folds of {each.task}", each.interventions.table)
    for task in told.tasks:
        yield from _task(task)
    cited = citation(told.record, told.found)
    yield Heading("Methods", 2)
    yield cited.methods


def _task(task: TaskSection) -> Iterator[Piece]:
    name, answer = task.record.name, task.answer
    yield Heading(task.record.card.title, 2)
    yield answer.take
    yield answer.transfer
    yield from (text for text in (answer.pretraining, answer.interventions_words) if text)
    yield from (f"Mind: {line}" for line in answer.warnings)
    yield from _there(task.transfer)
    if task.race:
        yield from _there(task.race.chart)
        yield Titled(f"{name} race", task.race.table)
    if task.backbones:
        yield Titled(f"{name} backbones", task.backbones)
    if task.places:
        yield Titled(f"{name} pairs", task.places)
    yield from _there(task.differences)
    yield from _there(task.cost)
    yield from _there(task.effects)
    if task.effect_table:
        yield Titled(f"{name} pretraining", task.effect_table)
    if task.interventions:
        yield from _there(task.interventions.chart)
        yield Titled(f"{name} interventions", task.interventions.table)
    if task.chosen:
        yield Titled(f"{name} classes", task.chosen.classes)
        for part in task.chosen.subgroups:
            yield from _there(part.chart)
            yield Titled(f"{name} by {part.column}", part.table)
        yield from _parts(name, task.chosen.images)
    if task.recorded:
        yield Titled(f"{name} metrics", task.recorded)
    yield from _parts(name, task.behind)
    if task.fairness:
        yield from (f"Mind: {line}" for line in task.fairness.warnings)
        yield Titled(f"{name} searches", task.fairness.table)
    if task.audit:
        yield task.audit.words
        yield Titled(f"{name} audit", task.audit.table)
    for search in task.searches:
        yield f"The search of {search.title}: {search.chosen}; {search.notes}."
        yield from (f"Mind: {line}" for line in (search.warning,) if line)
        yield from _readings(search.landscape, search.curves, search.audit)


def _parts(name: str, parts: tuple[Part, ...]) -> Iterator[Piece]:
    for part in parts:
        yield from (f"{part.title}: {line}" for line in part.words)
        yield from _there(part.chart)
        if part.table:
            yield Titled(f"{name} {part.title}", part.table)


def _readings(*figures: Figure | None) -> Iterator[Piece]:
    """Small charts side by side, with how to read them below."""
    there = tuple(figure for figure in figures if figure)
    if there:
        yield Beside(there)
        yield from (figure.reading for figure in there if figure.reading)


def _there(figure: Figure | None) -> Iterator[Figure]:
    if figure:
        yield figure


def _markdown(pieces: list[Piece], told: Contents) -> str:
    parts = [_in_markdown(piece) for piece in pieces]
    return "\n\n".join([*parts, "```bibtex\n" + citation(told.record, told.found).bibtex + "```"]) + "\n"


def _in_markdown(piece: Piece) -> str:
    if isinstance(piece, Heading):
        return f"{'#' * piece.level} {plain_markdown(piece.text)}"
    if isinstance(piece, Figure):
        place = f"![{plain_markdown(piece.alt)}](figures/{slug(piece.name)}.svg)"
        return f"{place}\n\n{plain_markdown(piece.reading)}"
    if isinstance(piece, Beside):
        return "\n".join(f"![{plain_markdown(each.alt)}](figures/{slug(each.name)}.svg)" for each in piece.figures)
    if isinstance(piece, Titled):
        table = piece.table
        standing = any(row.standing for row in table.rows)
        lines = [
            table.heads[:1] + (("",) if standing else ()) + table.heads[1:],
            ("---",) * (len(table.heads) + standing),
        ]
        lines += [(row.name, *([row.standing] if standing else []), *row.cells) for row in table.rows]
        drawn = "\n".join(
            "| " + " | ".join(cell if at == 1 else plain_markdown(cell) for cell in cells) + " |"
            for at, cells in enumerate(lines)
        )
        return f"{plain_markdown(table.caption)}.\n\n{drawn}"
    return plain_markdown(piece)


def plain_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> print(plain_markdown("a_b | <c> *d* [e]"))
    a\_b \| \<c\> \*d\* \[e\]
    """
    return re.sub(r"([\\`*_{}\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _latex(pieces: list[Piece], told: Contents) -> str:
    body = "\n\n".join(_in_latex(piece) for piece in pieces)
    bibtex = "\n".join(f"% {line}" for line in citation(told.record, told.found).bibtex.splitlines())
    return "\n".join(
        [
            r"\documentclass{article}",
            *PACKAGES,
            r"\usepackage[margin=25mm]{geometry}",
            r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
            r"\author{}",
            # names of backbones are long words: they may part after a line below, and else lines may be loose
            r"\renewcommand{\_}{\textunderscore\hspace{0pt}}",
            r"\emergencystretch=4em",
            r"\begin{document}",
            body,
            r"\end{document}",
            "% What to cite:",
            bibtex,
            "",
        ]
    )


def _in_latex(piece: Piece) -> str:
    if isinstance(piece, Heading):
        order = r"\title" if piece.level == 1 else r"\section*"
        return f"{order}{{{escaped(piece.text)}}}" + ("\n\\date{}\n\\maketitle" if piece.level == 1 else "")
    if isinstance(piece, Figure):
        return "\n".join(
            [
                r"\begin{figure}[htbp]",
                r"\centering",
                rf"\includegraphics[width=\linewidth]{{figures/{slug(piece.name)}.pdf}}",
                rf"\caption{{{escaped(piece.reading)}}}\label{{fig:{slug(piece.name)}}}",
                r"\end{figure}",
            ]
        )
    if isinstance(piece, Beside):
        width = f"{0.98 / len(piece.figures):.2f}"
        drawn_here = (
            rf"\includegraphics[width={width}\linewidth]{{figures/{slug(each.name)}.pdf}}" for each in piece.figures
        )
        return "\n".join([r"\begin{center}", *drawn_here, r"\end{center}"])
    if isinstance(piece, Titled):
        return f"{{\\footnotesize\n\\input{{tables/{slug(piece.name)}.tex}}\n}}"
    return escaped(piece)
