"""What a study will take, before it runs: its searches, hours, memory and disk, what is missing, what is done.

It needs neither data nor weights: what is not here is counted from what is known of it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.base.process import cores
from afield.study.duration import seconds_of
from afield.study.engines.slots import settled_slots
from afield.study.plan import Plan
from afield.study.planning.budget import fitted
from afield.study.planning.budgeted import with_kept
from afield.study.planning.estimate import Span, estimate, paces_of, seconds_to_prepare, span
from afield.study.planning.missing import Missing, missing_of, unmendable
from afield.study.planning.probe_steps import measure
from afield.study.planning.resources import Disk, Memory, disk_of, images_to_prepare, largest_need, memory_of
from afield.study.planning.speeds import Probe, Timing, assumed, timing_of
from afield.study.planning.workload import Workload, distinct, workloads
from afield.study.preparing.make_plan import plan_of
from afield.study.preparing.micro_batches import with_settled
from afield.study.preparing.needs import Looked, look
from afield.study.preparing.numerics import settle_numerics
from afield.study.running.ledger import Ledger
from afield.study.running.standing import lines_left
from afield.study.store import Store
from afield.study.study import Study
from afield.training.numerics import NumericsChoice, settle


@dataclass(frozen=True)
class Left:
    """What a result folder lacks of a study."""

    epochs: Mapping[tuple[str, str, str], int]
    """still to train, by search; of those whose data or weights are not here nothing is known"""
    trainings: int
    """that need nothing more"""
    failed: int
    seconds: Span
    ledger: Ledger
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """What a study will take."""

    study: Study
    """as its budget leaves it"""
    out: Path
    loads: tuple[Workload, ...]
    numerics: NumericsChoice
    slots: int
    short: str
    """words where memory holds fewer trials than cores do; else empty"""
    timing: Timing
    seconds: Span
    """of the whole study, as if nothing of it were there yet; of searches of unknown size nothing is counted"""
    memory: Memory
    disk: Disk
    missing: tuple[Missing, ...]
    against: tuple[str, ...]
    """what speaks against the study itself"""
    plan: Plan | None
    """of all that is here"""
    whole: bool
    """whether that is everything"""
    left: Left | None = None
    """None where the folder holds nothing yet"""
    budget: str = ""
    used: float = 0.0
    """seconds of the budget that runs into this folder have taken"""
    unfitted: str = ""
    """why no cut fits the budget"""

    @property
    def trained(self) -> tuple[Workload, ...]:
        """The workloads that are trained, each once."""
        return distinct(self.loads)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Tasks whose number of images nobody knows before their data are here."""
        return tuple(dict.fromkeys(load.task for load in self.loads if load.images is None))


def forecast(
    study: Study,
    out: Path,
    *,
    sources: Sources,
    data: Path | None,
    cache: Path,
    budget: str | None = None,
    slots: int | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda words: None,
    probe: Probe | None = measure,
) -> Forecast:
    """Look at everything that a study needs, measure what can be measured (unless `probe` is None), and estimate.

    Nothing is downloaded, trained or written into `out`. Raises InputError for a folder that is not ours, for a
    budget that is no duration, and where not one backbone can be found.
    """
    store = _store(out)
    kept = None if store is None else store.budgets.read(study.study.name)
    budget = budget or study.study.budget or (kept.budget if kept is not None else None)
    if budget is not None:
        seconds_of(budget)
    study = with_kept(study, kept)
    numerics, lacking = _numerics(study, out)
    looked = look(study, cache, sources, data, download=False)
    if not looked.needs.backbones:  # nothing could be counted
        raise InputError("\n".join(dict.fromkeys(problem.words for problem in looked.problems)))
    trials = [(load.backbone, load.recipe) for load in distinct(workloads(study, looked))]
    here, workers = settled_slots(numerics, slots, workers, need=largest_need(trials, numerics))
    slots = here.count
    missing = missing_of(study, looked, data)
    against = (*lacking, *unmendable(looked, missing))
    plan = None if against else _plan(study, looked, numerics, out)
    timing = assumed(numerics) if lacking else timing_of(plan, numerics, slots, workers, cache, say, probe)

    def seconds(smaller: Study) -> Span:
        loads = distinct(workloads(smaller, looked))
        return estimate(loads, timing, slots, _preparing(plan, loads, timing, cache, whole=not looked.problems))

    unfitted = ""
    if budget is not None and kept is None:
        try:
            study = fitted(study, budget, lambda smaller: seconds(smaller).middle)
        except InputError as error:
            unfitted = str(error)
        plan = None if against else _plan(study, looked, numerics, out)
    loads = workloads(study, looked)
    complete = plan is not None and not looked.problems
    found = Forecast(
        study=study,
        out=out,
        loads=loads,
        numerics=numerics,
        slots=slots,
        short=here.short,
        timing=timing,
        seconds=seconds(study),
        memory=memory_of([(load, timing.speed(load)) for load in distinct(loads)], slots),
        disk=disk_of(distinct(loads), plan if complete else None, cache, len(study.study.seeds)),
        missing=missing,
        against=against,
        plan=plan,
        whole=complete,
        budget=budget or "",
        used=0.0 if store is None else store.budgets.used(study.study.name),
        unfitted=unfitted,
    )
    return found if store is None or plan is None else replace(found, left=_left(found, plan, store, cache))


def _store(out: Path) -> Store | None:
    """The result folder; None where nothing is there yet."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / "afield.json").is_file():
        raise InputError(f"{out}: is not empty and no result folder of afield; name a new folder with --out")
    return Store.open(out)


def _numerics(study: Study, out: Path) -> tuple[NumericsChoice, tuple[str, ...]]:
    """The study's numerics as they are, or would be, settled for the folder; where this machine lacks the device, as
    they would be on one that has it, with the words for that.
    """
    settled_in = out if (out / "numerics.toml").exists() else None
    try:
        return settle_numerics(study.numerics, settled_in, study.study.protocol), ()
    except InputError as error:
        if study.numerics.device == "auto":
            raise
        return settle(study.numerics, study.numerics.device), (str(error),)


def _plan(study: Study, looked: Looked, numerics: NumericsChoice, out: Path) -> Plan | None:
    """The plan of all that is here; without interventions that change training splits where it is not everything, for
    what they change is looked at last.
    """
    plan = plan_of(study, looked.needs, numerics)
    if looked.problems:
        unchanged = [name for name in study.study.interventions if not study.training_of(name).tasks()]
        kept = tuple(search for search in plan.searches if search.intervention in unchanged)
        plan = replace(plan, searches=kept)
    return with_settled(plan, out) if plan.searches else None


def _preparing(plan: Plan | None, loads: tuple[Workload, ...], timing: Timing, cache: Path, *, whole: bool) -> float:
    """Seconds of preparing what is not prepared yet."""
    if plan is not None and whole:
        return seconds_to_prepare(images_to_prepare(plan, cache), timing, cores())
    return seconds_to_prepare(disk_of(loads, None, cache, 0).images or 0, timing, cores())


def _left(found: Forecast, plan: Plan, store: Store, cache: Path) -> Left:
    """What the folder lacks."""
    damaged: list[str] = []
    ledger = Ledger(plan, store, lambda key, error: damaged.append(str(error)))
    outlooks = {search.identity: ledger.outlook(search) for search in plan.searches}
    paces = paces_of([load for load in found.loads if not load.unfit], found.timing)
    lines = lines_left(ledger, paces)
    begun = {search.identity: (paces[search.identity], line) for search, line in zip(plan.distinct, lines, strict=True)}
    preparing = _preparing(plan, found.trained, found.timing, cache, whole=found.whole) if any(map(any, lines)) else 0.0
    return Left(
        epochs={identity: outlook.left for identity, outlook in outlooks.items()},
        trainings=sum(ledger.outlook(search).done for search in plan.distinct),
        failed=len(ledger.failed()),
        seconds=span(begun, found.slots, preparing),
        ledger=ledger,
        damaged=tuple(damaged),
    )
