"""Plans, records and catalogues as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import pandas as pd

from afield.backbones.catalogue import backbone, catalogue
from afield.backbones.weights import locate
from afield.base.errors import InputError
from afield.base.files import write_atomic, write_text
from afield.images.prepared import cache_folder, estimate_bytes
from afield.study.plan import Plan
from afield.study.record import StudyRecord
from afield.study.search import rung_sizes
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


def describe_plan(plan: Plan) -> str:
    """What a study would do: searches, trainings, epochs, image passes."""
    search, seeds = plan.study.search, plan.study.study.seeds
    rows = []
    for item in plan.searches:
        sizes = rung_sizes(search, len(item.cells), item.epochs)
        passes = plan.epochs_of(item) * plan.training_images(item.task)
        rungs = " ".join(f"{cells}@{epochs}" for epochs, cells in sizes)
        rows.append((item.task, item.backbone.id, item.intervention, rungs, str(plan.epochs_of(item)), str(passes)))
    total_epochs = sum(plan.epochs_of(item) for item in plan.searches)
    head = (
        f"{plan.study.study.name}: {count(len(plan.searches), 'search', 'searches')} ({search.method}), "
        f"seeds {', '.join(map(str, seeds))}, protocol {plan.study.study.protocol}"
    )
    numerics = ", ".join(f"{key} {value}" for key, value in plan.numerics.model_dump().items())
    table = columns(rows, ("task", "backbone", "intervention", "cells@epochs", "epochs", "image passes"))
    epochs = f"{count(total_epochs, 'epoch')} in all, repeats included."
    return f"{head}\n\n{table}\n\n{epochs} Numerics: {numerics}.\nPrepared images: {_disk(plan)}"


def _disk(plan: Plan) -> str:
    sizes = {}
    for item in plan.searches:
        data = plan.tasks[item.task]
        for split, rule in plan.rules(item).items():
            images = data.images(split)
            sizes[item.task, split, rule] = estimate_bytes(data.root, images, rule)
    return f"about {sum(sizes.values()) / 1e6:.0f} MB in {cache_folder()}"


def describe_record(record: StudyRecord) -> str:
    """What is finished, paused, failed and missing."""
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
        f"{record.study.study.name}: test splits were read {count(record.test_reads, 'time')}",
        "",
        columns(rows, header),
    ]
    ended = [search for search in record.searches if search.chosen]
    if any(cell.state == "paused" for search in ended for cell in search.cells):
        lines += ["", "Paused trainings of a search that has ended were stopped by halving."]
    for failure in record.failures:
        lines.append(
            f"failed: {failure.key} ({failure.backbone}, {failure.intervention}, seed {failure.seed}): {failure.reason}"
        )
    if record.failures:
        lines.append("Try the failed ones again with: afield run STUDY --out OUT --retry failed")
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
    """A table in Markdown, floats to five digits."""
    cells = [
        [f"{value:.5g}" if isinstance(value, float) else str(value).replace("|", "\\|") for value in row]
        for row in table.itertuples(index=False)
    ]
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
    return "\n".join(lines)


def list_backbones() -> str:
    """The catalogue, a line a backbone."""
    rows = [
        (
            row.id,
            f"{row.imagenet_top1:.1f}",
            str(row.imagenet_size),
            f"{row.params_m:.2f}",
            f"{row.gmacs:.2f}",
            row.family,
            str(row.year),
        )
        for row in catalogue().values()
    ]
    return columns(rows, ("backbone", "ImageNet top-1 %", "at px", "params M", "GMACs", "family", "year"))


def show_backbone(name: str) -> str:
    """All of a backbone's row, its preprocessing, and where its bytes are."""
    row = backbone(name)
    entries = {key.replace("_", " "): value for key, value in vars(row).items()}
    lines = [
        _entry(key, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
        for key, value in entries.items()
    ]
    lines.append(
        _entry(
            "preprocessing",
            f"RGB; short side to the recipe's size ({row.interpolation}, antialiased), centre crop; "
            "(pixel / 255 - mean) / std",
        )
    )
    try:
        weights = locate(row)
    except InputError as error:
        return "\n".join([*lines, _entry("weights", str(error))])
    return "\n".join([*lines, _entry("weights", f"{weights.origin}, {weights.path}"), _entry("sha256", weights.sha256)])


def _entry(key: str, value: str) -> str:
    return fill(
        f"{key:16}{value}", width=110, subsequent_indent=" " * 16, break_long_words=False, break_on_hyphens=False
    )
