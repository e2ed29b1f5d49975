"""From the files of soups to what a record tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afield.study.combining.soups import Ended, Soup, soups_of
from afield.study.record import SearchRecord
from afield.study.split_view import TEST
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


def unmade(store: Store, soups: Sequence[Soup], states: Mapping[str, str]) -> tuple[str, ...]:
    """Words for each soup that has no score, and will have none as things are; `states` are those of trials by key."""
    lines = []
    for soup in soups:
        words = f"soup {soup.name} of {soup.task}"
        lacking = sum(states[each.key] != "finished" for each in soup.ingredients)
        if lacking:
            lines.append(f"{words} lacks {lacking} of {len(soup.ingredients)} networks")
        elif (failure := store.read(soup.key).failure) is not None:
            lines.append(f"{words} failed ({failure['reason']})")
        elif not (store.weights(soup.key).exists() or store.scores.holds(soup.key, TEST)):
            gone = [each.key for each in soup.ingredients if not store.weights(each.key).exists()]
            failures = [failure["reason"] for key in gone if (failure := store.read(key).failure) is not None]
            if failures:
                lines.append(
                    f"{words} lacks {len(failures)} of {len(soup.ingredients)} networks, which could not be trained "
                    f"again ({failures[0]})"
                )
    return tuple(lines)
