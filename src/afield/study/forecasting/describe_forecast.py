"""What a study will take, as text for a terminal and as plain values for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afield.base.text import columns, count, roughly_bytes
from afield.study.duration import seconds_of, told
from afield.study.forecasting.forecast import Forecast
from afield.study.forecasting.plan_notes import plan_notes
from afield.study.planning.budget import budget_words
from afield.study.planning.estimate import Span
from afield.study.planning.pace import FACTORS, Source
from afield.study.planning.workload import Workload
from afield.study.running.ledger import Ledger
from afield.tasks.places import cache_folder


def describe_forecast(found: Forecast) -> str:
    """The table of searches, then hours, memory and disk, then what is done, and last what is missing."""
    study, left = found.study, found.left
    head = (
        f"{study.study.name}: {count(len(found.loads), 'search', 'searches')} ({study.search.method}), "
        f"{'seed' if len(study.study.seeds) == 1 else 'seeds'} {', '.join(map(str, study.study.seeds))}, "
        f"protocol {study.study.protocol}"
    )
    header = ("task", "backbone", "intervention", "cells@epochs", "image passes", "epochs", "images/s")
    rows = [_row(found, load) for load in found.loads]
    epochs = sum(load.epochs for load in found.trained)
    lines = [head, "", columns(rows, (*header, "left") if left is not None else header), ""]
    lines.append(f"{count(epochs, 'epoch')} in all, repeats included. Numerics: {_numerics(found)}.")
    if study.search.method == "race":
        lines.append(
            "A race: nobody knows who goes on. Its later rungs are counted as spread evenly over the backbones, and "
            "what is left over, the repeats and the score as the dearest one's."
        )
    lines += [*_audit(found), *_hours(found), *_budget(found), *_memory(found), *_disk(found)]
    if found.plan is not None:
        lines += plan_notes(found.plan)
    idle = [name for name in study.interventions if name not in study.study.interventions]
    if idle:
        lines.append(f"Not run, since study.interventions does not name it: {', '.join(idle)}")
    lines.append(f"{found.out}: " + ("holds nothing yet" if left is None else _left(left.ledger)))
    lines += () if left is None else left.damaged
    return "\n".join([*lines, *_unfit(found), *_missing(found)])


def plain_forecast(found: Forecast) -> dict[str, Any]:
    """The same as plain values: seconds, bytes, counts."""
    left, budget = found.left, found.budget
    return {
        "study": found.study.study.name,
        "searches": [_plain_search(found, load) for load in found.loads],
        "trainings": sum(load.cells + load.repeats for load in found.trained),
        "epochs": sum(load.epochs for load in found.trained),
        "image_passes": None if found.unknown else sum(load.passes or 0 for load in found.trained),
        "size_unknown": list(found.unknown),
        "may_grow": found.study.search.extend,
        "numerics": found.numerics.model_dump(mode="json"),
        "slots": found.slots,
        "short_of_memory": found.short,
        "seconds": _plain_span(found.seconds),
        "known_from": sorted({found.timing.speed(load).source for load in found.trained}),
        "memory": vars(found.memory),
        "disk": vars(found.disk),
        "out": str(found.out),
        "left": None if left is None else {
            "trainings_done": left.trainings,
            "epochs": sum(outlook.left for outlook in map(left.ledger.outlook, left.ledger.plan.distinct)),
            "failed": left.failed,
            "seconds": _plain_span(left.seconds),
            "damaged": list(left.damaged),
        },
        "budget": None if not budget else {
            "budget": budget,
            "seconds": seconds_of(budget),
            "used": found.used,
            "cut": None if found.study.cut is None else found.study.cut.model_dump(mode="json"),
            "too_small": found.unfitted,
        },
        "missing": [vars(each) for each in found.missing],
        "against": list(found.against),
    }  # fmt: skip


def _audit(found: Forecast) -> Iterator[str]:
    """What is scored beside the choices, and where it is not, though the study says so."""
    if not found.study.search.audit:
        return
    audits = sum(load.audits for load in found.trained)
    if audits:
        yield (
            f"Audit: {count(audits, 'network')} scored on test beside the chosen ones, once these are written down; "
            "the networks stay until then."
        )
    tasks = [] if found.plan is None else [name for name, data in found.plan.tasks.items() if data.selection == "test"]
    if tasks:
        yield f"No audit of {', '.join(tasks)}: test itself selects there, and was read of every recipe already."


def _row(found: Forecast, load: Workload) -> tuple[str, ...]:
    rungs = " ".join(f"{cells}@{epochs}" for epochs, cells in load.rungs)
    passes = "unknown" if load.passes is None else str(load.passes)
    speed = found.timing.speed(load)
    rate = f"{'' if speed.source == 'measured' else '~'}{1 / speed.train:.3g}"
    named = (load.task, load.backbone.id, load.intervention)
    row = (*named, "impossible", "0", "0", "") if load.unfit else (*named, rungs, passes, str(load.epochs), rate)
    if found.left is None:
        return row
    known = found.left.epochs.get(load.identity)
    return (*row, "" if load.unfit else str(load.epochs if known is None else known))


def _plain_search(found: Forecast, load: Workload) -> dict[str, Any]:
    speed = found.timing.speed(load)
    return {
        "task": load.task,
        "backbone": load.backbone.id,
        "intervention": load.intervention,
        "impossible": load.unfit,
        "rungs": [{"epochs": epochs, "cells": cells} for epochs, cells in load.rungs],
        "repeats": load.repeats,
        "epochs": load.epochs,
        "audits": load.audits,
        "image_passes": load.passes,
        "images_counted": load.images is not None and load.images.exact,
        "images_per_second": 1 / speed.train,
        "known_from": speed.source,
        "left": None if found.left is None else found.left.epochs.get(load.identity),
    }


def _plain_span(span: Span) -> dict[str, float]:
    return {name: round(value, 1) for name, value in vars(span).items()}


def _numerics(found: Forecast) -> str:
    return ", ".join(f"{key} {value}" for key, value in found.numerics.model_dump().items())


def _span(span: Span) -> str:
    return f"about {told(span.middle)} ({told(span.low)} to {told(span.high)})"


def _hours(found: Forecast) -> Iterator[str]:
    """How long it takes, and what that is known from."""
    if not found.trained:
        return
    counted = [load for load in found.trained if load.images is not None]
    words = f"Time: {_span(found.seconds)} on {count(found.slots, 'slot')}"
    if found.left is not None:
        rest = found.left.seconds
        words += f" for the whole study; {f'{_span(rest)} for what is left' if rest.high else 'nothing is left of it'}"
    sources = {found.timing.speed(load).source for load in counted}
    yield f"{words}{'' if counted else ': nothing is known of its images'}." + _known_from(found, sources)
    if any(load.images is not None and not load.images.exact for load in counted):
        yield "Images of tasks that are not here: as published, validation and test by the usual shares."
    if found.unknown:
        tasks = ", ".join(found.unknown)
        yield f"Not in the time: {tasks}, whose number of images is not known before the data are here."
    if found.study.search.extend:
        yield "Searches may grow beyond their grid (search.extend): what that takes on top is not known before."
    for name, reason in found.timing.failed.items():
        yield f"{name}: could not be measured ({reason}); its time is scaled"


def _known_from(found: Forecast, sources: set[Source]) -> str:
    calibration = found.timing.calibration
    scaled = (
        f"from multiply-adds, by {', '.join(calibration.backbones)} as measured here (a factor of "
        f"{FACTORS['scaled']:g} either way)"
        if calibration.backbones
        else f"from multiply-adds, by a speed that is assumed for this kind of device and not measured (a factor of "
        f"{FACTORS['assumed']:g} either way)"
    )
    if not sources:
        return ""
    if sources == {"measured"}:
        return " Known from steps measured here."
    return (
        f" Known {'from steps measured here and, where images/s has a ~, ' if 'measured' in sources else ''}{scaled}."
    )


def _budget(found: Forecast) -> Iterator[str]:
    if not found.budget:
        return
    used = f"; {told(found.used)} of it are used" if found.used else ""
    if found.unfitted:
        yield f"Budget {found.budget}: {found.unfitted.removeprefix('budget: ')}"
    elif found.study.cut is None:
        yield f"Budget {found.budget}: the whole study is within it{used}."
    else:
        yield f"{budget_words(found.study)} What a run begins under a budget is kept in its folder{used}."


def _memory(found: Forecast) -> Iterator[str]:
    memory, gpu = found.memory, found.numerics.device == "cuda"
    if not memory.trial:
        yield "Memory: not known"
        return
    known = "at most" if memory.measured else "roughly"
    yield (
        f"Memory{' of the GPU' if gpu else ''}: {known} {roughly_bytes(memory.trial)} a trial ({memory.backbone}), "
        f"{roughly_bytes(memory.slots)} for {count(found.slots, 'slot')}."
    )
    if found.short:
        yield f"{found.short}."


def _disk(found: Forecast) -> Iterator[str]:
    disk, about = found.disk, "about" if found.whole else "roughly"
    if disk.prepared is None:
        yield f"Prepared images: not known before the data are here; in {cache_folder()}"
    else:
        rest = disk.to_prepare or 0
        there = (
            ", all there" if not rest else f", {roughly_bytes(rest)} still to be made" if rest < disk.prepared else ""
        )
        yield f"Prepared images: {_roughly(about, disk.prepared)} in {cache_folder()}{there}"
    kept = _roughly("roughly", disk.kept)
    yield (
        f"Result folder: {kept} for good (chosen networks, predictions), and checkpoints of "
        f"{_roughly('at most', disk.checkpoints)}, if all cells wait at once"
    )


def _roughly(about: str, size: float) -> str:
    """So many bytes, with how sure that is unless the words themselves leave it open.

    >>> _roughly("about", 4.25e7), _roughly("about", 3e5)
    ('about 42 MB', 'under 1 MB')
    """
    words = roughly_bytes(size)
    return words if words.startswith("under") else f"{about} {words}"


def _unfit(found: Forecast) -> list[str]:
    """What cannot be trained, and what else speaks against the study, each reason once."""
    reasons: dict[str, list[str]] = {}
    for load in found.loads:
        if load.unfit:
            reasons.setdefault(load.unfit, []).append(f"{load.task} x {load.backbone.id} x {load.intervention}")
    lines = [f"impossible: {', '.join(cells)}: {reason}" for reason, cells in reasons.items()]
    lines += [words for words in found.against if words not in reasons]
    return ["", "A run would refuse this study:", *lines] if lines else []


def _missing(found: Forecast) -> list[str]:
    """Everything that is missing, with the command that gets it, and then why."""
    if not found.missing:
        return []
    rows = [(each.kind, each.name, each.command or "see below") for each in found.missing]
    why = [each.words for each in found.missing if not each.command]
    if any(each.command.endswith(" --to weights") for each in found.missing):
        why.append("Weights that are fetched so are found with --weights weights.")
    return ["", "Missing here:", columns(rows, ("what", "of", "command")), *why]


def _left(ledger: Ledger) -> str:
    """What a run into the folder would do, in words."""
    outlooks = [ledger.outlook(search) for search in ledger.plan.distinct]
    epochs, failed = sum(outlook.left for outlook in outlooks), sum(len(outlook.failed) for outlook in outlooks)
    wanted = ledger.wanted()
    scores, soups, audits = (sum(want.kind == kind for want in wanted) for kind in ("score", "soup", "audit"))
    known = {want.trial.key for outlook in outlooks for want in outlook.wants}
    again = [want for want in wanted if want.kind == "train" and want.trial.key not in known]
    epochs += sum(want.until for want in again)  # of networks that soups or audits need, and that have gone
    done = f"{count(sum(outlook.done for outlook in outlooks), 'training')} done"
    if failed:
        done += f", {failed} failed (--retry failed tries them again)"
    if epochs:
        return f"{done}; {count(epochs, 'epoch')} left to train"
    kinds = ((soups, "soup"), (scores, "test score"), (audits, "audit"))
    rest = [count(number, what) for number, what in kinds if number]
    return f"{done}; " + (f"{' and '.join(rest)} left to make" if rest else "nothing left to do")
