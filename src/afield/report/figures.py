"""The figures of a page: each chart once, with the words that stand in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair

ROWS = "rows"
"""what a shape calls the data that each of its charts brings"""


@dataclass(frozen=True)
class Figure:
    """A place for a chart in the page."""

    id: str
    name: str
    """what a file with it is called, e.g. `elpv transfer`"""
    alt: str
    """what the chart shows, for those who do not see it"""
    reading: str
    """how to read it, one line below"""


@dataclass
class Figures:
    """Collects the charts of a page; the page holds them together, below the text.

    Charts that differ in their data alone share a shape: a large study has hundreds of them.
    """

    within: str = ""
    """the task that charts are being added for; names begin with it"""
    places: list[Figure] = field(default_factory=list)
    all: dict[str, dict[str, Any]] = field(default_factory=dict)
    """by id a specification, or {"shape", "description", "rows"}"""
    shapes: dict[str, dict[str, Any]] = field(default_factory=dict)
    charts: dict[str, altair.LayerChart] = field(default_factory=dict)
    """by name, but for those that share a shape"""
    _known: dict[object, str] = field(default_factory=dict)

    def add(self, chart: altair.LayerChart, *, name: str, alt: str, reading: str = "") -> Figure:
        """Keep a chart and give the place that shows it."""
        place = self._place(name, alt, reading)
        described: altair.LayerChart = chart.properties(description=alt)
        self.all[place.id] = plain(described)
        self.charts[place.name] = described
        return place

    def add_like(
        self,
        key: object,
        shape: Callable[[], altair.LayerChart],
        rows: Sequence[Mapping[str, Any]],
        *,
        name: str,
        alt: str,
        reading: str = "",
    ) -> Figure:
        """Keep a chart of `rows` whose `shape` is that of all with the same key; it names its data ROWS."""
        if key not in self._known:
            self._known[key] = f"shape-{len(self._known) + 1}"
            self.shapes[self._known[key]] = plain(shape())
        place = self._place(name, alt, reading)
        self.all[place.id] = {"shape": self._known[key], "description": alt, "rows": [dict(row) for row in rows]}
        return place

    def specification(self, place: Figure) -> dict[str, Any]:
        """The whole specification of a chart, its data in it."""
        told = self.all[place.id]
        if "shape" not in told:
            return told
        return {**self.shapes[told["shape"]], "description": told["description"], "datasets": {ROWS: told["rows"]}}

    def _place(self, name: str, alt: str, reading: str) -> Figure:
        place = Figure(f"chart-{len(self.places) + 1}", f"{self.within} {name}".strip(), alt, reading)
        self.places.append(place)
        return place


def plain(chart: altair.LayerChart) -> dict[str, Any]:
    """A chart's specification, without what all charts of a page share."""
    # Altair's validation takes most of the time, and Vega-Lite, which draws it, is no less strict
    specification: dict[str, Any] = chart.to_dict(validate=False)
    specification.pop("$schema", None)
    specification.pop("config", None)
    return specification
