"""How far an interval carries that rests on few clusters."""

from __future__ import annotations

from afield.analysis.words import capital, count

FEW_CLUSTERS = 30
"""Below it the bootstrap over clusters is warned of. Cameron, Gelbach and Miller 2008 (Review of Economics and
Statistics 90, 414-427) found that intervals from five to thirty clusters leave out the truth too often; docs/metrics.md
has what they did in a simulation of accuracies."""


def rests_on(samples: int, clusters: int, noun: str = "test image") -> str:
    """What an interval was resampled from.

    >>> rests_on(525, 525), rests_on(525, 12)
    ('525 test images', '525 test images in twelve clusters')
    """
    words = count(samples, noun)
    return words if clusters == samples else f"{words} in {count(clusters, 'cluster')}"


def few_clusters(samples: int, clusters: int) -> str:
    """What to mind of an interval from so few; empty where there are enough, and where there can be none.

    >>> few_clusters(525, 12)
    'Twelve clusters of test images are few: below 30, intervals are rough and mostly too narrow.'
    """
    if not 1 < clusters < FEW_CLUSTERS:
        return ""
    units = count(clusters, "test image") if clusters == samples else f"{count(clusters, 'cluster')} of test images"
    return f"{capital(units)} are few: below {FEW_CLUSTERS}, intervals are rough and mostly too narrow."
