"""What `afield rank` and `afield compare` print: asked.py's numbers in words, and as plain values for scripts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from afield.analysis.asked import Candidate, Compared, Ranks
from afield.analysis.clusters import rests_on
from afield.analysis.ranking.candidate import Residual
from afield.analysis.ranking.compare import Ranking
from afield.analysis.ranking.mean_ranks import MeanRanks
from afield.analysis.ranking.pairs import Places
from afield.analysis.words import capital, count, gain_words, level_words, listing, p_words, signed, size_words, spelled
from afield.base.text import columns
from afield.scoring.metrics import direction, metric_title

_OF_PLACE = ("backbone", "rank", "best_rank", "worst_rank", "letters")
_OF_RESIDUAL = (
    "metric",
    "imagenet_top1",
    "value",
    "expected",
    "residual",
    "p",
    "clear",
    "outside",
    "others",
    "families",
)


def describe_ranks(found: Ranks) -> str:
    """The backbones of each task with their ranks and letters, and over the tasks where there are several."""
    parts = [_one_task(ranking, bias) for ranking, bias in zip(found.tasks, found.flattered, strict=True)]
    return "\n\n".join([*parts, *([_all_tasks(found.together)] if found.together else [])])


def plain_ranks(found: Ranks) -> dict[str, Any]:
    """The same as plain values; values and limits in each metric's own scale."""
    tasks = []
    for ranking, bias in zip(found.tasks, found.flattered, strict=True):
        places = ranking.places.places if ranking.places else ()
        rows = [{**{name: getattr(place, name) for name in _OF_PLACE}, **vars(place.test)} for place in places]
        about = {**_head(ranking), "winner": ranking.winner, "missing": ranking.missing, "flattered": bias}
        tasks.append({**about, "backbones": rows})
    return {"intervention": found.intervention, "tasks": tasks, "over_tasks": _plain_over(found.together)}


def describe_pairs(found: Sequence[Compared]) -> str:
    """What two backbones differ by on each task."""
    return "\n\n".join("\n".join(_two(each)) for each in found)


def plain_pairs(found: Sequence[Compared]) -> dict[str, Any]:
    """The same as plain values; the difference is first minus second, in each metric's own scale."""
    tasks = [
        {
            **_head(each.places),
            **{name: getattr(each.pair, name) for name in ("difference", "p", "p_all", "why_not")},
            "apart": each.apart,
            "seeds": each.counted,
        }
        for each in found
    ]
    pair, places = found[0].pair, found[0].places
    return {"first": pair.first, "second": pair.second, "intervention": places.intervention, "tasks": tasks}


def describe_candidate(found: Candidate) -> str:
    """Whether a backbone does better on each task than its ImageNet accuracy explains, and over all of them."""
    lines = [
        f"{task}: {each}" if isinstance(each, str) else _beside_the_line(each, found.baseline)
        for task, each in found.tasks.items()
    ]
    if found.mean is not None:
        lines.append(
            f"Over {count(len(found.residuals), 'task')}: {signed(found.mean.value)} points of their metrics "
            f"({signed(found.mean.low)} to {signed(found.mean.high)} over tasks like these). A backbone may lie off "
            "the line on all tasks alike by chance: what one reaches on many tasks is one case of a backbone."
        )
    if found.elsewhere:
        lines.append(
            "The others were trained elsewhere: what recipes, splits and image sizes differ in is in the residual, too."
        )
    return "\n".join(lines)


def plain_candidate(found: Candidate) -> dict[str, Any]:
    """The same as plain values, each metric in its own scale; the mean over tasks in points."""
    tasks = []
    for task, each in found.tasks.items():
        if isinstance(each, str):
            tasks.append({"task": task, **dict.fromkeys(_OF_RESIDUAL), "why_not": each})
        else:
            tasks.append(
                {"task": task, **{name: getattr(each, name) for name in _OF_RESIDUAL}, "why_not": each.trouble}
            )
    about = {"candidate": found.name, "intervention": found.intervention, "baseline": found.baseline}
    return {**about, "elsewhere": found.elsewhere, "tasks": tasks, "over_tasks": found.mean}


def _head(found: Ranking | Places) -> dict[str, Any]:
    """What is compared, and on what."""
    told = {name: getattr(found, name) for name in ("task", "metric", "n_test", "n_clusters", "compares")}
    return {**told, "direction": direction(found.metric)}


def _plain_over(found: MeanRanks | None) -> dict[str, Any] | None:
    if found is None:
        return None
    rows = [
        {"backbone": name, "mean_rank": rank, "letters": letters}
        for name, rank, letters in zip(found.backbones, found.mean_rank, found.letters, strict=True)
    ]
    about = {name: getattr(found, name) for name in ("tasks", "friedman_p", "left_out", "again", "possible")}
    return {**about, "backbones": rows}


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


def _one_task(ranking: Ranking, bias: float | None) -> str:
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
        *_notes(places, ranking, bias),
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
        other = "" if places.places[0].backbone == ranking.winner else "; that of the first row is, as the best here"
        yield (
            f"The best of {len(places.places)} on validation flatters itself there by "
            f"{size_words(bias, places.metric)} or more, for being the best (luck of the images alone). Its value on "
            f"test is not flattered, since test chose nothing{other}."
        )


def _all_tasks(found: MeanRanks) -> str:
    rows = [
        (f"{rank:.2f}", name, letters)
        for rank, name, letters in zip(found.mean_rank, found.backbones, found.letters, strict=True)
    ]
    heads = ("mean rank", "backbone", "alike")
    return "\n".join([f"Over {count(len(found.tasks), 'task')}", columns(rows, heads), *over_tasks_words(found)])


def over_tasks_words(found: MeanRanks) -> Iterator[str]:
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
    if found.again:
        yield f"Of data that count already: {listing(found.again)}."


def _two(found: Compared) -> Iterator[str]:
    places, pair = found.places, found.pair
    yield (
        f"{places.task}: {pair.first} minus {pair.second}, {gain_words(pair.difference, places.metric)}"
        f"{_lower(places.metric)}"
    )
    if pair.why_not:
        yield f"  {pair.why_not}"
    else:
        verdict = "clearly apart" if found.apart else "not told apart"
        yield f"  {verdict} on {rests_on(places.n_test, places.n_clusters)}: {p_words(pair.p)}{_among_all(found)}"
    if places.compares == "networks":
        yield "  one seed: this compares two trained networks, not backbones"
    for line in found.counted:
        yield (
            f"  seed {line.seed}: {line.only_first} images only {pair.first} has right, {line.only_second} only "
            f"{pair.second} (McNemar's exact {p_words(line.p)}{_independent(places)})"
        )


def _among_all(found: Compared) -> str:
    pairs = len(found.places.pairs)
    if pairs == 1:
        return ""
    return f", or {p_words(found.pair.p_all)} where all {count(pairs, 'pair')} of the task are looked at"


def _independent(places: Places) -> str:
    return ", were images of a cluster independent" if places.n_clusters < places.n_test else ""


def _lower(metric: str) -> str:
    return " (lower is better)" if direction(metric) == "lower" else ""
