"""From the files of trials to what each search found: its cells, its choice, what it spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afield.study.collecting.context import Context
from afield.study.folder.history import column
from afield.study.record import SearchRecord, TrialRecord, TrialState
from afield.study.searching.growth import has_ended
from afield.study.searching.planned_search import point_of
from afield.study.searching.race import Race
from afield.study.searching.search import Chosen, History, Seen, asked, at_the_end, best_so_far, rungs, seen_in
from afield.study.searching.search_choice import Point, SearchChoice, is_limit
from afield.trial.trial import Trial

_CUT_AXIS = 3
"""values that an axis needs for its ends to be borders"""


def search_records(context: Context, contents: Sequence[Mapping[str, Any]]) -> tuple[SearchRecord, ...]:
    """The searches, one a task, backbone and intervention, as the plan lists them."""
    if context.study.search.method != "race":
        return tuple(_search_record(context, content) for content in contents)
    races: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for content in contents:
        races.setdefault((content["task"], content["intervention"]), []).append(content)
    places: dict[str, tuple[Race, int]] = {}
    for rivals in races.values():
        epochs = context.trials[rivals[0]["cells"][0]].recipe.epochs
        race = Race(context.study.search, tuple(_seen(context, content) for content in rivals), epochs)
        places.update((content["name"], (race, place)) for place, content in enumerate(rivals))
    return tuple(_search_record(context, content, places[content["name"]]) for content in contents)


def _search_record(
    context: Context, content: Mapping[str, Any], in_race: tuple[Race, int] | None = None
) -> SearchRecord:
    """One search; `in_race` is the race that it is in, and its place there."""
    search, keys = context.study.search, content["cells"]
    intervention = content["intervention"]
    seen = _seen(context, content)
    epochs = context.trials[keys[0]].recipe.epochs
    generations = tuple(int(each["cells"]) for each in content.get("generations", [{"cells": len(keys)}]))
    cells = tuple(_trial(context, key, intervention) for key in keys)
    points = [point_of(cell.recipe, search) for cell in cells]
    if in_race is None:
        ended = has_ended(search, points, seen, epochs, generations[0])
        until = asked(search, seen, epochs, generations[0])
    else:
        race, place = in_race
        step, until = race.step_of(place), race.asked_of(place)
        ended = step if isinstance(step, Chosen) else None
    chosen = None if ended is None else ended.cell
    repeats = [] if chosen is None else content["repeats"][chosen]
    whole = () if ended is None else at_the_end(seen, until, epochs)
    axes = _axes(search, points, generations[0])
    spent = [item.history[:reach] for item, reach in zip(seen, until, strict=True)]
    return SearchRecord(
        task=content["task"],
        backbone=content["backbone"],
        intervention=intervention,
        cells=cells,
        axes=axes,
        chosen=None if chosen is None else keys[chosen],
        lost=ended is not None and chosen is None and in_race is not None,
        finalists=tuple(keys[cell] for cell in whole),
        repeats=tuple(_trial(context, key, intervention) for key in repeats),
        borders=() if chosen is None or search.space else _borders(axes, points[chosen]),
        epochs_spent=sum(len(history) for history in spent),
        seconds_spent=sum(sum(column(history, "seconds")) for history in spent),
        asked=until,
        epochs_of_grid=len(keys) * epochs,
        rung_correlation=_rung_correlation(search, spent[: generations[0]], epochs),
        micro_batch=_micro_batch(context.trials[keys[0]]),
        generations=generations,
    )


def _seen(context: Context, content: Mapping[str, Any]) -> tuple[Seen, ...]:
    """What is known of the cells of a search."""
    keys = content["cells"]
    epochs = context.trials[keys[0]].recipe.epochs
    return tuple(seen_in(context.files[key], epochs) for key in keys)


def _axes(search: SearchChoice, points: Sequence[Point], first: int) -> dict[str, tuple[float, ...]]:
    """The searched keys and their values: those of the grid in its order with what was added to them, or all that were
    drawn, rising.
    """
    axes = {}
    for key in search.keys:
        begun = () if search.space else tuple(dict.fromkeys(point[key] for point in points[:first]))
        further = sorted({point[key] for point in points} - set(begun))
        below = [value for value in further if begun and value < min(begun)]
        axes[key] = (*below, *begun, *further[len(below) :])
    return axes


def _micro_batch(trial: Trial) -> int:
    """Samples of a batch that a device took at once, in parts or as its share; 0: all of them."""
    at_once = trial.numerics.at_once(trial.recipe.batch_size)
    return at_once if at_once < trial.recipe.batch_size else 0


def _trial(context: Context, key: str, intervention: str) -> TrialRecord:
    trial, files = context.trials[key], context.files[key]
    state: TrialState = "missing"
    if files.result is not None:
        state = "finished"
    elif files.failure is not None:
        state = "failed"
    elif files.history:
        state = "paused"
    best = _best_epoch(files.history) if files.history else {}
    return TrialRecord(
        key=key,
        task=trial.task,
        backbone=trial.backbone,
        intervention=intervention,
        seed=trial.seed,
        recipe=trial.recipe.model_dump(),
        state=state,
        history=files.history,
        best_epoch=int(best["epoch"]) if best else None,
        validation=best.get("validation"),
        validation_loss=best.get("validation_loss"),
        train_seconds=sum(column(files.history, "seconds")),
    )


def _best_epoch(history: History) -> Mapping[str, float]:
    """The row of the first epoch with the best validation metric."""
    metrics = column(history, "validation")
    return history[metrics.index(max(metrics))]


def _borders(axes: Mapping[str, Sequence[float]], chosen: Point) -> tuple[str, ...]:
    return tuple(
        key for key, values in axes.items()
        if len(values) >= _CUT_AXIS and chosen[key] in (min(values), max(values)) and not is_limit(key, chosen[key])
    )  # fmt: skip


def _rung_correlation(search: SearchChoice, histories: Sequence[History], epochs: int) -> float | None:
    """Spearman correlation of the metric at the first rung and at the end, over the cells that went all the way."""
    first = rungs(search, epochs)[0]
    whole = [history for history in histories if len(history) >= epochs]
    if first == epochs or len(whole) < _CUT_AXIS:
        return None
    early, late = ([best_so_far(history, until)[0] for history in whole] for until in (first, epochs))
    if len(set(early)) == 1 or len(set(late)) == 1:
        return None
    from scipy.stats import spearmanr  # takes a while

    return float(spearmanr(early, late).statistic)
