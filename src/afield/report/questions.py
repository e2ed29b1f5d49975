"""Further questions of a whole study, folded: other tasks, choosing by a rule, cost, metrics, rival explanations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.questions import QUESTIONS, TITLES, WHOLE, in_short
from afield.analysis.ranking.compare import Ranking
from afield.analysis.study_fits import fit_study, lines_of, told_rows
from afield.report.behind import Part
from afield.report.frames import frame_table
from afield.study.record import StudyRecord


def questions(record: StudyRecord, rankings: Sequence[Ranking]) -> tuple[Part, ...]:
    """What several fits say together, as `afield analyse OUT --all` prints it: each question that the study can be
    asked, and last why the others cannot; none where nothing pretrained was scored. `rankings`: the tasks'.
    """
    again = record.study.further_folds
    mine = [ranking for ranking in rankings if ranking.task not in again]
    fits = fit_study(record, record.study.verdict.smallest_slope, rankings=mine)
    return tuple(_parts(record, fits)) if fits else ()


def _parts(record: StudyRecord, fits: tuple[TransferFit, ...]) -> Iterator[Part]:
    rows = told_rows(record)
    findings = {name: analysis(fits, rows) for name, analysis in QUESTIONS.items()}
    for name, found in findings.items():
        if not found.table.empty:
            short = in_short(name, found.table).dropna(axis="columns", how="all")
            table = frame_table(short, "As `afield analyse OUT --all` prints it", digits=WHOLE, joined=False)
            yield Part(TITLES[name], (found.words,), table=table)
    for line in lines_of(record):
        table = frame_table(line.points, "On both splits; robustness is what lies beyond the others' line, in points")
        yield Part(f"{line.task}: does better on test mean better on {line.split}?", (line.words,), table=table)
    # two of them may ask for the same
    untold = tuple(dict.fromkeys(found.words for found in findings.values() if found.table.empty))
    if untold:
        yield Part("What this study cannot be asked", untold)
