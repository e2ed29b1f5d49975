"""What to know before trusting a task's answer: failures, borders of the grid, one seed, what the data lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afield.analysis.clusters import few_clusters
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.ranking.compare import Ranking
from afield.analysis.words import capital, count, listing
from afield.study.record import SearchRecord, StudyRecord
from afield.study.study import PLAIN
from afield.tasks.training_split import training_words
from afield.tasks.words import absence_words, dropped_words

_NAMED = 3
"""searches that a sentence names"""


def warnings_of(
    record: StudyRecord, ranking: Ranking, fit: TransferFit | None, intervention: str, machines: int
) -> Iterator[str]:
    """A sentence each, of a task's ranking and fit under an intervention; `machines`: on how many it was trained."""
    if record.part:
        yield record.part
    yield from ranking.missing
    if record.task(ranking.task).selection == "test":
        yield "Test itself chose recipes and epochs, as in the study's own code: the figures flatter, all of them."
    if incomplete := record.task(ranking.task).incomplete:
        yield f"Of {ranking.task} {incomplete}"
    if dropped := dropped_words(record.task(ranking.task).dropped):
        yield dropped
    for name, made in record.task(ranking.task).training.items():
        yield f"Under {name} {training_words(made)[0].lower()}{training_words(made)[1:]}"
    yield from absence_words(record.task(ranking.task).absent())
    if few := few_clusters(ranking.n_test, ranking.n_clusters):
        yield few
    yield from _no_better_than_guessing(record, ranking)
    failed = sorted({failure.backbone for failure in record.failures if failure.task == ranking.task})
    trainings = sum(failure.task == ranking.task for failure in record.failures)
    if failed:
        yield f"{capital(count(trainings, 'training'))} of {listing(failed)} failed; the report lists the reasons."
    yield from _search_warnings([each for each in record.searches if each.task == ranking.task], intervention)
    if ranking.seeds == 1 and len(ranking.rows) == 1:
        yield "One seed: this is what one network reached; another seed may reach more or less."
    elif ranking.seeds == 1:
        yield "One seed: trained networks are compared, not backbones; another seed may order them otherwise."
    if machines > 1:
        yield f"Trained on {count(machines, 'machine')}: training times are not compared."
    if fit is not None and fit.carried_by and fit.pearson_r:
        yield f"What is said of ImageNet hangs on {fit.carried_by}: {fit.range_note}"
    if fit is not None and fit.hangs_on:
        members = count(int((fit.points["family"] == fit.hangs_on).sum()), "backbone")
        yield (
            f"Without the {members} of the family {fit.hangs_on} the verdict on ImageNet would be another; backbones "
            "of one family tend to do alike."
        )


def _no_better_than_guessing(record: StudyRecord, ranking: Ranking) -> Iterator[str]:
    """Whether the winner's accuracy may be what always naming the most frequent class gives."""
    if ranking.metric != "accuracy" or not ranking.rows:
        return
    keys = record.results.loc[record.results["task"] == ranking.task, "key"]
    shares = record.said(str(keys.iloc[0]), "test")["label"].value_counts(normalize=True)
    if ranking.rows[0].test.low <= shares.iloc[0]:
        name = record.task(ranking.task).classes[int(str(shares.index[0]))]
        yield (
            f"Always saying {name} would be right for {shares.iloc[0]:.3f} of the test images; "
            f"{ranking.rows[0].backbone} is not clearly better than that."
        )


def _search_warnings(searches: Sequence[SearchRecord], intervention: str) -> Iterator[str]:
    """What became of a task's searches: cells that lack, choices at an end of the grid."""
    at_the_end: dict[str, list[str]] = {}
    for search in searches:
        who = search.backbone if search.intervention == PLAIN else f"{search.backbone} ({search.intervention})"
        unfinished = search.chosen is None and not search.lost
        unfinished = unfinished or any(trial.state != "finished" for trial in search.repeats)
        if unfinished and search.intervention != intervention:
            yield f"{who} lacks cells: its search or a repeat has not ended."
        for key in search.borders:
            at_the_end.setdefault(key, []).append(who)
    for key, named in at_the_end.items():
        if len(named) <= _NAMED:
            yield f"The {key} chosen for {listing(named)} lies at an end of its grid; a wider grid may do better."
        else:
            yield (
                f"The {key} chosen lies at an end of its grid in {len(named)} of {len(searches)} searches, that for "
                f"{named[0]} among them; a wider grid may do better."
            )
