"""Audits: the cells of ended searches that are scored on test though they were not chosen, to measure by how much
choosing flatters.

They begin once the choice is written down, and nothing that chooses, fits, ranks or joins is ever shown what they found
(docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from afield.study.plan import Plan
from afield.study.searching.outlook import Outlook, Want
from afield.study.searching.planned_search import PlannedSearch
from afield.study.study import Study
from afield.trial.trial import Trial


def audits_here(study: Study, selection: str) -> bool:
    """Whether a study audits the searches of a task that `selection` chose on: where test itself chose, it has been
    read of every cell already.
    """
    return study.search.audit and selection == "validation"


def with_audit(
    outlook: Outlook,
    plan: Plan,
    search: PlannedSearch,
    on_test: Collection[str],
    want: Callable[[PlannedSearch, Trial, str], Want | None],
) -> Outlook:
    """What a search has come to, with what its audit asks: all cells that it trained to the end but the chosen one, of
    a race those of every backbone. Nothing while it goes on.

    `on_test` are keys of trials that are scored on test; `want` says what a cell lacks before it is, None where that
    failed. Where its network has gone that is its training again: the same bits come of it, and the mean over cells
    whose networks happen to be there would be that of no sample that anybody could name.
    """
    if not (outlook.ended and audits_here(plan.study, plan.tasks[search.task].selection)):
        return outlook
    finalists = zip(outlook.finalist_keys, outlook.finalists, strict=True)
    cells = {key: trial for key, trial in finalists if key not in outlook.chosen_keys}
    left = {key: trial for key, trial in cells.items() if key not in on_test}
    wants = {key: want(search, trial, key) for key, trial in left.items()}
    failed = tuple(key for key, each in wants.items() if each is None)
    return replace(
        outlook,
        done=outlook.done - len(failed),
        failed=(*outlook.failed, *failed),
        audited=tuple(cells),
        unaudited=tuple(left),
        audits=tuple(
            replace(each, kind="audit") if each.kind == "score" else each for each in wants.values() if each is not None
        ),
    )


def audits_of(plan: Plan, search: PlannedSearch, outlook: Outlook) -> int:
    """How many networks are scored beside the choice of a search, as far as it can be said before it has ended."""
    if outlook.ended:
        return len(outlook.audited)
    share = plan.share_of(search)
    return audits_to_come(plan.study, plan.tasks[search.task].selection, share.sizes[-1][1], chooses=share.chooses)


def audits_to_come(study: Study, selection: str, finalists: int, *, chooses: bool) -> int:
    """How many networks of a search an audit scores beside the choice, if nothing fails and so many cells reach the
    end.
    """
    return max(0, finalists - chooses) if audits_here(study, selection) else 0
