"""Plans, runs and records as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.backbones.show import describe_cost
from afield.base.errors import InputError
from afield.base.text import columns, count
from afield.images.prepared import estimate_bytes
from afield.study.changes import with_backbones
from afield.study.ledger import Ledger
from afield.study.plan import Plan, changed_words
from afield.study.protocol import split_of
from afield.study.search import rung_sizes
from afield.study.soups import takes_part
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.places import cache_folder
from afield.tasks.words import absence_words, dropped_words

if TYPE_CHECKING:
    from afield.study.run import Outcome


def describe_change(study: Study, backbones: Sequence[str]) -> tuple[Study, str]:
    """A study with other backbones, and words for what they cost and what is left out for want of its backbones; with
    none named the study as it is, and no words.
    """
    if not backbones:
        return study, ""
    changed = with_backbones(study, backbones)
    gone = [name for name in study.study.interventions if name not in changed.study.interventions]
    lines = [describe_cost(changed.study.backbones)]
    lines += [f"left out: intervention {name}, tried on {', '.join(study.backbones_of(name))} alone" for name in gone]
    joined = (("ensemble", study.ensembles, changed.ensembles), ("soup", study.soups, changed.soups))
    for what, before, after in joined:
        lines += [f"left out: {what} {name}, of which there would be one alone" for name in before if name not in after]
    return changed, "\n".join(lines)


def describe_plan(plan: Plan, out: Path) -> str:
    """What a study would do, and what of it a result folder already has; nothing is written."""
    search, seeds = plan.study.search, plan.study.study.seeds
    damaged: list[str] = []
    ledger = _ledger(plan, out, damaged)
    rows = []
    for item in plan.searches:
        rungs = " ".join(f"{cells}@{epochs}" for epochs, cells in rung_sizes(search, len(item.cells), item.epochs))
        epochs = plan.epochs_of(item)
        left = () if ledger is None else (str(ledger.outlook(item).left),)
        rows.append((item.task, item.backbone.id, item.intervention, rungs, f"{plan.passes(item)}", f"{epochs}", *left))
    head = (
        f"{plan.study.study.name}: {count(len(plan.searches), 'search', 'searches')} ({search.method}), "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}, protocol {plan.study.study.protocol}"
    )
    header = (
        "task",
        "backbone",
        "intervention",
        "cells@epochs",
        "image passes",
        "epochs",
        *(["left"] if ledger else []),
    )
    numerics = ", ".join(f"{key} {value}" for key, value in plan.numerics.model_dump().items())
    lines = [head, "", columns(rows, header), ""]
    lines.append(f"{count(plan.epochs, 'epoch')} in all, repeats included. Numerics: {numerics}.")
    lines.append(f"Prepared images: {_disk(plan)}")
    lines += _parts(plan)
    lines += _soups(plan)
    lines.append(f"{out}: holds nothing yet" if ledger is None else f"{out}: {_left(ledger)}")
    lines += damaged
    for name, data in plan.tasks.items():
        lines += [f"{name}: {words}" for words in (data.task.proposal, plan.incomplete[name]) if words]
        lines += [f"{name}: {words}" for words in (dropped_words(data.dropped), *absence_words(data.absent())) if words]
    lines += changed_words(plan)
    idle = [name for name in plan.study.interventions if name not in plan.study.study.interventions]
    if idle:
        lines.append(f"Not run, since study.interventions does not name it: {', '.join(idle)}")
    return "\n".join(lines)


def _soups(plan: Plan) -> list[str]:
    """A line on the disk that networks of cells take until their soups are made, where there are any."""
    kept = [
        (rung_sizes(plan.study.search, len(search.cells), search.epochs)[-1][1], search.backbone.params_m)
        for search in plan.distinct
        if any("cells" in soup.over and takes_part(soup, search.identity) for soup in plan.study.soups.values())
    ]
    if not kept:
        return []
    megabytes = sum(cells * 4 * params for cells, params in kept if params is not None)
    unknown = "" if all(params is not None for _, params in kept) else ", backbones of unknown size apart"
    cells = count(sum(cells for cells, _ in kept), "cell")
    return [
        f"Soups: the networks of {cells} stay until theirs are made, at most about {megabytes:.0f} MB in the result "
        f"folder{unknown}; the chosen ones and the soups stay for good."
    ]


def _parts(plan: Plan) -> list[str]:
    """Of each backbone that is trained in part, a line that names the part."""
    lines = []
    for name, row in _trained(plan, "last block").items():
        from afield.backbones.parts import last_block_of  # rare, and it needs torch

        lines.append(f"{name}: the last block is {', '.join(last_block_of(row))}")
    for name, row in _trained(plan, "lora").items():
        from afield.backbones.lora import lora_layers_of

        lines.append(f"{name}: LoRA beside {count(len(lora_layers_of(row)), 'linear layer')}")
    return lines


def _trained(plan: Plan, what: str) -> dict[str, Backbone]:
    return {each.backbone.id: each.backbone for each in plan.searches if each.cells[0].recipe.trained == what}


def _ledger(plan: Plan, out: Path, damaged: list[str]) -> Ledger | None:
    """What a folder has of a plan; None where nothing is there yet. Raises InputError for a folder that is not ours."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / "afield.json").is_file():
        raise InputError(f"{out}: is not empty and no result folder of afield; name a new folder with --out")
    return Ledger(plan, Store.open(out), lambda key, error: damaged.append(str(error)))


def _left(ledger: Ledger) -> str:
    """What a run into the folder would do, in words."""
    outlooks = [ledger.outlook(search) for search in ledger.plan.distinct]
    epochs, failed = sum(outlook.left for outlook in outlooks), sum(len(outlook.failed) for outlook in outlooks)
    wanted = ledger.wanted()
    scores, soups = (sum(want.kind == kind for want in wanted) for kind in ("score", "soup"))
    known = {want.trial.key for outlook in outlooks for want in outlook.wants}
    again = [want for want in wanted if want.kind == "train" and want.trial.key not in known]
    epochs += sum(want.until for want in again)  # of networks that soups need, and that have gone
    done = f"{count(sum(outlook.done for outlook in outlooks), 'training')} done"
    if failed:
        done += f", {failed} failed (--retry failed tries them again)"
    if epochs:
        return f"{done}; {count(epochs, 'epoch')} left to train"
    rest = [count(number, what) for number, what in ((soups, "soup"), (scores, "test score")) if number]
    return f"{done}; " + (f"{' and '.join(rest)} left to make" if rest else "nothing left to do")


def _disk(plan: Plan) -> str:
    sizes = {}
    for item in plan.searches:
        data = plan.data_of(item)
        for part, rule in plan.rules(item).items():
            split = split_of(part)
            images, boxes = zip(*data.pictures(split), strict=True)
            whole = item.task if split != "train" else data.fingerprint  # what is changed are training splits alone
            places = [data.place(image) for image in images]
            sizes[whole, split, rule] = estimate_bytes(data.root, places, rule, data.task.reading, boxes)
    megabytes = sum(sizes.values()) / 1e6
    return f"{f'about {megabytes:.0f}' if megabytes >= 1 else 'under 1'} MB in {cache_folder()}"


def describe_outcome(outcome: Outcome) -> str:
    """What a run came to, in a line."""
    done = f"{count(outcome.trained, 'training')} done now ({count(outcome.epochs, 'epoch')})"
    return f"{done}, {outcome.failed} failed, {outcome.missing} results missing"


def where_to_look(out: Path, study: str) -> str:
    """The command that shows what of a study is not there; it names the study where the folder holds several."""
    which = f" --study {study}" if len(Store.open(out).studies()) > 1 else ""
    return f"afield status {out}{which}"
