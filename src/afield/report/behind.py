"""What stands behind a verdict: the same question put in other ways, folded, each with its answer in a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from afield.analysis.described import families_words, misranked_words, power_words, shape_words, without_words
from afield.analysis.details import DETAILS
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.words import capital, count
from afield.report import words
from afield.report.charts import interval_chart
from afield.report.figures import Figure, Figures
from afield.report.frames import frame_table
from afield.report.recorded import Table
from afield.scoring.intervals import Interval


@dataclass(frozen=True)
class Picture:
    """A small picture of one image."""

    address: str
    """`data:` and its bytes"""
    alt: str
    """which image it is, and what is said of it"""
    caption: str


@dataclass(frozen=True)
class Part:
    """One folded part: what it asks, what came out in a line or two, and the numbers."""

    title: str
    words: tuple[str, ...]
    chart: Figure | None = None
    table: Table | None = None
    names_images: bool = False
    """whether the table's rows are single images"""
    pictures: tuple[Picture, ...] = ()
    """of these images, as far as they are at hand"""


def behind(fit: TransferFit, figures: Figures, names: Mapping[str, str], metric: str) -> tuple[Part, ...]:
    """The analyses beside a fit, as `afield analyse --all` prints them; none without a line or below four backbones.

    None of them decides the verdict. Their charts go into `figures`.
    """
    if fit.slope is None or fit.n < 4:
        return ()
    return tuple(_parts(fit, figures, names, metric))


def _parts(fit: TransferFit, figures: Figures, names: Mapping[str, str], metric: str) -> Iterator[Part]:
    yield _cuts(fit, figures)
    yield Part(
        "Without one backbone, or one family",
        tuple(without_words(fit)),
        table=frame_table(
            DETAILS["without_backbone"](fit).drop(columns="members"),
            "The fit without each backbone; slopes in points of the metric an ImageNet point",
            names=names,
        ),
    )
    shape = DETAILS["curves"](fit)
    yield Part(
        "Is it a straight line?",
        (shape_words(fit),),
        table=None
        if shape.empty
        else frame_table(
            shape.drop(columns=["better"]),
            "Root mean square errors in metric points, around each curve and of backbones left out; gain: by how much "
            "less the mean squared error of those is than the line's",
        ),
    )
    yield Part(
        "On other axes, by other methods",
        (f"{capital(families_words(fit))}.",),
        table=frame_table(
            DETAILS["slopes"](fit),
            "Slopes with 95\u00a0% intervals: in points of the metric an ImageNet point, between logits, between "
            "probits",
            digits={"r2": 4},
        ),
    )
    yield Part(
        "By ranks and pairs",
        (f"{capital(misranked_words(fit))}.",),
        table=frame_table(DETAILS["correlations"](fit), f"Correlation of ImageNet top-1 and {metric}"),
    )
    if shown := tuple(power_words(fit)):
        yield Part("What so many backbones could have shown", shown)
    far = DETAILS["outliers"](fit)
    if len(far):
        yield Part(
            "Far from the line",
            (f"{capital(count(len(far), 'backbone'))} lie farther from the line of the others than chance puts any."
             if len(far) > 1 else "One backbone lies farther from the line of the others than chance puts any.",),
            table=frame_table(far, "Residuals in points of the metric, from the line of the others", names=names),
        )  # fmt: skip


def _cuts(fit: TransferFit, figures: Figures) -> Part:
    """Slope and verdict of the backbones above each cut of ImageNet accuracy."""
    sweep = DETAILS["cuts"](fit)
    other = sweep[sweep["verdict"] != fit.verdict]
    if len(sweep) < 2:
        said = "No cut leaves four backbones or more and takes any away."
    elif other.empty:
        said = f"The verdict is the same above every cut: {fit.verdict}."
    else:
        turned = ", ".join(f"{row.verdict} above {row.above:g} %" for row in other.itertuples())
        said = f"The verdict would be {turned}; over all it is {fit.verdict}. Choosing a cut is choosing a result."
    title = "Above a cut of ImageNet accuracy"
    if len(sweep) < 2:
        return Part(title, (said,))
    cuts = sweep.to_dict("records")
    rows = pd.DataFrame(
        {
            "name": [f"{_above(row['above'])}, {count(row['n'], 'backbone')}" for row in cuts],
            "value": sweep["slope"],
            "low": sweep["slope_low"],
            "high": sweep["slope_high"],
            "words": [words.interval(Interval(row["slope"], row["slope_low"], row["slope_high"]), 2) for row in cuts],
            "standing": sweep["verdict"],
        }
    )
    listed = "; ".join(f"{row.name} {row.words}, {row.standing}" for row in rows.itertuples(index=False))
    figure = figures.add(
        interval_chart(rows, title="points an ImageNet point", unit="slope"),
        name="cuts",
        alt=f"Slope above each cut of ImageNet accuracy: {listed}.",
        reading="The slope of the backbones above each cut, with its 95\u00a0% interval; the colour is the verdict.",
    )
    return Part(
        title, (said,), figure, frame_table(sweep, "r, slope (points an ImageNet point) and verdict above each cut")
    )


def _above(cut: float) -> str:
    """`all`, or `above 70 %`."""
    return "all" if math.isinf(cut) else f"above {cut:g} %"
