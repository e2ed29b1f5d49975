"""What `afield rank` and `afield compare` print."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from afield.analysis.candidate import Residual, against_the_line, pooled
from afield.analysis.clusters import rests_on
from afield.analysis.compare import Ranking, rank_backbones, ranked_intervention
from afield.analysis.curse import winners_curse
from afield.analysis.over_tasks import OverTasks, over_tasks
from afield.analysis.paired import PairedScores
from afield.analysis.pairs import Discordant, Pair, Places, discordant, places_of
from afield.analysis.words import capital, count, gain_words, level_words, listing, p_words, signed, size_words, spelled
from afield.base.errors import InputError, nearest
from afield.base.text import columns
from afield.scoring.intervals import LEVEL
from afield.scoring.metrics import direction, in_points, metric_title
from afield.study.record import StudyRecord
from afield.study.study import PLAIN


def describe_places(record: StudyRecord, intervention: str | None = None) -> str:
    """The backbones of each task with their ranks and letters, and over the tasks where there are several.

    `intervention`: whose results; by default plain. Raises InputError for one that the study has not, and where
    networks were not scored on the same test samples.
    """
    chosen = _intervention(record, intervention)
    rankings = [rank_backbones(record, task.name, chosen) for task in record.tasks]
    parts = [_one_task(record, ranking) for ranking in rankings]
    together = over_tasks([ranking.places for ranking in rankings if ranking.places])
    return "\n\n".join([*parts, *([_all_tasks(together)] if together else [])])


def describe_pair(record: StudyRecord, first: str, second: str, intervention: str | None = None) -> str:
    """What two backbones differ by on each task on which both were scored.

    Raises InputError for a backbone or an intervention that the study has not, and for two that share no task.
    """
    chosen = _intervention(record, intervention)
    known = [row.backbone.id for row in record.backbones]
    for name in (first, second):
        if name not in known:
            raise InputError(f"{name}: is not in this study; {nearest(name, known)}")
    if first == second:
        raise InputError(f"{first}: was given twice; name two backbones")
    parts = []
    for task in record.tasks:
        places = places_of(record, task.name, chosen)
        pair = next((each for each in places.pairs if {each.first, each.second} == {first, second}), None)
        if pair is not None:
            turned = pair if pair.first == first else _turned(pair)
            parts.append("\n".join(_two(places, turned, discordant(record, task.name, first, second, chosen))))
    if not parts:
        missing = [line for task in record.tasks for line in rank_backbones(record, task.name, chosen).missing]
        raise InputError("\n".join([f"{first} and {second}: no task has scores of both under {chosen}", *missing]))
    return "\n\n".join(parts)


def describe_candidate(record: StudyRecord, name: str, intervention: str | None = None) -> str:
    """Whether a backbone does better on each task than its ImageNet accuracy explains, and over all of them.

    Under an intervention it is held against the others' plain line. Raises InputError as `against_the_line` does.
    """
    baseline = ranked_intervention(record)
    chosen = _intervention(record, intervention)
    known = [row.backbone.id for row in record.backbones]
    if name not in known:
        raise InputError(f"{name}: is not in this study; {nearest(name, known)}")
    found, lines = [], []
    for task in record.tasks:
        residual = _of_task(record, task.name, name, chosen, baseline)
        lines.append(residual if isinstance(residual, str) else _beside_the_line(residual, baseline))
        found += [] if isinstance(residual, str) or residual.trouble or not in_points(residual.metric) else [residual]
    return "\n".join([*lines, *_pooled(found)])


def describe_candidate_elsewhere(
    record: StudyRecord, name: str, others: pd.DataFrame, intervention: str | None = None
) -> str:
    """The same against the line that the backbones of another results table draw under plain, on the tasks whose
    leading metric it has, too.

    Errors of both sides are those that the tables tell, and count as independent. Raises InputError where no task is in
    both, and as `against_the_line` does.
    """
    chosen = _intervention(record, intervention)
    leading = {task.name: record.metric(task.name).name for task in record.tasks}
    rows = record.results[record.results["metric"] == record.results["task"].map(leading)]
    there = set(zip(others["task"], others["metric"], strict=True))
    found = [
        each
        for each in against_the_line(rows, name, intervention=chosen, others=others)
        if (each.task, each.metric) in there
    ]
    if not found:
        mine = [f"{task} by {metric}" for task, metric in leading.items()]
        theirs = [f"{task} by {metric}" for task, metric in sorted(there)]
        raise InputError(
            f"{name}: the other table has no task of this study by its leading metric; here {listing(mine)}, there "
            f"{listing(theirs)}. Call them alike"
        )
    found = [replace(each, expected=each.expected.cut(*record.metric(each.task).range)) for each in found]
    mind = "The others were trained elsewhere: what recipes, splits and image sizes differ in is in the residual, too."
    points = [each for each in found if not each.trouble and in_points(each.metric)]
    return "\n".join([*(_beside_the_line(each, PLAIN) for each in found), *_pooled(points), mind])


def _pooled(found: Sequence[Residual]) -> list[str]:
    mean = pooled(found)
    if mean is None:
        return []
    return [
        f"Over {count(len(found), 'task')}: {signed(mean.value)} points of their metrics ({signed(mean.low)} to "
        f"{signed(mean.high)} over tasks like these). A backbone may lie off the line on all tasks alike by chance: "
        "what one reaches on many tasks is one case of a backbone."
    ]


def _of_task(record: StudyRecord, task: str, name: str, intervention: str, baseline: str) -> Residual | str:
    """The candidate's residual on a task, or why it has none."""
    metric = record.metric(task)
    if metric.direction == "lower":
        return f"{task}: {metric_title(metric.name)} is better when lower, so it is not held against ImageNet accuracy."
    scores = PairedScores.of(record, task, metric, (intervention, baseline))
    if (name, intervention) not in scores.networks:
        missing = [line for line in rank_backbones(record, task, intervention).missing if line.startswith(name)]
        return f"{task}: {' '.join(missing) or f'{name} has no results under {intervention}.'}"
    rows = record.results
    rows = rows[(rows["task"] == task) & (rows["metric"] == metric.name)]
    networks = {backbone: each for (backbone, under), each in scores.networks.items() if under == baseline}
    networks[name] = scores.networks[name, intervention]
    (found,) = against_the_line(
        rows, name, intervention=intervention, baseline=baseline, covariance=scores.covariance(networks)
    )
    return replace(found, expected=found.expected.cut(*metric.range))


def _beside_the_line(found: Residual, baseline: str) -> str:
    head = f"{found.task}: {metric_title(found.metric)} {found.value:.3f}"
    if found.trouble:
        return f"{head}; what to expect of it by the other backbones is not known. {found.trouble}"
    expected = (
        f"{found.expected.value:.3f} ({found.expected.low:.3f} to {found.expected.high:.3f}{_of_families(found)})"
    )
    drawn_out = "; the line had to be drawn out to it, so mind" if found.outside else ""
    verdict = (
        f"{'better' if found.residual.value > 0 else 'worse'} than its ImageNet accuracy explains"
        if found.clear
        else "as its ImageNet accuracy explains, as far as can be told"
    )
    return (
        f"{head}, where {count(found.others, 'other backbone')} ({baseline}) let {found.imagenet_top1:.1f} % on "
        f"ImageNet expect {expected}{drawn_out}: {verdict}, {gain_words(found.residual, found.metric)}."
    )


def _of_families(found: Residual) -> str:
    """What the limits allow for, where the candidate's kin are not among the others."""
    if not found.families:
        return ""
    return f", for one of a family of its own, by how {spelled(found.families)} families left out are missed"


def _intervention(record: StudyRecord, name: str | None) -> str:
    named = record.study.study.interventions
    if name is None:
        return ranked_intervention(record)
    if name not in named:
        raise InputError(f"{name}: is no intervention of this study; {nearest(name, named)}")
    return name


def _one_task(record: StudyRecord, ranking: Ranking) -> str:
    places, title = ranking.places, metric_title(ranking.metric)
    if places is None or not places.places:
        return f"{ranking.task}: nothing was scored under {ranking.intervention}."
    rows = [
        (
            str(place.rank),
            place.backbone,
            level_words(place.test),
            f"{place.best_rank} to {place.worst_rank}",
            place.letters,
            "chosen on validation" if place.backbone == ranking.winner else "",
        )
        for place in places.places
    ]
    lines = [
        f"{places.task}: {title}{_lower(places.metric)} on {rests_on(places.n_test, places.n_clusters)}, "
        f"{places.intervention}",
        columns(rows, ("rank", "backbone", title, "may rank", "alike", "")),
        *_notes(places, ranking, winners_curse(record, ranking)),
    ]
    return "\n".join(lines)


def _notes(places: Places, ranking: Ranking, bias: float | None) -> Iterator[str]:
    pairs = count(len(places.pairs), "pair")
    if places.pairs:
        yield f"Backbones that share a letter cannot be told apart ({pairs}; all of it holds together at 95 %)."
    yield from ranking.missing
    if places.compares == "networks":
        yield "One seed: trained networks are compared, not backbones; another seed may order them otherwise."
    if bias is not None:
        yield (
            f"The best of {len(places.places)} on validation flatters itself there by "
            f"{size_words(bias, places.metric)} or more, for being the best (luck of the images alone). Its value on "
            "test is not flattered, since test chose nothing; the first row's is, where that is another one."
        )


def _all_tasks(found: OverTasks) -> str:
    rows = [
        (f"{rank:.2f}", name, letters)
        for rank, name, letters in zip(found.mean_rank, found.backbones, found.letters, strict=True)
    ]
    heads = ("mean rank", "backbone", "alike")
    return "\n".join([f"Over {count(len(found.tasks), 'task')}", columns(rows, heads), *over_tasks_words(found)])


def over_tasks_words(found: OverTasks) -> Iterator[str]:
    """What to know of mean ranks, a sentence each: whether they can tell any two apart, and who is not among them."""
    if not found.possible:
        yield (
            f"{capital(count(len(found.tasks), 'task'))} cannot tell any two of "
            f"{count(len(found.backbones), 'backbone')} apart, however they differ: by signed ranks that takes more "
            "tasks."
        )
    if not math.isnan(found.friedman_p):
        yield f"Friedman's test of no difference at all: {p_words(found.friedman_p)}."
    if found.left_out:
        yield f"Not in it, for want of a task: {listing(found.left_out)}."


def _two(places: Places, pair: Pair, counted: list[Discordant]) -> Iterator[str]:
    yield (
        f"{places.task}: {pair.first} minus {pair.second}, {gain_words(pair.difference, places.metric)}"
        f"{_lower(places.metric)}"
    )
    if pair.why_not:
        yield f"  {pair.why_not}"
    else:
        verdict = "clearly apart" if pair.p < 1 - LEVEL else "not told apart"  # one pair is asked about
        yield (
            f"  {verdict} on {rests_on(places.n_test, places.n_clusters)}: {p_words(pair.p)}, or "
            f"{p_words(pair.p_all)} where all {count(len(places.pairs), 'pair')} of the task are looked at"
        )
    if places.compares == "networks":
        yield "  one seed: this compares two trained networks, not backbones"
    for line in counted:
        yield (
            f"  seed {line.seed}: {line.only_first} images only {pair.first} has right, {line.only_second} only "
            f"{pair.second} (McNemar's exact {p_words(line.p)}{_independent(places)})"
        )


def _independent(places: Places) -> str:
    return ", were images of a cluster independent" if places.n_clusters < places.n_test else ""


def _lower(metric: str) -> str:
    return " (lower is better)" if direction(metric) == "lower" else ""


def _turned(pair: Pair) -> Pair:
    """The same pair with the second one first."""
    return replace(pair, first=pair.second, second=pair.first, difference=pair.difference.turned())
