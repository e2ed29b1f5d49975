"""What a check found, as text for a terminal and as plain values for scripts."""

from __future__ import annotations

from textwrap import fill
from typing import Any

from afield.base.text import count, first_few
from afield.checking.findings import Check, Example, Finding, Picture

_WIDTH = 110
_INDENT = " " * 7
_SHOWN = 3
"""examples of each finding"""
_CLASSES = 5
"""classes that are named"""


def describe(check: Check) -> str:
    """The findings, the most important first: how often, what to do, some examples; then the verdict."""
    splits = ", ".join(f"{number:,} {split}" for split, number in check.counts.items())
    names = first_few([row.name for row in check.classes], _CLASSES)
    lines = [
        f"{check.title}: {check.images:,} images, {len(check.classes)} classes ({names}); {check.protocol}: {splits}",
        "",
    ]
    lines += [f"{name}: {told}" for name, told in check.facts]
    for finding in check.findings:
        lines += ["", *_finding(finding)]
    return "\n".join([*lines, "", verdict(check)])


def verdict(check: Check) -> str:
    """The check in one sentence."""
    number = sum(finding.biases for finding in check.findings)
    if number:
        return f"{count(number, 'finding')} would bias a result."
    return "These checks found nothing that would bias a result."


def plain_check(check: Check) -> dict[str, Any]:
    """All of it as plain values, with the examples that the page shows; groups of copies have a file of their own."""
    names = ("task", "title", "protocol", "images", "counts", "biased", "findings", "classes")
    return {**{name: getattr(check, name) for name in names}, "facts": dict(check.facts)}


def _finding(finding: Finding) -> list[str]:
    mark = "ALARM" if finding.biases else "note "
    return [
        _filled(f"{mark}  {finding.name}: {finding.told}", _INDENT),
        *(f"{_INDENT}{_example(example)}" for example in finding.examples[:_SHOWN]),
        _filled(f"{_INDENT}-> {finding.advice}", f"{_INDENT}   "),
    ]


def _filled(text: str, indent: str) -> str:
    return fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _example(example: Example) -> str:
    return f"{' = '.join(_picture(picture) for picture in example.pictures)}: {example.told}"


def _picture(picture: Picture) -> str:
    known = [picture.split, picture.label] + ([f"group {picture.group}"] if picture.group else [])
    return f"{picture.image} ({'; '.join(known)})"
