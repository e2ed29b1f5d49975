"""What the page says of the chosen one alone: by class, by subgroup, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from afield.analysis.chosen import ChosenNetwork, Subgroups, chosen_network
from afield.analysis.clusters import few_clusters, rests_on
from afield.analysis.ranking.compare import Ranking
from afield.report import words
from afield.report.behind import Part
from afield.report.chosen_charts import AS_TRAINED, JOINED, SCALED, reliability_chart, subgroup_chart
from afield.report.figures import Figure, Figures
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.report.single_images import single_images
from afield.scoring.intervals import Interval
from afield.scoring.metrics import METRICS, metric_title
from afield.scoring.per_class import per_class
from afield.scoring.reliability import reliability
from afield.scoring.settling import temperature
from afield.study.record import StudyRecord

FOLDED = 12
"""rows beyond which a table is folded"""
_DRAWN = 24
"""subgroups that a chart may show"""
_LISTED = 40
"""subgroups that a page lists; the largest are"""


@dataclass(frozen=True)
class SubgroupSection:
    """One column of subgroups."""

    column: str
    words: str
    chart: Figure | None
    table: Table
    left_out: str
    """how many more there are; empty where all are listed"""


@dataclass(frozen=True)
class Reliability:
    """How sure the network is, against how often it is right."""

    words: tuple[str, ...]
    chart: Figure
    table: Table


@dataclass(frozen=True)
class ChosenSection:
    """All that is said of the network that stands for the winner."""

    who: str
    few: str
    """what to mind of few clusters; empty where there are enough"""
    classes: Table
    subgroups: tuple[SubgroupSection, ...]
    reliability: Reliability | None
    """None where a sample may have several classes"""
    images: tuple[Part, ...]
    """confusions, the worst and the most disputed images; none in such a case either"""


def chosen_section(
    record: StudyRecord, ranking: Ranking, subgroups: tuple[Subgroups, ...], figures: Figures, names: Mapping[str, str]
) -> ChosenSection | None:
    """The winner's network; None where there is no winner. Its charts go into `figures`."""
    network = chosen_network(record, ranking)
    if network is None:
        return None
    name = names[network.backbone]
    selection = record.task(ranking.task).selection
    return ChosenSection(
        who=f"{name} under seed {network.seed}: the network that afield predict uses (training {network.key}).",
        few=few_clusters(ranking.n_test, ranking.n_clusters),
        classes=_classes(network, selection),
        subgroups=tuple(_subgroups(each, name, figures) for each in subgroups),
        reliability=None if network.test.several else _reliability(record, network, name, selection, figures),
        images=single_images(record, ranking, network, figures, names),
    )


def _classes(network: ChosenNetwork, selection: str) -> Table:
    table = per_class(network.decided)
    clustered = len(set(network.test.cluster)) < len(network.test.label)
    unknown = bool(table["unknown"].any())
    heads = ["class", "test images", *(["clusters"] if clustered else []), *(["not known of"] if unknown else [])]
    rows = []
    for row in table.to_dict("records"):
        counts = [f"{row['n']:,}", *([f"{row['n_clusters']:,}"] if clustered else [])]
        counts += [f"{row['unknown']:,}"] if unknown else []
        numbers = (
            words.with_interval(Interval(row["recall"], row["low"], row["high"])) if row["n"] else "no test image",
            "never said" if pd.isna(row["precision"]) else words.number(row["precision"], 3),
            words.number(row["f1"], 3) if row["n"] else "\u2014",
        )
        rows.append(Row(row["class"], row["class"], "", (*counts, *numbers)))
    caption = (
        "Recall: share of the images of a class that it finds, in brackets the 95\u00a0% interval "
        f"({'bootstrap over clusters' if clustered else 'exact'}); precision: share of what it calls so that is so"
    )
    if network.metric.settle is not None:
        caption += f"; decided as {metric_title(network.metric.name)} settles it on {selection}"
    elif network.test.several:
        caption += "; a label is said from a probability of a half on"
    return Table(caption, (*heads, "recall", "precision", "F1"), tuple(rows))


def _subgroups(found: Subgroups, name: str, figures: Figures) -> SubgroupSection:
    title, table = metric_title(found.metric), found.table
    listed = table.loc[table.index.isin(table["n"].nlargest(_LISTED).index)]
    rows = tuple(
        Row(
            row["subgroup"],
            row["subgroup"],
            "behind the whole" if row["subgroup"] == found.worst else "",
            (
                f"{row['n']:,}",
                f"{row['n_clusters']:,}",
                row["why"] or words.with_interval(Interval(row["value"], row["low"], row["high"])),
            ),
        )
        for row in listed.to_dict("records")
    )
    more = len(table) - len(listed)
    return SubgroupSection(
        column=found.column,
        words=found.words,
        chart=_subgroup_figure(found, listed, name, figures),
        table=Table(
            f"Test {title} of {name} by {found.column}, in brackets 95\u00a0% intervals that hold together",
            (found.column, "test images", "clusters", title),
            rows,
        ),
        left_out=f"{more} smaller ones: afield table OUT --by {found.column}" if more else "",
    )


def _subgroup_figure(found: Subgroups, listed: pd.DataFrame, name: str, figures: Figures) -> Figure | None:
    """The subgroups that have a number; None for fewer than two, or for more than one can read."""
    title, told = metric_title(found.metric), listed.dropna(subset=["value"])
    if not 2 <= len(told) <= _DRAWN:
        return None
    shown = [words.with_interval(Interval(row["value"], row["low"], row["high"])) for row in told.to_dict("records")]
    rows = told.assign(name=told["subgroup"], words=shown, worse=told["subgroup"] == found.worst)
    listing = "; ".join(f"{who} {what}" for who, what in zip(rows["name"], shown, strict=True))
    return figures.add(
        subgroup_chart(rows[["name", "value", "low", "high", "words", "worse"]], found.whole, metric=title),
        name=f"by {found.column}",
        alt=f"{title} of {name} by {found.column}: {listing}; on all test images {found.whole:.3f}.",
        reading=f"The line is all test images, {found.whole:.3f}. The intervals allow for the number of subgroups; "
        "one that does not reach the line is a subgroup in which it does clearly worse or better.",
    )


def _reliability(
    record: StudyRecord, network: ChosenNetwork, name: str, selection: str, figures: Figures
) -> Reliability:
    before = reliability(network.test)
    after = reliability(temperature(network.validation)(network.test))
    series = {AS_TRAINED: before, SCALED: after}
    bins = pd.concat([table[table["n"] > 0].assign(of=of) for of, table in series.items()], ignore_index=True)
    errors = [_error(record, network, metric) for metric in ("calibration_error", "calibration_error_scaled")]
    told = words.with_interval(errors[0]), words.with_interval(errors[1])
    lean = float(np.nansum((before["confidence"] - before["accuracy"]) * before["n"])) / len(network.test.label)
    rests = rests_on(len(network.test.label), len(set(network.test.cluster)))
    chart = figures.add(
        reliability_chart(bins[["of", "confidence", "accuracy", "n"]]),
        name="reliability",
        alt=f"Confidence of {name} against the share that is right, in bins. Calibration error {told[0]} as trained, "
        f"{told[1]} after temperature scaling. "
        + "; ".join(f"{of}: {_points(table)}" for of, table in series.items())
        + ".",
        reading="On the dashed line it is as often right as it is sure; below it, it is too sure. Areas stand for test "
        f"images; bins of fewer than {JOINED} are not joined.",
    )
    rows = tuple(
        Row(f"{low:.2f} to {high:.2f}", f"{low:.2f}", "", (*_bin(before, at), *_bin(after, at)))
        for at, (low, high) in enumerate(zip(before["low"], before["high"], strict=True))
        if before["n"][at] or after["n"][at]
    )
    return Reliability(
        words=(
            f"Calibration error {told[0]} as trained, {told[1]} after temperature scaling fitted on {selection}; "
            f"95\u00a0% intervals from {rests}, which lean upward.",
            f"As trained, it is on average {abs(100 * lean):.1f} points {'surer' if lean > 0 else 'less sure'} than it "
            "is right.",
        ),
        chart=chart,
        table=Table(
            "Test images by how sure it is: their number, mean probability of what it says, and share that is right",
            (
                *("probability", "images, as trained", "sure", "right"),
                *("images, scaled", "sure", "right"),
            ),
            rows,
        ),
    )


def _error(record: StudyRecord, network: ChosenNetwork, metric: str) -> Interval:
    """As it was recorded with the network; without its interval where it was not."""
    rows = record.results[(record.results["key"] == network.key) & (record.results["metric"] == metric)]
    if rows.empty:
        value = METRICS[metric].on(network.validation).compute(network.test)
        return Interval(value, float("nan"), float("nan"))
    value, low, high = (float(rows[column].iloc[0]) for column in ("value", "low", "high"))
    return Interval(value, low, high)


def _points(table: pd.DataFrame) -> str:
    shown = table[table["n"] > 0]
    return ", ".join(
        f"{confidence:.2f} sure {accuracy:.2f} right"
        for confidence, accuracy in zip(shown["confidence"], shown["accuracy"], strict=True)
    )


def _bin(table: pd.DataFrame, at: int) -> tuple[str, str, str]:
    n = int(table["n"][at])
    if not n:
        return "0", "\u2014", "\u2014"
    return f"{n:,}", words.number(table["confidence"][at], 3), words.number(table["accuracy"][at], 3)
