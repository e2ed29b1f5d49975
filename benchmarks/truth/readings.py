"""The intervals that afield puts around a line on ImageNet accuracy, and its verdict, of a simulated study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from benchmarks.truth.worlds import SimulatedStudy

from afield.analysis.fitting.association import correlations
from afield.analysis.fitting.attenuation import disattenuated
from afield.analysis.fitting.axes import AXES, axis_slope
from afield.analysis.fitting.fits import BOOTSTRAP_FROM, bootstrap_intervals, line_intervals
from afield.analysis.fitting.robust import family_bootstrap, slopes
from afield.analysis.fitting.verdict import Verdict, verdict_of
from afield.scoring.intervals import LEVEL, Interval
from afield.study.verdict_rule import SMALLEST_SLOPE

Intervals = dict[str, Interval | None]
"""by the reading's name; None where it cannot be had. Slopes are in metric points per ImageNet point"""

STANDS_FOR = {
    "slope": "slope",
    "slope, scatter alone": "slope",
    "slope, errors of a table": "slope",
    "slope, Theil-Sen": "slope",
    "slope, backbones resampled": "slope",
    "slope, families resampled": "slope",
    "logit slope": "logit slope",
    "probit slope": "probit slope",
    "r": "r",
    "r, scatter alone": "r",
    "r, disattenuated": "r",
    "r, backbones resampled": "r",
    "r, families resampled": "r",
    "Spearman": "rho",
    "Kendall": "tau",
}
"""what each reading is an interval of, by its name in `truth_of`. `slope` and `r` are those that the verdict reads;
`scatter alone` are the textbook's, with every backbone for itself and nothing known of the points' errors; `errors of a
table`: all but how the errors of two backbones go together, which no table tells"""


def of_line(study: SimulatedStudy) -> Intervals:
    """What the verdict reads, and the textbook's."""
    seen = study.observed
    r, slope = line_intervals(seen, LEVEL)
    plain_r, plain_slope = line_intervals(seen.each_for_itself(), LEVEL)
    found: Intervals = {"slope": _points(slope), "slope, scatter alone": _points(plain_slope)}
    if seen.errors.any():
        of_table = replace(seen, errors=np.diag(np.diag(seen.errors)))
        found["slope, errors of a table"] = _points(line_intervals(of_table, LEVEL)[1])
    if seen.paired:
        found["r, disattenuated"] = disattenuated(r, seen, LEVEL)
    return found | {"r": r, "r, scatter alone": plain_r}


def on_axes(study: SimulatedStudy) -> Intervals:
    """The slopes on the other axes."""
    return {f"{axis} slope": axis_slope(axis, study.observed, study.n_test, LEVEL) for axis in AXES}


def second_readings(study: SimulatedStudy) -> Intervals:
    """What resamples, or takes tens of milliseconds for another reason."""
    found: Intervals = {}
    seen = study.observed
    if len(seen.x) >= BOOTSTRAP_FROM:
        r, slope = bootstrap_intervals(seen.x, seen.y, LEVEL)
        found |= {"slope, backbones resampled": _points(slope), "r, backbones resampled": r}
    by_family = family_bootstrap(study.points)
    if by_family is not None:
        found |= {"r, families resampled": by_family[0], "slope, families resampled": by_family[1]}
    other = slopes(seen).set_index(["axis", "method"]).loc[("linear", "Theil-Sen"), ["value", "low", "high"]]
    ranks = correlations(study.points).set_index("coefficient")[["value", "low", "high"]]
    return found | {
        "slope, Theil-Sen": Interval(*other.to_numpy(np.float64)),
        "Spearman": Interval(*ranks.loc["Spearman"].to_numpy(np.float64)),
        "Kendall": Interval(*ranks.loc["Kendall"].to_numpy(np.float64)),
    }


def _points(interval: Interval) -> Interval:
    return Interval(100 * interval.value, 100 * interval.low, 100 * interval.high)


def verdict(study: SimulatedStudy) -> tuple[Verdict, str]:
    """The product's verdict and its words."""
    found = verdict_of(study.observed, SMALLEST_SLOPE, LEVEL)
    return found.verdict, found.words


def is_wrong(said: Verdict, words: str, slope: float, smallest: float = SMALLEST_SLOPE) -> bool:
    """Whether a verdict claims what is not so, of a true slope in metric points per ImageNet point.

    - transfers claims slope >= smallest
    - weakly claims slope > 0; where it says that the slope is surely less than matters, also slope < smallest
    - does not claims -smallest < slope < smallest; where it says reversed, slope < 0
    - cannot tell claims nothing

    >>> is_wrong("transfers", "", 0.05), is_wrong("does not", "reversed: better on ImageNet", -0.5)
    (True, False)
    """
    if said == "transfers":
        return slope < smallest
    if said == "weakly":
        return slope <= 0 or ("but surely less" in words and slope >= smallest)
    if said == "does not":
        return slope >= 0 if words.startswith("reversed") else abs(slope) >= smallest
    return False
