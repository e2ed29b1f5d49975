"""What stands behind the answer: protocol, weights, numerics, machines, as text."""

from __future__ import annotations

from dataclasses import dataclass

from afield.analysis.registered import registration
from afield.backbones.backbone import Backbone
from afield.report import words
from afield.study.planning.budget import budget_words
from afield.study.record import BackboneRecord, StudyRecord
from afield.study.searching.search import rungs
from afield.study.study import PLAIN


@dataclass(frozen=True)
class Details:
    """What a careful reader wants behind the answer: tables of (name, text)."""

    protocol: tuple[tuple[str, str], ...]
    recipe: tuple[tuple[str, str], ...]
    interventions: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    numerics: tuple[tuple[str, str], ...]
    platforms: tuple[tuple[tuple[str, str], ...], ...]
    weights: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def details_of(record: StudyRecord) -> Details:
    """The study, its weights and its machines."""
    head, search = record.study.study, record.study.search
    values = search.model_dump()["space" if search.space else "grid"]
    grid = "; ".join(f"{key} {value}" for key, value in words.pairs(values)) or "none"
    protocol = {
        "protocol": _protocol(record),
        "rule of the verdicts": registration(record).words,
        "reads of test splits, by all studies of the folder": record.test_reads,
        "search": f"{search.method} over {grid}"
        + _rungs(record)
        + (f"; {search.trials} cells" if search.trials else "")
        + (f"; {search.sampler} in batches of {search.batch}" if search.method == "optuna" else "")
        + (f"; up to {search.extend_steps} values beyond each end" if search.extend else ""),
        **({"budget": budget_words(record.study)} if record.study.cut is not None else {}),
        "seeds": head.seeds,
        "backbones": head.backbones,
        "interventions": head.interventions,
    }
    return Details(
        protocol=tuple(words.pairs(protocol)),
        recipe=tuple(words.pairs(record.study.recipe.model_dump())),
        interventions=tuple(
            (name, tuple(words.pairs(record.study.interventions[name]))) for name in head.interventions if name != PLAIN
        ),
        numerics=tuple(words.pairs(record.numerics)),
        platforms=tuple(tuple(words.pairs(platform)) for platform in record.platforms),
        weights=tuple((used.backbone.id, tuple(words.pairs(_weights(used)))) for used in record.backbones),
    )


def _rungs(record: StudyRecord) -> str:
    """After which epochs recipes are compared, of the longest one; empty where none is before its last epoch."""
    study = record.study
    at = rungs(study.search, max(study.recipe_of(name).epochs for name in study.study.interventions))
    return f"; rungs at {words.plain(at)} epochs" if len(at) > 1 else ""


def _protocol(record: StudyRecord) -> str:
    """Which split chose, task by task, and what the protocol put in place of the weights' preprocessing."""
    chosen_on = {
        "validation": "validation chooses recipe, epoch and backbone; test is read after that",
        "test": "test itself chooses, as in the study's own code, so that its figures flatter",
    }
    told = []
    for split, sentence in chosen_on.items():
        tasks = [task.name for task in record.tasks if task.selection == split]
        if tasks:
            told.append(sentence if len(tasks) == len(record.tasks) else f"{sentence} ({', '.join(tasks)})")
    name = record.study.study.protocol
    if name == "paper":
        told.append("ImageNet's mean and std and bilinear resizing for every backbone; crops from the full images")
    return f"{name}: {'; '.join(told)}"


def _weights(used: BackboneRecord) -> dict[str, str]:
    row = used.backbone
    told = {
        "ImageNet top-1": _top1(row),
        "pretrained on": row.pretraining_data,
        "weights from": used.weights_from,
        "SHA-256": used.weights_sha256,
        "made by": used.code,
        "licence": row.licence,
        "preprocessing": "; ".join(f"{key} {value}" for key, value in words.pairs(used.preprocessing)),
        "figures from": row.source,
    }
    return {name: text for name, text in told.items() if text}


def _top1(backbone: Backbone) -> str:
    if backbone.imagenet_top1 is None:
        return "unknown: it is ranked, but stands outside the fit"
    size = f", {backbone.imagenet_size} px" if backbone.imagenet_size else ""
    return f"{backbone.imagenet_top1:.1f} ({backbone.imagenet_kind}{size})"
