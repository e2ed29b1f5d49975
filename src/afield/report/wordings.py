"""The verdict of a task as the page words it: that of the study, and what other cuts and axes would make of it."""

from __future__ import annotations

from dataclasses import dataclass

from afield.analysis.fitting.reworded import cut_words, reworded
from afield.analysis.fitting.transfer import TransferFit

HEADLINES = {
    "transfers": ("ImageNet accuracy tells here", "yes"),
    "weakly": ("ImageNet accuracy tells a little here", "some"),
    "does not": ("ImageNet accuracy does not tell here", "no"),
    "cannot tell": ("This study cannot tell yet", "open"),
    "not asked": ("A race does not ask that", "open"),
}
"""of each verdict, and the look of its badge"""


@dataclass(frozen=True)
class Wording:
    """One reading of the fit; the first of a task is the study's own verdict."""

    cut: int
    """place among the cuts, 0: all backbones"""
    axis: str
    who: str
    """the backbones that it is of"""
    headline: str
    badge: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Wordings:
    """All readings of a task's fit, of which a page shows one at a time."""

    each: tuple[Wording, ...]

    @property
    def cuts(self) -> int:
        """How many there are, all backbones among them."""
        return 1 + max(each.cut for each in self.each)

    @property
    def axes(self) -> tuple[str, ...]:
        """Those on which the points have a place."""
        return tuple(dict.fromkeys(each.axis for each in self.each))


def wordings(fit: TransferFit | None, said: str, *, race: bool = False) -> Wordings:
    """The verdict with the sentences `said`, then each other cut and axis; a `race` has neither fit nor verdict."""
    verdict = fit.verdict if fit else "not asked" if race else "cannot tell"
    headline, badge = HEADLINES[verdict]
    if fit is not None and fit.ceiling is not None:
        headline = f"{headline}; the task is near its ceiling"
    found = reworded(fit) if fit else ()
    first = Wording(0, "linear", cut_words(found[0]) if found else "", headline, badge, verdict, said)
    cuts = list(dict.fromkeys(reading.above for reading in found))
    others = (
        Wording(
            cuts.index(reading.above),
            reading.axis,
            cut_words(reading),
            *HEADLINES[reading.verdict],
            reading.verdict,
            reading.reason,
        )
        for reading in found[1:]
    )
    return Wordings((first, *others))
