"""What a check found, as text for a terminal."""

from __future__ import annotations

from textwrap import fill

from afield.base.text import count
from afield.checking.findings import Check, Example, Finding, Picture

_WIDTH = 110
_INDENT = " " * 7
_SHOWN = 3
"""examples of each finding"""


def describe(check: Check) -> str:
    """The findings, the most important first: how often, what to do, some examples; then the verdict."""
    splits = ", ".join(f"{number:,} {split}" for split, number in check.counts.items())
    lines = [f"{check.title}: {check.images:,} images, {len(check.classes)} classes; {check.protocol}: {splits}", ""]
    lines += [f"{name}: {told}" for name, told in check.facts]
    for finding in check.findings:
        lines += ["", *_finding(finding)]
    return "\n".join([*lines, "", verdict(check)])


def verdict(check: Check) -> str:
    """The check in one sentence."""
    number = sum(finding.biases for finding in check.findings)
    if number:
        return f"{count(number, 'finding')} would bias a result."
    return "Clean: nothing was found that would bias a result."


def _finding(finding: Finding) -> list[str]:
    mark = "ALARM" if finding.biases else "note "
    lines = [
        fill(f"{mark}  {finding.name}: {finding.told}", _WIDTH, subsequent_indent=_INDENT, break_long_words=False),
        *(f"{_INDENT}{_example(example)}" for example in finding.examples[:_SHOWN]),
        fill(f"{_INDENT}-> {finding.advice}", _WIDTH, subsequent_indent=_INDENT + "   ", break_long_words=False),
    ]
    return lines


def _example(example: Example) -> str:
    return f"{' = '.join(_picture(picture) for picture in example.pictures)}: {example.told}"


def _picture(picture: Picture) -> str:
    known = [picture.split, picture.label] + ([f"group {picture.group}"] if picture.group else [])
    return f"{picture.image} ({'; '.join(known)})"
