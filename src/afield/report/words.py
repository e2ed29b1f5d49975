"""Numbers and names as the page writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from afield.analysis.words import not_defined
from afield.scoring.intervals import Interval
from afield.scoring.metrics import in_points, metric_title


def difference_unit(metric: str) -> str:
    """What differences of a metric are counted in."""
    return f"points of {metric_title(metric)}" if in_points(metric) else metric_title(metric)


def level(value: Interval, metric: str) -> str:
    """A metric with its interval, or why it has none."""
    return not_defined(metric) if math.isnan(value.value) else with_interval(value)


def interval(value: Interval, digits: int = 3) -> str:
    """`0.814 (0.778 to 0.846)`."""
    middle, low, high = (number(end, digits) for end in (value.value, value.low, value.high))
    return middle if math.isnan(value.value) else f"{middle} ({low} to {high})"


def with_interval(value: Interval) -> str:
    """The same, in words where there is no number or no interval.

    >>> with_interval(Interval(1.0, math.nan, math.nan))
    '1.000 (no interval)'
    """
    if math.isnan(value.low) and not math.isnan(value.value):
        return f"{number(value.value, 3)} (no interval)"
    return interval(value)


def number(value: float, digits: int) -> str:
    """A number with so many decimals; NaN in words."""
    return "not defined" if math.isnan(value) else minus(f"{value:.{digits}f}")


def known(value: float, digits: int) -> str:
    """A fact of a backbone with so many decimals; `unknown` where it has none."""
    return "unknown" if math.isnan(value) else number(value, digits)


def difference(value: Interval, metric: str) -> str:
    """`+0.4 (−0.4 to +1.1)`, in points where the metric runs from 0 to 1."""
    scale, digits = (100.0, 1) if in_points(metric) else (1.0, 3)
    if math.isnan(value.value):
        return "not defined"
    middle, low, high = (signed(end * scale, digits) for end in (value.value, value.low, value.high))
    return f"{middle} ({low} to {high})"


def signed(value: float, digits: int) -> str:
    """A number with its sign; zero has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else minus(text)


def minus(text: str) -> str:
    """The typographer's minus in front of a negative number."""
    return text.replace("-", "\u2212", 1) if text.startswith("-") else text


def seconds(value: float) -> str:
    """A duration with the unit that suits it.

    >>> seconds(8.21), seconds(75), seconds(600), seconds(9000)
    ('8.2 s', '75 s', '10 min', '2.5 h')
    """
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.0f} min" if value >= 600 else f"{value / 60:.1f} min"
    return f"{value / 3600:.1f} h"


def plain(value: object) -> str:
    """A value of a recipe or a table: small numbers as 1e-4, lists with commas, yes and no for truth values.

    >>> plain(0.0001), plain(0.001), plain(0.01), plain([1, 3]), plain(True)
    ('1e-4', '1e-3', '0.01', '1, 3', 'yes')
    >>> plain(0.196827), plain(0.9999), plain(12.5)
    ('0.197', '0.9999', '12.5')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value != 0 and abs(value) < 0.01:
            mantissa, _, exponent = f"{value:.2e}".partition("e")
            return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
        return f"{value:.3g}" if abs(value) < 0.9 else f"{value:g}"  # near 1 the last digits tell
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value)
    return str(value)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The architecture's part of each id where that is enough to tell them apart.

    >>> short_names(["a.x", "b.x", "b.y"])
    {'a.x': 'a', 'b.x': 'b.x', 'b.y': 'b.y'}
    >>> short_names(["my_lab:hydra", "a.x"])
    {'my_lab:hydra': 'hydra', 'a.x': 'a'}
    """
    everything = list(dict.fromkeys(names))
    heads = [name.rpartition(":")[2].split(".")[0] for name in everything]
    return {
        name: head if head and heads.count(head) == 1 else name for name, head in zip(everything, heads, strict=True)
    }


def pairs(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Key and value of a table as text, keys without underscores."""
    return [(str(key).replace("_", " "), plain(value)) for key, value in table.items()]
