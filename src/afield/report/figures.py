"""The figures of a page: each chart once, with the words that stand in for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import altair


@dataclass(frozen=True)
class Figure:
    """A place for a chart in the page."""

    id: str
    alt: str
    """what the chart shows, for those who do not see it"""
    reading: str
    """how to read it, one line below"""


@dataclass
class Figures:
    """Collects the specifications of a page's charts; the page holds them together, below the text."""

    all: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, chart: altair.LayerChart, *, alt: str, reading: str = "") -> Figure:
        """Keep a chart and give the place that shows it."""
        name = f"chart-{len(self.all) + 1}"
        specification = chart.properties(description=alt).to_dict()
        specification.pop("$schema", None)
        specification.pop("config", None)
        self.all[name] = specification
        return Figure(name, alt, reading)
