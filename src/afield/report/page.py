"""From a study's record to one HTML file without any outside reference."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import altair
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from afield import __version__
from afield.base.files import write_text
from afield.report.bundle import chart_script
from afield.report.charts import COLOURS, CONFIG
from afield.report.chosen import FOLDED
from afield.report.cite import citation
from afield.report.contents import Contents, charts_in, contents
from afield.report.details import details_of
from afield.report.origins import origins
from afield.study.collecting.collect import load_record, studies_of
from afield.study.collecting.counterpart import with_counterpart
from afield.study.collecting.resampled_cells import with_resampled_cells
from afield.study.record import StudyRecord


def report(
    out: Path | str, study: str | None = None, *, format: Literal["html", "md", "latex"] = "html", private: bool = False
) -> Path:
    """Write `OUT/report.html` from what the folder holds, and return its path.

    `study` names one of several studies that share the folder; each then has a page of its own, `OUT/report-NAME.html`.
    `format`: md and latex write text, tables and charts for a paper into the folder `OUT/report-md` or
    `OUT/report-latex`, and return the path of the text. `private`: without pictures. Raises InputError where the folder
    is not a study's or would be written through a link, and StoreError where its files are damaged.

    >>> report(out).name
    'report.html'
    """
    record = read_record(out, study)
    if format == "html":
        return write_page(contents(record, private=private), out)
    from afield.report.paper import write_paper  # charts as PDF: rarely wanted

    return write_paper(record, Path(out) / f"{_stem(record, out)}-{format}", format)


def charts(out: Path | str, study: str | None = None) -> dict[str, altair.LayerChart]:
    """The charts of the report by name, such as "elpv transfer" or "mean ranks", as Altair charts of their own.

    >>> [name for name in charts(out) if name.endswith("reliability")]
    ['photos reliability']
    """
    return charts_in(contents(read_record(out, study)))


def read_record(out: Path | str, study: str | None = None) -> StudyRecord:
    """All that a page tells of a study's folder. Raises as `report` does."""
    return with_resampled_cells(with_counterpart(load_record(out, study), out), out)


def write_page(told: Contents, out: Path | str) -> Path:
    """Write the page of contents that are already at hand into their folder, and return the path."""
    path = Path(out) / f"{_stem(told.record, out)}.html"
    write_text(path, _page(told))
    return path


def _stem(record: StudyRecord, out: Path | str) -> str:
    return f"report-{record.study.study.name}" if len(studies_of(out)) > 1 else "report"


def render(record: StudyRecord, *, private: bool = False) -> str:
    """The whole page, ready to be written as UTF-8; equal records give equal pages. `private`: without pictures.

    Everything is inside: style, scripts, charts, pictures. A content security policy that names the hash of each script
    forbids the rest.
    """
    return _page(contents(record, private=private))


def _page(told: Contents) -> str:
    record, found, names, figures = told.record, told.found, told.names, told.figures
    style, vega = _asset("style.css"), chart_script() if figures.places else ""
    script = "".join(map(_asset, ("script.js", "tables.js", "wordings.js")))
    page = _environment().get_template("template.html.j2")
    return page.render(
        title=_title(record),
        record=record,
        overall=told.overall,
        domains=found.domains,
        over=told.over,
        rule=found.rule,
        tasks=told.tasks,
        questions=told.questions,
        folded=FOLDED,
        details=details_of(record),
        origins=origins(record, found, names),
        citation=citation(record, found),
        version=__version__,
        policy=_policy(style, (vega, script) if vega else (script,)),
        style=Markup(style),  # noqa: S704 - our own file
        vega=Markup(vega),  # noqa: S704 - the library's own bundle
        script=Markup(script),  # noqa: S704 - our own file
        look=script_json({"config": CONFIG, "colours": COLOURS}),
        shapes=script_json(figures.shapes),
        specifications=script_json(figures.all),
    )


def _title(record: StudyRecord) -> str:
    if len(record.tasks) == 1:
        return f"Which backbone for {record.tasks[0].card.title}?"
    return f"Which backbone for which task? {record.study.study.name}"


def script_json(value: Any) -> Markup:  # noqa: ANN401 - whatever JSON holds
    """JSON for a <script> element: nothing in it can end the element, and text within stays text."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=True)
    for sign, code in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(sign, code)
    return Markup(text)  # noqa: S704 - made harmless above


def _policy(style: str, scripts: tuple[str, ...]) -> str:
    """Nothing from outside; inside only style and scripts of these very bytes, and the style attributes charts set."""
    sources = " ".join(_source(script) for script in scripts)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; style-src-elem {_source(style)}; "
        "style-src-attr 'unsafe-inline'; "
        f"script-src {sources}; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return resources.files("afield.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("afield.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
