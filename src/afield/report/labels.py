"""Where the names of points go so that they do not lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LINE = 14
"""height of a line of text, pixels"""
_CHARACTER = 6.3
_GAP = 9


@dataclass(frozen=True)
class Placed:
    """Offset of a label from its point, pixels, and the side that it is anchored at."""

    dx: float
    dy: float
    align: str


@dataclass(frozen=True)
class _Box:
    left: float
    right: float
    top: float
    bottom: float

    def overlap(self, other: _Box) -> float:
        """Shared area, square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)


def place_labels(
    x: Sequence[float],
    y: Sequence[float],
    texts: Sequence[str],
    *,
    width: float,
    height: float,
    bars: Sequence[tuple[float, float]] = (),
) -> tuple[Placed, ...]:
    """Choose for each point, the crowded ones first, the offset with the least overlap.

    `x`, `y` are pixels from the top left of a plot of `width` x `height`, `bars` the ends of the points' error bars.
    Labels that keep apart in a narrow plot keep apart in a wider one, since only horizontal distances grow: give
    the narrowest width that must read well.
    """
    spots = [_Box(a - 6, a + 6, b - 6, b + 6) for a, b in zip(x, y, strict=True)]
    lines = [_Box(a - 2, a + 2, top, bottom) for a, (top, bottom) in zip(x, bars, strict=False)]
    plot = _Box(0, width, 0, height)
    crowd = [sum(abs(a - c) + abs(b - d) < 60 for c, d in zip(x, y, strict=True)) for a, b in zip(x, y, strict=True)]
    taken: list[_Box] = []
    placed: dict[int, Placed] = {}
    for index in sorted(range(len(texts)), key=lambda index: (-crowd[index], y[index], x[index])):
        options = [
            (
                _cost(_box(x[index], y[index], texts[index], option), (taken, spots, lines), plot) + abs(option.dy),
                option,
            )
            for option in _options()
        ]
        _, placed[index] = min(options, key=lambda scored: scored[0])
        taken.append(_box(x[index], y[index], texts[index], placed[index]))
    return tuple(placed[index] for index in range(len(texts)))


def _options() -> list[Placed]:
    sideways = [
        Placed(dx, dy * LINE, align)
        for dy in (0, -1, 1, -2, 2, -3, 3, -4, 4)
        for dx, align in ((_GAP, "left"), (-_GAP, "right"))
    ]
    return sideways + [Placed(0, dy * LINE, "center") for dy in (-1.2, 1.2, -2.2, 2.2)]


def _box(x: float, y: float, text: str, option: Placed) -> _Box:
    length = len(text) * _CHARACTER
    left = x + option.dx - {"left": 0.0, "center": length / 2, "right": length}[option.align]
    return _Box(left, left + length, y + option.dy - LINE / 2, y + option.dy + LINE / 2)


def _cost(box: _Box, others: tuple[list[_Box], list[_Box], list[_Box]], plot: _Box) -> float:
    """Worst is another label, then leaving the plot, then a point; an error bar may be crossed."""
    labels, points, bars = (sum(box.overlap(other) for other in group) for group in others)
    outside = (box.right - box.left) * (box.bottom - box.top) - box.overlap(plot)
    return 10 * labels + 4 * outside + points + 0.2 * bars
