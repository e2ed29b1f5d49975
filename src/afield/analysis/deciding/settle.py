"""What would settle what is open: about how many more images, seeds or backbones."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy.stats import norm, t

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.ranking.compare import Ranking, RankRow
from afield.analysis.words import count, rounded, signed, size_words, spelled
from afield.scoring.intervals import LEVEL
from afield.scoring.metrics import in_points

_HARDLY = 200
"""backbones beyond which a correlation is as good as none"""
_FEASIBLE = 50
"""times as many images or seeds as there were that one may still think of"""


def would_settle(ranking: Ranking, fit: TransferFit | None) -> Iterator[str]:
    """A sentence for each question that the study leaves open."""
    tied = [row for row in ranking.rows if row.tied]
    if tied:
        row = next((row for row in tied if row.backbone == ranking.cheapest_tied), tied[0])
        yield _to_tell_apart(ranking, row)
    if len(ranking.rows) > 1 and ranking.compares == "networks":
        yield "A second seed for every chosen recipe would tell better backbones from luckier trainings."
    if fit is not None and fit.verdict == "cannot tell":
        yield _more_backbones(fit)


def _to_tell_apart(ranking: Ranking, row: RankRow) -> str:
    """How many images or seeds would show a difference as large as the observed one with 80 % power.

    The variance from samples shrinks with their number, that from seeds with theirs. A multiple that nobody can afford
    is not named, but what this study could have shown: that nobody could tell two apart is no sign that they are equal.
    """
    winner = ranking.rows[0].backbone
    samples, seeds = (row.sample_error or 0.0) ** 2, (row.seed_error or 0.0) ** 2
    errors = _shown(0.05 / (len(ranking.rows) - 1))
    allowed = (row.gap / errors) ** 2
    whole = (samples + seeds) / allowed if allowed else math.inf
    ways = []
    if whole <= 1:  # only the small number of seeds or clusters, by Student's t, keeps 0 inside
        ways = ["one more seed for each" if seeds else "a few more test images"]
    elif whole <= _FEASIBLE:
        by_images = samples / (allowed - seeds) if seeds < allowed else math.inf
        by_seeds = seeds / (allowed - samples) if seeds and samples < allowed else math.inf
        ways += [_images(ranking, by_images)] if by_images <= _FEASIBLE else []
        ways += [_seeds(row, by_seeds)] if by_seeds <= _FEASIBLE else []
        ways = ways or [f"{_images(ranking, whole)} and {_seeds(row, whole)}"]
    size = size_words(row.gap, ranking.metric)
    if not ways:
        return (
            f"{row.backbone} and {winner} cannot be told apart at a bearable cost: to show a difference as small as "
            f"the one seen ({size}) would take more than {_FEASIBLE} times the test images"
            f"{' and seeds' if seeds else ''}. That is no sign that they are equal: "
            f"{_what_it_shows(errors * math.sqrt(samples + seeds), ranking.metric)}."
        )
    return (
        f"To tell {row.backbone} from {winner}, should the difference stay {size}, in four cases of five: "
        f"{', or '.join(ways)}."
    )


def _what_it_shows(least: float, metric: str) -> str:
    """The least difference that a study shows with 80 % power; in points there is none above the whole range."""
    if in_points(metric) and least >= 1:
        return "a study as small as this could not have shown any difference"
    return (
        f"one of {size_words(least, metric)} this study would have shown in four cases of five, a smaller one it may "
        "have missed"
    )


def _shown(alpha: float) -> float:
    """How many standard errors a difference must be to show with 80 % power in a two-sided test at that level."""
    return float(norm.isf(alpha / 2) + norm.isf(0.2))


def _images(ranking: Ranking, factor: float) -> str:
    return f"about {rounded(ranking.n_test * factor)} test images instead of {ranking.n_test:,}"


def _seeds(row: RankRow, factor: float) -> str:
    needed = math.ceil(row.seeds * factor)
    words = count(needed, "seed") if needed < 100 else f"{rounded(needed)} seeds"
    return f"about {words} instead of {spelled(row.seeds)}"


def _more_backbones(fit: TransferFit) -> str:
    """How many backbones would show the slope with 80 % power at 5 %, as uncertain as it was a backbone (Fisher's z).

    Where only the scatter makes it uncertain, the correlation that the slope's interval stands for is Pearson's r.
    """
    if fit.normalised_slope is None:
        return "For a verdict on ImageNet: ten or more backbones that differ in ImageNet accuracy."
    slope, freedom = fit.normalised_slope, fit.n - 2
    errors = slope.value / (slope.high - slope.value) * float(t.isf((1 - LEVEL) / 2, freedom))
    r = errors / math.sqrt(errors**2 + freedom)
    enough = next((n for n in range(max(fit.n + 1, 4), _HARDLY) if math.tanh(_fisher(n)) <= abs(r)), None)
    seen = signed(slope.value, 2)
    if enough is None:
        return (
            f"For a verdict on ImageNet: the slope ({seen}) is so small beside what blurs it that a wider range of "
            "backbones would help more than their number."
        )
    return (
        f"For a verdict on ImageNet, should the slope stay {seen} and scatter as it did: about "
        f"{count(enough, 'backbone')} ({spelled(enough - fit.n)} more) would show it in four studies of five."
    )


def _fisher(n: int) -> float:
    """Fisher's z that n points show at 5 %, two-sided, with 80 % power."""
    return _shown(0.05) / math.sqrt(n - 3)
