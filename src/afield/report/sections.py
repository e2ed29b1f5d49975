"""What stands in the page, task by task: record and answer as text and figures. What has no data is None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afield.analysis.answer import Answer, TaskAnswer
from afield.analysis.clusters import few_clusters
from afield.analysis.ranking.compare import Ranking, RankRow
from afield.analysis.searches.audits import Audit, audit_of
from afield.report import evidence, words
from afield.report.audits import AuditSection, audit_section
from afield.report.behind import Part, behind
from afield.report.chosen import ChosenSection, chosen_section
from afield.report.fairness import FairnessSection, fairness_section
from afield.report.figures import Figure, Figures
from afield.report.further import further_table
from afield.report.interventions import InterventionSection, intervention_section
from afield.report.pictures import data_uri
from afield.report.race import RaceSection, race_section
from afield.report.recorded import Table, metric_table, places_table, protocol_table
from afield.report.rows import Row
from afield.report.search_words import recipe_words
from afield.report.searches import SearchSection, search_sections
from afield.report.wordings import Wordings, wordings
from afield.scoring.metrics import metric_title
from afield.study.record import SearchRecord, StudyRecord, TaskRecord
from afield.tasks.training_split import training_words
from afield.tasks.words import absence_words, dropped_words


@dataclass(frozen=True)
class Gallery:
    """Pictures of one class, as `data:` addresses."""

    label: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class TaskSection:
    """Everything that the page says of one task."""

    id: str
    record: TaskRecord
    answer: TaskAnswer
    metric: str
    wordings: Wordings
    """the verdict, and what other cuts and axes would make of it"""
    transfer: Figure | None
    points: Table | None
    """of the transfer figure"""
    numbers: tuple[tuple[str, str], ...]
    """the fit in figures: what each is, and its interval"""
    behind: tuple[Part, ...]
    """the same question put in other ways"""
    backbones: Table | None
    few: str
    """what to mind of few clusters; empty where there are enough"""
    selection: str
    """the split that chose"""
    recorded: Table | None
    """all recorded metrics"""
    places: Table | None
    """every pair: ranks and letters"""
    further: Table | None
    """further test splits, views, ensembles, joined folds"""
    unjoined: tuple[str, ...]
    """ensembles that lack members"""
    protocols: Table | None
    """the same under the other protocol"""
    differences: Figure | None
    effects: Figure | None
    effect_table: Table | None
    interventions: InterventionSection | None
    """what the others than trainings from scratch changed"""
    cost: Figure | None
    chosen: ChosenSection | None
    fairness: FairnessSection | None
    """what the search of each backbone got"""
    audit: AuditSection | None
    """what choosing on validation was worth, where it was audited"""
    race: RaceSection | None
    """how far each backbone came; None where the search was no race"""
    searches: tuple[SearchSection, ...]
    galleries: tuple[Gallery, ...]
    counts: tuple[Row, ...]
    card: tuple[tuple[str, str], ...]


def names_of(record: StudyRecord, found: Answer) -> dict[str, str]:
    """What the page calls each backbone."""
    ranked = [row.backbone for part in found.tasks for row in part.ranking.rows]
    return words.short_names([*record.study.study.backbones, *ranked])


def task_sections(
    record: StudyRecord, found: Answer, figures: Figures, names: Mapping[str, str]
) -> tuple[TaskSection, ...]:
    """The tasks in the study's order; their charts go into `figures`."""
    sections, audit = [], audit_of(record)
    for place, part in enumerate(found.tasks, start=1):
        figures.within = part.task
        sections.append(_task_section(record, part, figures, names, f"task-{place}", audit))
    figures.within = ""
    return tuple(sections)


def _task_section(
    record: StudyRecord,
    part: TaskAnswer,
    figures: Figures,
    names: Mapping[str, str],
    place: str,
    audit: Audit | None,
) -> TaskSection:
    task, ranking, fit = record.task(part.task), part.ranking, part.fit
    metric = metric_title(ranking.metric)
    searches = {
        search.backbone: search
        for search in record.searches
        if (search.task, search.intervention) == (task.name, ranking.intervention)
    }
    return TaskSection(
        id=place,
        record=task,
        answer=part,
        metric=metric,
        wordings=wordings(fit, part.transfer, race=bool(part.race)),
        transfer=evidence.transfer_figure(fit, figures, names, ranking, metric) if fit else None,
        points=evidence.point_table(fit, ranking, names, metric) if fit else None,
        numbers=evidence.fit_in_numbers(fit, metric) if fit else (),
        behind=behind(fit, figures, names, metric) if fit else (),
        backbones=_backbones(ranking, names, searches, task.selection) if ranking.rows else None,
        few=few_clusters(ranking.n_test, ranking.n_clusters),
        selection=task.selection,
        recorded=metric_table(record, ranking, names),
        places=places_table(ranking.places, names) if ranking.places else None,
        further=further_table(record, ranking, names),
        unjoined=tuple(each.words for each in record.unjoined if each.task == task.name),
        protocols=protocol_table(part.protocols, names) if part.protocols else None,
        differences=evidence.difference_figure(ranking, figures, names),
        effects=evidence.effect_figure(part.effects, figures, names, ranking),
        effect_table=evidence.effect_table(part.effects, ranking, names, metric),
        interventions=intervention_section(
            record, part.interventions, part.interventions_words, ranking, figures, names
        ),
        cost=evidence.cost_figure(ranking, figures, names, metric),
        chosen=chosen_section(record, ranking, part.subgroups, figures, names),
        fairness=fairness_section(record, task.name, names),
        audit=audit_section(audit, task.name, names),
        race=race_section(part.race, figures, names, f"{metric} on {task.selection}") if part.race else None,
        searches=search_sections(record, task.name, f"{metric} on {task.selection}", figures, names, audit),
        galleries=tuple(
            Gallery(label, tuple(data_uri(picture) for picture in pictures))
            for label, pictures in task.pictures.items()
            if pictures
        ),
        counts=_counts(task),
        card=_card(task),
    )


def _backbones(
    ranking: Ranking, names: Mapping[str, str], searches: Mapping[str, SearchRecord], selection: str
) -> Table:
    """The ranking, a row a backbone."""
    metric = metric_title(ranking.metric)
    heads = (
        *("backbone", f"{metric} on test", "minus the chosen", "ImageNet (%)", "chosen recipe"),
        *("training (whole search)", "parameters", selection + (" (which chose)" if selection == "test" else "")),
    )
    caption = (
        f"In the order of {selection}. {_tested(ranking)}. In brackets 95\u00a0% intervals; differences in "
        f"{words.difference_unit(ranking.metric)}"
    )
    rows = tuple(_backbone_row(row, ranking, names, searches.get(row.backbone)) for row in ranking.rows)
    return Table(caption, heads, rows)


def _backbone_row(row: RankRow, ranking: Ranking, names: Mapping[str, str], search: SearchRecord | None) -> Row:
    cells = (
        words.level(row.test, ranking.metric),
        words.difference(row.difference, ranking.metric) if row.difference else "\u2014",
        words.known(row.imagenet_top1, 1),
        recipe_words(search),
        f"{words.seconds(row.train_seconds)} ({words.seconds(row.search_seconds)})",
        f"{words.number(row.params_m, 2)} M",
        words.number(row.validation, 3),
    )
    borders = " and ".join(key.replace("_", " ") for key in search.borders) if search else ""
    warning = f"{borders} at the border" if borders else ""
    return Row(names[row.backbone], row.backbone, evidence.standing(ranking, row), cells, warning)


def _tested(ranking: Ranking) -> str:
    groups = f" in {ranking.n_clusters:,} clusters" if ranking.n_clusters < ranking.n_test else ""
    seeds = "1 seed" if ranking.seeds == 1 else f"{ranking.seeds} seeds"
    kind = "these trained networks" if ranking.compares == "networks" else "backbones"
    return f"{ranking.n_test:,} test images{groups}; {seeds}: compares {kind}"


def _counts(task: TaskRecord) -> tuple[Row, ...]:
    return tuple(
        Row(
            split,
            split,
            "",
            (*(f"{counts.get(label, 0):,}" for label in task.classes), f"{task.sizes[split]:,}"),
        )
        for split, counts in task.counts.items()
    )


def _card(task: TaskRecord) -> tuple[tuple[str, str], ...]:
    card = task.card
    told = [
        ("data set", card.title),
        ("source", card.source),
        ("application", card.application),
        ("kind", card.domain),
        ("licence", card.licence),
        ("published baseline", card.baseline),
        ("how to get it", card.get),
        ("citation", card.citation),
        ("classes", ", ".join(task.classes)),
        ("classes that a split lacks", " ".join(absence_words(task.absent()))),
        ("images left out", dropped_words(task.dropped)),
        *((f"training split of {name}", training_words(made)) for name, made in task.training.items()),
        ("leading metric", metric_title(task.metric)),
        ("version", str(task.version)),
        ("split seed", str(task.split_seed)),
        ("fingerprint of the data", task.fingerprint),
    ]
    return tuple((name, text) for name, text in told if text)
