"""Numbers as one says them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from afield.base import text
from afield.scoring.intervals import Interval
from afield.scoring.metrics import in_points, metric_title

_SMALL = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_SHARES = {
    **{1 / 20: "a twentieth", 1 / 10: "a tenth", 1 / 8: "an eighth", 1 / 6: "a sixth", 1 / 5: "a fifth"},
    **{1 / 4: "a quarter", 1 / 3: "a third", 1 / 2: "half", 2 / 3: "two thirds", 3 / 4: "three quarters"},
}


def spelled(number: int) -> str:
    """A whole number, in letters up to twelve.

    >>> spelled(4), spelled(2624)
    ('four', '2,624')
    """
    return _SMALL[number] if number < len(_SMALL) else f"{number:,}"


def count(number: int, noun: str) -> str:
    """A number of things, in letters up to twelve.

    >>> count(1, "seed"), count(2, "seed"), count(0, "backbone"), count(2624, "test image")
    ('one seed', 'two seeds', 'no backbones', '2,624 test images')
    """
    return text.count(number, noun, say=spelled)


def part_of(number: int, whole: int, noun: str = "") -> str:
    """How many of several.

    >>> part_of(0, 8), part_of(1, 8, "task"), part_of(10, 10, "task")
    ('none of eight', 'one of eight tasks', 'all ten tasks')
    >>> part_of(0, 2, "task"), part_of(2, 2), part_of(2, 2, "task")
    ('neither of two tasks', 'both', 'both tasks')
    """
    things = count(whole, noun) if noun else spelled(whole)
    if number == whole:
        return f"all {things}" if whole != 2 else f"both {noun}s" if noun else "both"
    none = "neither" if whole == 2 else "none"
    return f"{spelled(number) if number else none} of {things}"


def capital(sentence: str) -> str:
    """The sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def listing(names: Sequence[str]) -> str:
    """Names in a row, of more than five the first three.

    >>> listing(["A"]), listing(["A", "B", "C"]), listing(list("ABCDEFG"))
    ('A', 'A, B and C', 'A, B, C and four others')
    """
    if len(names) > 5:
        names = [*names[:3], count(len(names) - 3, "other")]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def rounded(number: float) -> str:
    """A number to two digits, for "about".

    >>> rounded(12_345), rounded(147), rounded(8)
    ('12,000', '150', '8')
    """
    return f"{float(f'{number:.2g}'):,.0f}"


def share(part: float, whole: float) -> str:
    """What part of the whole, to the nearest fraction one says.

    >>> share(26, 100), share(1, 1.02), share(1, 90)
    ('a quarter', 'about the same', '1/90')
    """
    ratio = part / whole
    if ratio > 0.87:
        return "about the same"
    if ratio < 1 / 25:
        return f"1/{1 / ratio:.0f}"
    return _SHARES[min(_SHARES, key=lambda known: abs(math.log(known / ratio)))]


def signed(number: float, decimals: int = 1) -> str:
    """A number with its sign; what rounds to nothing has none.

    >>> signed(1.25, 2), signed(-0.44), signed(-0.01)
    ('+1.25', '-0.4', '0.0')
    """
    shown = f"{number:+.{decimals}f}"
    return shown[1:] if float(shown) == 0 else shown


def digits_of_r(r: float) -> int:
    """To how many digits correlations are shown of which that is the largest: near one, three decide.

    >>> digits_of_r(0.95), digits_of_r(-0.997)
    (2, 3)
    """
    return 3 if abs(r) >= 0.99 else 2


_NO_INTERVAL = "no interval can be given"


def not_defined(name: str) -> str:
    """Why a metric has no number.

    >>> not_defined("auroc")
    'not defined (it needs images of two classes or more)'
    """
    if name in ("auroc", "average_precision", "map_11"):
        return "not defined (it needs images of two classes or more)"
    return "not defined (these images give it no number)"


def level_words(interval: Interval) -> str:
    """A metric with its interval.

    >>> level_words(Interval(0.8141, 0.778, 0.8457))
    '0.814 (0.778 to 0.846)'
    """
    if math.isnan(interval.low):
        return f"{interval.value:.3f} ({_NO_INTERVAL})"
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def gap_words(gap: Interval | None, name: str) -> str:
    """Between which limits a difference in that metric lies; points are hundredths.

    >>> gap_words(Interval(0.003, -0.004, 0.011), "accuracy")
    '-0.4 to +1.1 points'
    """
    if gap is None or math.isnan(gap.low):
        return _NO_INTERVAL
    if in_points(name):
        return f"{signed(100 * gap.low)} to {signed(100 * gap.high)} points"
    return f"{signed(gap.low, 3)} to {signed(gap.high, 3)}"


def gain_words(gain: Interval, name: str) -> str:
    """A difference in that metric with its interval.

    >>> gain_words(Interval(0.031, 0.005, 0.057), "accuracy")
    '+3.1 points of accuracy (+0.5 to +5.7 points)'
    """
    if math.isnan(gain.value):
        return f"{metric_title(name)} {not_defined(name)}"
    value = f"{signed(100 * gain.value)} points" if in_points(name) else signed(gain.value, 3)
    return f"{value} of {metric_title(name)} ({gap_words(gain, name)})"


def p_value(p: float) -> str:
    """A p value to three digits; none is 0.

    >>> p_value(0.0312), p_value(0.0000004), p_value(float("nan"))
    ('0.031', '< 0.001', '-')
    """
    if math.isnan(p):
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


P_COLUMNS = ("p", "p_permuted", "p_holm", "r_p", "imagenet_p", "family_p", "family_p_holm", "imagenet_family_p")
"""what analyses call columns of p values, which tables show by `p_value`"""


def p_words(p: float) -> str:
    """A p value in a sentence.

    >>> p_words(0.0312), p_words(0.0002)
    ('p = 0.031', 'p < 0.001')
    """
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def size_words(size: float, name: str) -> str:
    """How large a difference in that metric is, without its sign.

    >>> size_words(-0.004, "accuracy")
    '0.4 points'
    """
    return f"{100 * abs(size):.1f} points" if in_points(name) else f"{abs(size):.3f}"
