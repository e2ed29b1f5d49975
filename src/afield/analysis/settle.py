"""What would settle what is open: about how many more images, seeds or backbones."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy.stats import norm

from afield.analysis.compare import Ranking, RankRow
from afield.analysis.transfer import TransferFit
from afield.analysis.words import count, rounded, size_words, spelled

_HARDLY = 200
"""backbones beyond which a correlation is as good as none"""


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
    """How many images or seeds would keep the 95 % interval of a difference as large as the observed one away from 0.

    The variance from samples shrinks with their number, that from seeds with theirs.
    """
    pair = f"{row.backbone} from {ranking.rows[0].backbone}"
    samples, seeds = (row.sample_error or 0.0) ** 2, (row.seed_error or 0.0) ** 2
    allowed = (row.gap / float(norm.isf(0.025))) ** 2
    if not allowed or not math.isfinite(samples):
        return f"To tell {pair} nothing can be named: this test shows no difference to go by."
    whole = (samples + seeds) / allowed
    if whole <= 1:  # only the small number of seeds or clusters, by Student's t, keeps 0 inside
        ways = ["one more seed for each" if seeds else "a few more test images"]
    else:
        ways = []
        if seeds < allowed:
            ways.append(_images(ranking, samples / (allowed - seeds)))
        if seeds and samples < allowed:
            ways.append(_seeds(row, seeds / (allowed - samples)))
        if not ways:
            ways.append(f"{_images(ranking, whole)} and {_seeds(row, whole)}")
    size = size_words(row.gap, ranking.metric)
    return f"To tell {pair}, should the difference stay {size}: {', or '.join(ways)}."


def _images(ranking: Ranking, factor: float) -> str:
    return f"about {rounded(ranking.n_test * factor)} test images instead of {ranking.n_test:,}"


def _seeds(row: RankRow, factor: float) -> str:
    needed = math.ceil(row.seeds * factor)
    words = count(needed, "seed") if needed < 100 else f"{rounded(needed)} seeds"
    return f"about {words} instead of {spelled(row.seeds)}"


def _more_backbones(fit: TransferFit) -> str:
    """How many backbones would show the observed correlation with 80 % power at 5 % (Fisher's z)."""
    if fit.pearson_r is None:
        return "For a verdict on ImageNet: ten or more backbones that differ in ImageNet accuracy."
    r = fit.pearson_r.value
    enough = next((n for n in range(fit.n + 1, _HARDLY) if math.tanh(_fisher(n)) <= abs(r)), None)
    if enough is None:
        return (
            f"For a verdict on ImageNet: the correlation ({r:.2f}) is so small that a wider range of backbones would "
            "help more than their number."
        )
    return (
        f"For a verdict on ImageNet, should the correlation stay {r:.2f}: about {count(enough, 'backbone')} "
        f"({spelled(enough - fit.n)} more) would show it in four studies of five."
    )


def _fisher(n: int) -> float:
    """Fisher's z that n points show at 5 %, two-sided, with 80 % power."""
    return float(norm.isf(0.025) + norm.isf(0.2)) / math.sqrt(n - 3)
