"""Where each number of the page comes from: the command that prints it again, and the networks behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from afield.analysis.answer import Answer
from afield.base.hashing import digest
from afield.report import words
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.metrics import metric_title
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class Origins:
    """Commands, hashes and keys."""

    commands: Table
    hashes: tuple[tuple[str, str], ...]
    networks: Table


def origins(record: StudyRecord, found: Answer, names: Mapping[str, str]) -> Origins:
    """What prints each part again, and every network that was scored, with its key."""
    rows = tuple(Row(part, command, "", (command,)) for part, command in _commands(record, found))
    return Origins(
        commands=Table(
            "OUT is the result folder; each part of the page, and what prints its numbers", ("part", "command"), rows
        ),
        hashes=tuple(_hashes(record)),
        networks=_networks(record, found, names),
    )


def _commands(record: StudyRecord, found: Answer) -> Iterator[tuple[str, str]]:
    study = record.study.study.name
    chosen = f" --study {study}"
    yield "the answer", f"afield status OUT{chosen}"
    yield "ranks, letters, mean ranks over tasks", f"afield rank OUT{chosen}"
    ranked = next((part.ranking for part in found.tasks if len(part.ranking.rows) > 1), None)
    if ranked is not None:
        first, second = (row.backbone for row in ranked.rows[:2])
        yield "a difference of two", f"afield compare OUT {first} {second}{chosen}"
    if any(part.fit for part in found.tasks):
        yield "the fit, and what stands behind it", f"afield analyse OUT --all{chosen}"
    yield "all recorded metrics", f"afield table OUT{chosen}"
    if any(part.interventions for part in found.tasks):
        yield "interventions", f"afield table OUT --interventions{chosen}"
    for column in dict.fromkeys(column for task in record.tasks for column in task.subgroups):
        yield f"the chosen one by {column}", f"afield table OUT --by {column}{chosen}"
    yield "this page", f"afield report OUT{chosen}"


def _hashes(record: StudyRecord) -> Iterator[tuple[str, str]]:
    yield "the study as it was resolved", digest(record.study.model_dump(mode="json"), 64)
    for task in record.tasks:
        yield f"data of {task.name}", task.fingerprint
    for used in record.backbones:
        if used.weights_sha256:
            yield f"weights of {used.backbone.id}", used.weights_sha256


def _networks(record: StudyRecord, found: Answer, names: Mapping[str, str]) -> Table:
    """A row a network with its leading metric: what the means over seeds are means of."""
    leading = {part.task: part.ranking.metric for part in found.tasks}
    table = record.results
    rows = []
    if len(table):
        table = table[table["metric"] == table["task"].map(leading)]
        for row in table.to_dict("records"):
            cells = (
                row["task"],
                row["intervention"],
                str(row["seed"]),
                metric_title(row["metric"]),
                words.number(row["validation"], 3),
                words.number(row["value"], 3),
                row["key"],
            )
            rows.append(Row(names.get(row["backbone"], row["backbone"]), row["backbone"], "", cells))
    caption = "Every network that was scored. Its folders are OUT/trials/KEY (how it was trained) and OUT/scores/KEY"
    heads = ("backbone", "task", "intervention", "seed", "metric", "selecting split", "test", "key")
    return Table(caption, heads, tuple(rows))
