"""The run: what is missing -> engine -> store, until nothing is missing.

It keeps no state of its own: a killed run goes on from the files.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from afield.base.errors import InputError, StoreError
from afield.base.process import UNGUARDED, interrupts
from afield.study.collecting.collect import keep_derived
from afield.study.engines.choose import EngineName, Machines, make_engine
from afield.study.engines.slots import Need, settled_slots
from afield.study.folder.budget_files import Clock
from afield.study.folder.look_beside import look_beside
from afield.study.merging.shards import Shard, note_shard, shard_of
from afield.study.plan import Plan, changed_words, task_words
from afield.study.planning.budgeted import holding, with_kept, within_budget
from afield.study.planning.resources import largest_need
from afield.study.preparing.choose import choose_study
from afield.study.preparing.inputs import write_task
from afield.study.preparing.make_plan import plan_of
from afield.study.preparing.micro_batches import settle_micro_batches
from afield.study.preparing.needs import Needs, gather
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.ready import path_of, sources_of
from afield.study.preparing.recipe_words import recipe_words
from afield.study.registered_rules import rule_of
from afield.study.running.claims import Claims
from afield.study.running.nothing_left import Question, known_outcome, note_outcome, question_of
from afield.study.running.one_run import OneRun, bury_killed
from afield.study.running.outcome import Outcome, outcome_of_run
from afield.study.running.standing import Silent, Watch
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.places import cache_folder
from afield.training.numerics import NumericsChoice


def run_study(
    study: Study | str | Path,
    out: str | Path,
    *,
    engine: EngineName = "local",
    address: str | None = None,
    slots: int | None = None,
    trials_per_device: int | None = None,
    workers: int | None = None,
    shard: str | None = None,
    retry_failed: bool = False,
    watch: Watch | None = None,
    weights: str | Path | None = None,
    offline: bool = False,
    data: str | Path | None = None,
    budget: str | None = None,
) -> Outcome:
    """Run a study, or what is missing of it, into a folder.

    `slots` trials run at once (by default as many as cores and memory hold on a CPU, `trials_per_device` on each GPU,
    by default one), each fed by `workers` loader processes (by default none on a CPU, where a trial makes its own
    batches, and up to eight on a GPU). A trial on several devices (numerics.devices) is one slot, and each of its
    processes has so many workers. `engine` says where: "local", on this machine, or "ray", on the cluster at `address`
    (docs/cluster.md). None of it changes a result, but for the micro-batches that a first run on GPUs settles: they
    fit the memory that is left to each of the trials at once. With a `shard`, such as "3/8", the run does that part
    of the searches (docs/slurm.md). `weights` is a folder of weights that goes before their published places, and
    `offline` asks no network (docs/weights.md). `data` is the folder that holds the tasks' folders (docs/tasks.md).
    `budget` ("6h") goes before the study's: what takes longer is cut before it begins, and the run stops when its
    hours are used (docs/plan.md). A script must call this under `if __name__ == "__main__":`, since workers import
    it.

    Raises InputError for what cannot be run, Stopped after Ctrl-C or SIGTERM (its words say whether everything could be
    saved), StoreError where the folder or the disk fails, and AfieldError where workers cannot start.

    >>> outcome = run_study(study, out)
    >>> outcome.complete, outcome.failed
    (True, 0)
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a worker that imports the caller's script
        raise InputError(f"run_study was called while a worker process started. {UNGUARDED}")
    if not isinstance(study, Study):
        study = choose_study(str(study))
    part = None if shard is None else Shard.parse(shard)
    watch = watch or Silent()
    store = Store.create(Path(out))
    numerics = settle_numerics(study.numerics, store.root, study.study.protocol)
    machines = Machines(engine, address, slots, trials_per_device, workers)
    sources, cache = sources_of(weights, offline=offline), cache_folder()
    kept, budget = holding(study, store.budgets, budget)
    if budget is not None and part is not None:
        raise InputError(
            f"a shard with a budget ({budget}): each shard would cut by hours of its own; see what the budget leaves "
            "with `afield plan`, and write that grid into the study"
        )
    study = with_kept(study, kept)
    find = partial(gather, study, cache, sources, path_of(data), watch.download, watch.prepare)
    if part is None and budget is None:
        needs, question = _question(study, store, find)
        known = None if retry_failed else known_outcome(question, store)
        if known is not None:
            outcome, said = known
            _tell(said, watch)
            return outcome
    else:
        needs, question = find(), None
    plan = plan_of(study, needs, numerics)
    if budget is not None and kept is None:
        plan = _within(budget, plan, needs, store, machines, cache, watch)
    sharing = _sharing(machines, plan.numerics)
    plan, said = _begun(plan, store, watch, part, sharing)
    _tell(said, watch)
    outcome, idle = _carry_out(plan, store, machines, watch, budget, sharing, retry_failed=retry_failed)
    lacking = keep_derived(store, plan.study.study.name, plan.metrics, plan.beside)
    _tell(lacking, watch)
    if idle and question is not None:
        note_outcome(question, outcome, (*said, *lacking))
    return outcome


def _tell(said: Iterable[str], watch: Watch) -> None:
    for words in said:
        watch.say(words)


def _question(study: Study, store: Store, find: Callable[[], Needs]) -> tuple[Needs, Question]:
    """All that a study needs, and the question of its run in the state in which the folder is meanwhile."""
    with look_beside(store.root) as state:
        needs = find()
        return needs, question_of(study, needs, store.root, state())


def _carry_out(
    plan: Plan, store: Store, machines: Machines, watch: Watch, budget: str | None, sharing: int, *, retry_failed: bool
) -> tuple[Outcome, bool]:
    """Do what is left of a plan; gives what came of it, and whether nothing was."""
    engine = make_engine(machines, plan.numerics, _need(plan), watch.say)
    with Claims(store.root) as claims, interrupts() as interrupted, engine:
        buried = bury_killed(claims, store)
        clock = None if budget is None else Clock(store.budgets, plan.study.study.name, claims.name, budget)
        run = OneRun(plan, store, claims, engine, watch, clock, sharing)
        run.buried = buried
        run.choices.write_plan()
        if retry_failed:
            run.forget_failures()
        idle = not run.ledger.wanted()
        try:
            run.go(interrupted)
        except BaseException:
            with suppress(StoreError):  # what ended the run is what is told
                run.clear_up()
            raise
        run.clear_up()
        return outcome_of_run(run.ledger, run.trained, run.epochs), idle


def _within(budget: str, plan: Plan, needs: Needs, store: Store, machines: Machines, cache: Path, watch: Watch) -> Plan:
    """The plan as it fits into a budget that has cut nothing yet."""
    if machines.engine == "ray" and machines.slots is None:
        raise InputError("a budget with --engine ray: say with --slots how many trials the cluster runs at once")
    per_device = machines.trials_per_device or 1
    here, workers = settled_slots(plan.numerics, machines.slots, machines.workers, per_device, _need(plan))
    smaller = within_budget(plan, store.budgets, budget, here.count, workers, cache, watch.say)
    return plan if smaller is plan.study else plan_of(smaller, needs, plan.numerics)


def _sharing(machines: Machines, numerics: NumericsChoice) -> int:
    """Trials that share a GPU, or those of one trial, at most."""
    per_device = machines.trials_per_device or 1
    if machines.engine == "ray" or numerics.device != "cuda":
        return per_device
    return settled_slots(numerics, machines.slots, machines.workers, per_device)[0].sharing


def _begun(plan: Plan, store: Store, watch: Watch, part: Shard | None, sharing: int) -> tuple[Plan, list[str]]:
    """The plan as this run begins with it, and what should be said of it; its tasks and the rule of its verdicts are
    noted in the folder.
    """
    plan = settle_micro_batches(plan, store.root, watch.say, sharing)
    plan = plan if part is None else shard_of(plan, part)
    for found in (*plan.changed.values(), *plan.tasks.values()):
        write_task(store, found)
    said = [*task_words(plan), *changed_words(plan), *recipe_words(plan)]
    note_shard(store.root, plan.study.study.name, part)
    leading = {name: data.task.metric for name, data in plan.tasks.items()}
    store.rules.register(plan.study.study.name, rule_of(plan.study, leading), store.scores.reads())
    return plan, said


def _need(plan: Plan) -> Need | None:
    """What the largest trial of a plan takes of memory."""
    return largest_need([(search.backbone, search.largest.recipe) for search in plan.searches], plan.numerics)
