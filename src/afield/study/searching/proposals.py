"""Cells that a sampler of optuna proposes: a pure function of the study and of what earlier batches reached.

Optuna keeps nothing: each time the search is played again from its beginning, in memory, every batch with a sampler
that is seeded anew from the stream of its number. So a search that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from afield.base.errors import InputError, nearest
from afield.base.streams import stream_seed
from afield.study.searching.search_choice import Point, Range, SearchChoice, draws, tidy

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

_TRIES = 20
"""times that a sampler may propose what is there already, before a draw stands in its place"""


def check_sampler(search: SearchChoice) -> None:
    """Raises InputError where a search needs optuna and it is not installed, or its sampler cannot propose anything in
    that space.
    """
    if search.method != "optuna":
        return
    _need_optuna()
    import optuna

    with _quiet():
        study = optuna.create_study(sampler=_sampler(search.sampler, 0))
        try:
            for result in (0.0, None):  # some do not think before they know something
                _tell(study, study.ask(_distributions(search.space)).number, result)
            study.ask(_distributions(search.space))
        except (ImportError, ValueError, TypeError, NotImplementedError) as error:
            raise InputError(
                f"search.sampler: {search.sampler}: cannot propose cells of this search.space ({error}); name another, "
                "e.g. TPESampler"
            ) from None


def _need_optuna() -> None:
    if find_spec("optuna") is None:
        raise InputError(
            "search.method = \"optuna\" needs optuna, which is not installed; pip install 'afield[optuna]'"
        )


def propose(search: SearchChoice, seed: int, told: Sequence[float | None]) -> tuple[Point, ...]:
    """The next batch of a search, from what its cells reached so far, in their order: the best validation metric, or
    None of one that failed. The first batch are the study's own draws, the same for every search. `seed` is the study's
    first. No point comes twice. Raises InputError where optuna is not installed.
    """
    _need_optuna()
    import optuna

    with _quiet():
        study = optuna.create_study(direction="maximize")
        points: list[Point] = []
        for batch, size in enumerate(_batches(search)):
            study.sampler = _sampler(search.sampler, stream_seed(seed, "search", "optuna", batch) % 2**32)
            if batch == 0:
                fresh = list(draws(search.space, seed, size))
                numbers = [_enqueued(study, point, search) for point in fresh]
            else:
                fresh, numbers = _asked(study, search, seed, points, told, size)
            results = told[len(points) : len(points) + size]
            points += fresh
            if len(results) < size:
                return tuple(fresh)
            for number, result in zip(numbers, results, strict=True):
                _tell(study, number, result)
    return ()


def _batches(search: SearchChoice) -> Iterator[int]:
    """How many cells each batch has."""
    trials = search.trials or 0
    yield from (min(search.batch, trials - begun) for begun in range(0, trials, search.batch))


def _asked(
    study: Study, search: SearchChoice, seed: int, points: Sequence[Point], told: Sequence[float | None], size: int
) -> tuple[list[Point], list[int]]:
    """A batch that the sampler proposes, with the numbers of its trials. What is there already is told at once as what
    it reached, and asked again.
    """
    fresh: list[Point] = []
    numbers: list[int] = []
    for _ in range(size):
        for _ in range(_TRIES):
            trial = study.ask(_distributions(search.space))
            point: Point = {key: _within(search.space[key], trial.params[key]) for key in search.space}
            if point not in points and point not in fresh:
                number = trial.number
                break
            _tell(study, trial.number, told[points.index(point)] if point in points else None)
        else:
            (point,) = draws(search.space, seed, 1, but=(*points, *fresh))
            number = _enqueued(study, point, search)
        fresh.append(point)
        numbers.append(number)
    return fresh, numbers


def _enqueued(study: Study, point: Point, search: SearchChoice) -> int:
    """The number of a trial at a given point."""
    study.enqueue_trial(dict(point))
    return study.ask(_distributions(search.space)).number


def _tell(study: Study, number: int, result: float | None) -> None:
    from optuna.trial import TrialState

    if result is None:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, result)


def _within(values: Range | tuple[float, ...], value: Any) -> float:  # noqa: ANN401 - of a category anything
    """A proposed value with as many digits as a recipe needs."""
    return min(max(tidy(value), values.low), values.high) if isinstance(values, Range) else float(value)


def _distributions(space: Mapping[str, Range | tuple[float, ...]]) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        key: FloatDistribution(values.low, values.high, log=values.log)
        if isinstance(values, Range)
        else CategoricalDistribution(values)
        for key, values in space.items()
    }


def _sampler(name: str, seed: int) -> BaseSampler:
    """A new sampler of optuna. Raises InputError where there is none of that name, or it needs more than a seed."""
    import optuna.samplers

    known = [each for each in optuna.samplers.__all__ if each.endswith("Sampler") and not each.startswith("Base")]
    if name not in known:
        raise InputError(f"search.sampler: {name}: optuna has no such sampler; {nearest(name, known)}")
    try:
        sampler: BaseSampler = getattr(optuna.samplers, name)(seed=seed)
    except (TypeError, ImportError) as error:
        raise InputError(
            f"search.sampler: {name}: cannot be made from a seed alone ({error}); name another, e.g. TPESampler"
        ) from None
    return sampler


@contextmanager
def _quiet() -> Iterator[None]:
    """Without optuna's lines on the terminal, and its warnings that a part of it is new."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
