"""What a paper needs of a study: how it was done in a paragraph, its results as lines of LaTeX, and what to cite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from afield import __version__
from afield.analysis.answer import Answer, TaskAnswer
from afield.analysis.words import count, digits_of_r, listing
from afield.report import words
from afield.report.latex import escaped
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title
from afield.study.planning.budget import budget_words
from afield.study.record import StudyRecord
from afield.study.searching.search_choice import Range, SearchChoice

BIBTEX = f"""@software{{afield,
  title   = {{afield: does progress on ImageNet transfer to your task, and which backbone should you use?}},
  author  = {{{{The afield developers}}}},
  version = {{{__version__}}},
}}

@inproceedings{{fang2023progress,
  title     = {{Does progress on {{ImageNet}} transfer to real-world datasets?}},
  author    = {{Fang, Alex and Kornblith, Simon and Schmidt, Ludwig}},
  booktitle = {{Advances in Neural Information Processing Systems}},
  volume    = {{36}},
  pages     = {{25050--25080}},
  year      = {{2023}},
}}
"""
"""of afield and of the study that it re-creates, as CITATION.cff has them"""


@dataclass(frozen=True)
class Citation:
    """Text to be copied into a paper."""

    methods: str
    results: str
    """LaTeX, a line a task"""
    bibtex: str


_DONE = {
    "all": "fine-tuned",
    "last block": "fine-tuned the last block of",
    "head": "trained linear heads on",
    "lora": "adapted (LoRA)",
}
"""by `recipe.trained`"""


def citation(record: StudyRecord, found: Answer) -> Citation:
    """The study in a paper's words."""
    results = "\n".join(_result(part) for part in found.tasks)
    return Citation(" ".join(_methods(record, found)), results, BIBTEX)


def _methods(record: StudyRecord, found: Answer) -> Iterator[str]:
    head, recipe, search = record.study.study, record.study.recipe, record.study.search
    tasks = listing([task.card.title for task in record.tasks])
    size = f" at {recipe.image_size} pixels" if isinstance(recipe.image_size, int) else ""
    yield (
        f"We {_DONE[recipe.trained]} {count(len(head.backbones), 'backbone')} with ImageNet weights on {tasks}{size} "
        f"for {count(recipe.epochs, 'epoch')} with afield {__version__} (protocol {head.protocol})."
    )
    if search.keys:
        yield _searched(search)
    if record.study.cut is not None:
        yield budget_words(record.study)
    selections = {task.selection for task in record.tasks}
    if selections == {"validation"}:
        yield "Recipe, epoch and backbone were chosen on validation images; test images were read after that."
    elif selections == {"test"}:
        yield "Recipe, epoch and backbone were chosen on the test images themselves, so that results flatter."
    else:
        chosen = listing([task.name for task in record.tasks if task.selection == "test"])
        yield f"Recipe, epoch and backbone were chosen on validation images, but of {chosen} on the test images."
    seeds = len(head.seeds)
    yield (
        f"The chosen recipe was repeated under {count(seeds, 'seed')}." if seeds > 1 else
        "Each recipe was trained under one seed, so trained networks are compared, not backbones."
    )  # fmt: skip
    yield (
        "Intervals are at 95 %: of values and paired differences from 2,000 resamples of the test images, by cluster"
        f"{', and the variance between seeds' if seeds > 1 else ''}; differences to the chosen backbone allow for "
        "their number (Bonferroni)."
    )
    fits = [part.fit for part in found.tasks if part.fit]
    if fits:
        yield (
            "ImageNet top-1 accuracy was held against the test metric by least squares. Intervals: "
            f"{'; '.join(dict.fromkeys(fit.method for fit in fits))}. A slope of "
            f"{fits[0].smallest_slope:g} metric points per ImageNet point was the smallest of interest."
        )


def _searched(search: SearchChoice) -> str:
    """How the recipe's free values were chosen."""
    from_where = " and ".join(
        f"{key.replace('_', ' ')} in [{words.plain(values.low)}, {words.plain(values.high)}]"
        if isinstance(values, Range)
        else f"{key.replace('_', ' ')} in {{{words.plain(values)}}}"
        for key, values in {**search.grid, **search.space}.items()
    )
    draws = f"of {search.trials} random draws"
    how = {
        "grid": "full grid search",
        "halving": "successive halving" + (f" {draws}" if search.space else ""),
        "random": f"full training {draws}",
        "race": "one successive halving over all backbones together" + (f" {draws}" if search.space else ""),
        "optuna": f"{search.trials} trials of optuna's {search.sampler}",
    }[search.method]
    further = f"; a choice at an end of it added up to {search.extend_steps} values beyond" if search.extend else ""
    verb = "was" if len(search.keys) == 1 else "were"
    return f"For every backbone alike, {from_where} {verb} chosen by {how}{further}."


def _result(part: TaskAnswer) -> str:
    """`% task` and a line: the chosen backbone with its interval, then r, slope and verdict."""
    ranking, fit = part.ranking, part.fit
    told = []
    if ranking.rows:
        first = ranking.rows[0]
        value = _brackets(first.test, 3)
        told.append(
            rf"\texttt{{{escaped(first.backbone)}}}: {escaped(metric_title(ranking.metric))} {value}, "
            rf"$n = {ranking.n_test}$"
        )
    if fit and fit.pearson_r and fit.normalised_slope:
        r = _brackets(fit.pearson_r, digits_of_r(fit.pearson_r.value))
        slope = _brackets(fit.normalised_slope, 2)
        told.append(f"$r =$ {r}, slope {slope} over {fit.n} backbones ({fit.verdict})")
    return f"% {part.task}\n{'; '.join(told) or 'no result'}."


def _brackets(value: Interval, digits: int) -> str:
    if math.isnan(value.value):
        return "not defined"
    limits = "" if math.isnan(value.low) else f" [${value.low:.{digits}f}$, ${value.high:.{digits}f}$]"
    return f"${value.value:.{digits}f}${limits}"
