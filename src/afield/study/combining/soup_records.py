"""From the files of soups to what a record tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afield.study.combining.soups import Ended, Soup, soups_of
from afield.study.record import SearchRecord, TrialRecord
from afield.study.store import Store
from afield.study.study import Study


def soups_found(study: Study, searches: Sequence[SearchRecord]) -> tuple[Soup, ...]:
    """The soups of a study whose searches have all ended."""
    identities = [(search.task, search.backbone, search.intervention) for search in searches]
    ended = {
        identity: Ended(*identity, cells=search.finalists, repeats=tuple((each.seed, each.key) for each in repeats))
        for identity, search in zip(identities, searches, strict=True)
        if (repeats := search.repeats) or all(cell.state == "failed" for cell in search.cells)
    }
    return soups_of(study.soups, identities, ended)


def unmade(store: Store, soups: Sequence[Soup], trials: Mapping[str, TrialRecord]) -> tuple[str, ...]:
    """Words for each soup that has no result, and will have none as things are."""
    lines = []
    for soup in soups:
        words = f"soup {soup.name} of {soup.task}"
        lacking = sum(trials[each.key].state != "finished" for each in soup.ingredients)
        if lacking:
            lines.append(f"{words} lacks {lacking} of {len(soup.ingredients)} networks")
        elif (failure := store.read(soup.key).failure) is not None:
            lines.append(f"{words} failed ({failure['reason']})")
    return tuple(lines)
