"""A run under a budget: what it cuts before it trains, and what holds when it goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afield.base.errors import InputError
from afield.base.process import cores
from afield.study.duration import seconds_of, told
from afield.study.folder.budget_files import Budgets, KeptBudget
from afield.study.plan import Plan
from afield.study.planning.budget import budget_words, fitted
from afield.study.planning.estimate import estimate, paces_of, seconds_to_prepare
from afield.study.planning.pace import Pace
from afield.study.planning.probe_steps import measure
from afield.study.planning.resources import images_to_prepare
from afield.study.planning.speeds import Probe, timing_of
from afield.study.planning.workload import distinct, workloads_of
from afield.study.searching.planned_search import Identity
from afield.study.study import Study


def within_budget(
    plan: Plan,
    budgets: Budgets,
    budget: str,
    slots: int,
    workers: int,
    cache: Path,
    say: Callable[[str], None],
    probe: Probe | None = measure,
) -> Study:
    """The study of a plan as it fits into a budget, kept in the folder; speeds that nobody knows yet are measured.
    Raises InputError where no cut of it fits.
    """
    study = plan.study
    timing = timing_of(plan, plan.numerics, slots, workers, cache, say, probe)
    preparing = seconds_to_prepare(images_to_prepare(plan, cache), timing, cores())

    def seconds(smaller: Study) -> float:
        return estimate(distinct(workloads_of(plan, smaller)), timing, slots, preparing).middle

    settled = budgets.first(study.study.name, KeptBudget(budget, fitted(study, budget, seconds).cut))
    smaller = with_kept(study, settled)
    say(budget_words(smaller) or f"budget {budget}: the whole study takes about {told(seconds(study))}")
    return smaller


def holding(study: Study, budgets: Budgets, budget: str | None) -> tuple[KeptBudget | None, str | None]:
    """What a folder has kept of a study's budget, and the budget that holds now: the one that is given, else the
    study's, else the one that was kept. Raises InputError for what is no duration.
    """
    kept = budgets.read(study.study.name)
    holds = budget or study.study.budget or (kept.budget if kept is not None else None)
    if holds is not None:
        seconds_of(holds)
        budgets.lengthen(study.study.name, holds)
    return kept, holds


def with_kept(study: Study, kept: KeptBudget | None) -> Study:
    """The study as the first budget in its folder left it. Raises InputError where its grid is another one now."""
    if kept is None or kept.cut is None:
        return study
    left_out = kept.cut.seeds_left_out
    seeds = tuple(seed for seed in study.study.seeds if seed not in left_out)
    head = study.study.model_copy(update={"seeds": seeds, "budget": kept.budget})
    search = study.search
    if search.space and kept.cut.of == search.trials:
        search = search.model_copy(update={"trials": len(kept.cut.cells)})
    smaller = study.model_copy(update={"study": head, "search": search, "cut": kept.cut})
    try:
        if study.search.space and search is study.search:
            raise ValueError(f"it had {kept.cut.of} trials")
        for intervention in study.study.interventions:
            smaller.cells(intervention)
    except ValueError as error:
        raise InputError(
            f"{study.study.name}: its budget cut another search in this folder ({error}); name a new folder with --out"
        ) from None
    return smaller


def known_paces(plan: Plan, slots: int, workers: int, cache: Path) -> dict[Identity, Pace] | None:
    """The paces of a plan's searches, where each was measured on this machine before; None where one was not."""
    if not (cache / "speeds").is_dir():
        return None  # without torch, which would have to be asked what platform this is
    timing = timing_of(plan, plan.numerics, slots, workers, cache, lambda words: None, None)
    if any(search.identity not in timing.speeds for search in plan.searches):
        return None
    return paces_of(workloads_of(plan), timing)
