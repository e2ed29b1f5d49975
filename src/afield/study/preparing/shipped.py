"""The studies that come with the package, as text: what each asks, what it costs, and its file."""

from __future__ import annotations

from typing import Any

from afield.base.errors import InputError, nearest
from afield.base.text import columns
from afield.study.preparing.cost import cost_of
from afield.study.preparing.study_file import load_study, shipped_studies


def head_of(text: str) -> tuple[str, ...]:
    r"""The lines of the comment at the head of a study file, without their marks.

    >>> head_of("# What does it ask?\n#\n# Cost: much\n\n[study]\n")
    ('What does it ask?', '', 'Cost: much')
    """
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return tuple(lines)


def question_of(text: str) -> str:
    """The first sentence of the head: what the study asks."""
    paragraph = " ".join(head_of(text)).split("  ")[0]
    ends = [place for mark in ("? ", ". ") if (place := paragraph.find(mark)) >= 0]
    return paragraph[: min(ends) + 1] if ends else paragraph


def list_studies() -> str:
    """A line a study: its name, trainings, epochs, million image passes, and what it asks."""
    rows = []
    for each in plain_studies():
        passes = each["image_passes"]
        millions = "unknown" if passes is None else f"{passes / 1e6:.{0 if passes > 1e7 else 2}f}"
        rows.append((each["study"], str(each["trainings"]), str(each["epochs"]), millions, each["asks"]))
    return columns(rows, ("study", "trainings", "epochs", "million images", "asks"))


def plain_studies() -> list[dict[str, Any]]:
    """The same as plain values; image passes that nobody knows before the data are there are None."""
    found = []
    for name, text in shipped_studies().items():
        cost = cost_of(load_study(name))
        counts = {"trainings": cost.trainings, "epochs": cost.epochs, "image_passes": cost.passes}
        found.append({"study": name, **counts, "asks": question_of(text)})
    return found


def show_study(name: str) -> str:
    """The file of a shipped study. Raises InputError for a name that there is not."""
    shipped = shipped_studies()
    if name not in shipped:
        raise InputError(f"{name}: no shipped study of that name; {nearest(name, shipped)} (all: afield studies list)")
    return shipped[name].rstrip("\n")
