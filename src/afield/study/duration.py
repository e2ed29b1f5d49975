"""Hours as people write and read them."""

from __future__ import annotations

import math
import re

from afield.base.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds_of(written: str) -> float:
    """Seconds of a duration: a number with s, m, h or d, or several. Raises InputError for what is none.

    >>> seconds_of("6h"), seconds_of("90m"), seconds_of("1h30m"), seconds_of("1.5d")
    (21600.0, 5400.0, 5400.0, 129600.0)
    """
    text = written.strip().lower().replace(" ", "")
    parts = _WRITTEN.findall(text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < seconds < math.inf:
        raise InputError(f'budget: {written!r} is no duration above 0; write it as "90m", "6h" or "2d"')
    return seconds


def enough(seconds: float) -> str:
    """A duration as `seconds_of` reads it that is not below these seconds, in the largest unit that is no coarser than
    a tenth of it.

    >>> enough(70), enough(5_000), enough(36_001), enough(56_275_560)
    ('2m', '84m', '11h', '652d')
    """
    unit = "d" if seconds > 864_000 else "h" if seconds > 36_000 else "m"
    return f"{math.ceil(seconds / _SECONDS[unit])}{unit}"


def told(seconds: float) -> str:
    """Seconds in words, no finer than an estimate is.

    >>> told(0.4), told(42), told(192), told(7_500), told(200_000)
    ('under 1 s', '42 s', '3.2 min', '2.1 h', '2.3 days')
    """
    if seconds < 1:
        return "under 1 s"
    for unit, size, most in (("s", 1, 120), ("min", 60, 5_400), ("h", 3_600, 172_800)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}" if unit == "s" else f"{seconds / size:.1f} {unit}"
    days = seconds / 86_400
    return f"{days:.1f} days" if days < 100 else f"{days:,.0f} days"
