"""Numbers as one says them."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SMALL = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_SHARES = {
    **{1 / 20: "a twentieth", 1 / 10: "a tenth", 1 / 8: "an eighth", 1 / 6: "a sixth", 1 / 5: "a fifth"},
    **{1 / 4: "a quarter", 1 / 3: "a third", 1 / 2: "half", 2 / 3: "two thirds", 3 / 4: "three quarters"},
}


def count(number: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "seed"), count(2, "seed"), count(0, "backbone"), count(2624, "test image")
    ('one seed', 'two seeds', 'no backbones', '2,624 test images')
    """
    return f"{_SMALL[number] if number < len(_SMALL) else f'{number:,}'} {noun}{'' if number == 1 else 's'}"


def capital(sentence: str) -> str:
    """The sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def listing(names: Sequence[str]) -> str:
    """Names in a row.

    >>> listing(["A"]), listing(["A", "B"]), listing(["A", "B", "C"])
    ('A', 'A and B', 'A, B and C')
    """
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
    text = f"{number:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text
