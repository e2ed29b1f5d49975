"""Plans, records and catalogues as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill

import pandas as pd

from afield.backbones.fetch import Order
from afield.backbones.show import describe_cost
from afield.backbones.weights import sources
from afield.base.errors import InputError
from afield.base.files import write_atomic, write_text
from afield.images.prepared import cache_folder, estimate_bytes
from afield.study.ledger import Ledger
from afield.study.plan import Plan
from afield.study.record import StudyRecord, absence_words
from afield.study.search import rung_sizes
from afield.study.store import Store
from afield.study.study import Study, with_backbones
from afield.tasks.builtin import TASKS, find_task
from afield.tasks.data import load_task
from afield.tasks.task import SPLITS


def columns(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Rows as aligned columns under a header, numbers to the right.

    >>> print(columns([("a", "1.5"), ("bcd", "12")], ("name", "n")))
    name    n
    a     1.5
    bcd    12
    """
    table = [header, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(header))]
    right = [len(rows) > 0 and all(_is_number(row[index]) for row in rows) for index in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count(1, "search", "searches"), count(2, "epoch")
    ('1 search', '2 epochs')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def describe_change(study: Study, backbones: Sequence[str]) -> tuple[Study, str]:
    """A study with other backbones, and words for what they cost and what is left out for want of its backbones."""
    changed = with_backbones(study, backbones)
    gone = [name for name in study.study.interventions if name not in changed.study.interventions]
    lines = [describe_cost(changed.study.backbones)]
    lines += [f"left out: intervention {name}, tried on {', '.join(study.backbones_of(name))} alone" for name in gone]
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
        passes = epochs * plan.training_images(item.task)
        left = () if ledger is None else (str(ledger.outlook(item).left),)
        rows.append((item.task, item.backbone.id, item.intervention, rungs, f"{passes}", f"{epochs}", *left))
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
    lines.append(f"{out}: holds nothing yet" if ledger is None else f"{out}: {_left(ledger)}")
    lines += damaged
    for name, data in plan.tasks.items():
        lines += [f"{name}: {words}" for words in absence_words(data.absent())]
    idle = [name for name in plan.study.interventions if name not in plan.study.study.interventions]
    if idle:
        lines.append(f"Not run, since study.interventions does not name it: {', '.join(idle)}")
    return "\n".join(lines)


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
    epochs, failed = sum(outlook.left for outlook in outlooks), sum(outlook.failed for outlook in outlooks)
    scores = sum(want.kind == "score" for want in ledger.wanted())
    done = f"{count(sum(outlook.done for outlook in outlooks), 'training')} done"
    if failed:
        done += f", {failed} failed (--retry failed tries them again)"
    if epochs:
        return f"{done}; {count(epochs, 'epoch')} left to train"
    return f"{done}; " + (f"{count(scores, 'test score')} left to make" if scores else "nothing left to do")


def _disk(plan: Plan) -> str:
    sizes = {}
    for item in plan.searches:
        data = plan.tasks[item.task]
        for split, rule in plan.rules(item).items():
            images = data.images(split)
            sizes[item.task, split, rule] = estimate_bytes(data.root, images, rule)
    megabytes = sum(sizes.values()) / 1e6
    return f"{f'about {megabytes:.0f}' if megabytes >= 1 else 'under 1'} MB in {cache_folder()}"


def describe_record(record: StudyRecord, out: Path) -> str:
    """What of a study is finished, paused, failed and missing in a result folder."""
    rows = []
    for search in record.searches:
        trials = {trial.key: trial for trial in (*search.cells, *search.repeats)}
        states = Counter(trial.state for trial in trials.values())
        scored = int(record.results.loc[record.results["key"].isin([t.key for t in search.repeats]), "key"].nunique())
        counts = tuple(str(states[state]) for state in ("finished", "paused", "failed", "missing"))
        rows.append(
            (search.task, search.backbone, search.intervention, *counts, f"{scored} of {len(record.study.study.seeds)}")
        )
    header = ("task", "backbone", "intervention", "finished", "paused", "failed", "missing", "scored")
    lines = [
        f"{record.study.study.name}: test splits were read {count(record.test_reads, 'time')} in {out}",
        "",
        columns(rows, header),
    ]
    if not any(trial.history or trial.state != "missing" for search in record.searches for trial in search.cells):
        lines += [
            "",
            "No epoch has ended yet: the run prepares images or trains its first epochs, or it was stopped there; "
            "the same `afield run` goes on.",
        ]
    lines += [f"{task.name}: {words}" for task in record.tasks for words in absence_words(task.absent())]
    ended = [search for search in record.searches if search.chosen]
    if any(cell.state == "paused" for search in ended for cell in search.cells):
        lines += ["", "Paused trainings of a search that has ended were stopped by halving."]
    for failure in record.failures:
        lines.append(
            f"failed: {failure.key} ({failure.backbone}, {failure.intervention}, seed {failure.seed}): {failure.reason}"
        )
    if record.failures:
        lines.append(f"Try again what failed: afield run STUDY --out {out} --retry failed")
    return "\n".join(lines)


def write_table(table: pd.DataFrame, form: str, to: Path | None) -> str:
    """The table as text, or nothing after writing it to a file. Raises InputError for parquet without a file."""
    if form == "parquet":
        if to is None:
            raise InputError("parquet cannot be printed; name a file with --to")
        write_atomic(to, lambda path: table.to_parquet(path, index=False))
        return ""
    text = table.to_csv(index=False).rstrip("\n") if form == "csv" else markdown(table)
    if to is None:
        return text
    write_text(to, text + "\n")
    return ""


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, floats to five digits; what is unknown or not defined is empty."""

    def cell(value: object) -> str:
        if value is None or value is pd.NA or value != value:
            return ""
        return f"{value:.5g}" if isinstance(value, float) else str(value).replace("|", "\\|")

    cells = [[cell(value) for value in row] for row in table.itertuples(index=False)]
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells])


def list_tasks() -> str:
    """The built-in tasks, a line each."""
    rows = [(task.name, str(len(task.classes)), task.metric, task.card.title) for task in TASKS.values()]
    return columns(rows, ("task", "classes", "metric", "title"))


def show_task(name: str) -> str:
    """A task's card, and its counts where the data are here."""
    task = find_task(name)
    card = task.card
    others = ", ".join(name for name in task.panel if name != task.metric)
    entries = {
        "title": card.title, "source": card.source, "application": card.application, "domain": card.domain,
        "licence": card.licence,
        "classes": ", ".join(task.classes), "metric": f"{task.metric}; recorded too: {others}",
        "baseline": card.baseline, "get it": card.get, "citation": card.citation,
    }  # fmt: skip
    lines = [_entry(key, value) for key, value in entries.items() if value]
    try:
        data = load_task(task, "clean", cache_folder())
    except InputError as error:
        return "\n".join([*lines, _entry("images", f"not here: {error}")])
    for split in SPLITS:
        labels = data.table.loc[data.table["split"] == split, "label"]
        counts = ", ".join(f"{int((labels == index).sum())} {label}" for index, label in enumerate(task.classes))
        lines.append(_entry(split, f"{len(labels)} images: {counts}"))
    lines += [_entry("mind", words) for words in absence_words(data.absent())]
    return "\n".join(lines)


def describe_checks(source: str, weights: Path | None) -> Iterator[tuple[str, bool]]:
    """A line for each test of an extension's backbones, as it ends, and whether it was passed. Raises InputError where
    the extension cannot be used.
    """
    from afield.backbones.check import check_extension

    for check in check_extension(source, sources(weights)):
        yield f"{check.backbone}  {check.what:20} {check.outcome:8}  {check.words}", check.outcome != "failed"


def describe_orders(orders: Sequence[Order]) -> str:
    """What is to be fetched, its size and where from."""
    rows = [
        (item.backbone.id, megabytes(item.size), "here" if item.local else "download", item.origin) for item in orders
    ]
    table = columns(rows, ("backbone", "size", "is", "from"))
    sizes = [item.size for item in orders if not item.local]
    if not sizes:
        return f"{table}\n\nNothing to download."
    known = megabytes(sum(size or 0 for size in sizes))
    unknown = ", and those of unknown size" if None in sizes else ""
    return f"{table}\n\n{known} to download{unknown}."


def megabytes(size: int | None) -> str:
    """Bytes as people say them.

    >>> megabytes(12_345_678), megabytes(None)
    ('12.3 MB', 'unknown')
    """
    return "unknown" if size is None else f"{size / 1e6:,.1f} MB"


def _entry(key: str, value: str) -> str:
    return fill(
        f"{key:16}{value}", width=110, subsequent_indent=" " * 16, break_long_words=False, break_on_hyphens=False
    )
