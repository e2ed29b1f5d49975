"""From the files of soups to what a record tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afield.study.combining.soups import Ended, Soup, soups_of
from afield.study.record import SearchRecord, Unjoined
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


def unmade(store: Store, soups: Sequence[Soup], states: Mapping[str, str]) -> tuple[Unjoined, ...]:
    """Each soup that has no score, and will have none as things are; `states` are those of trials by key."""
    found = []
    for soup in soups:
        why = _why_unmade(store, soup, states)
        if why:
            found.append(Unjoined(soup.task, f"soup {soup.name} of {soup.task} {why}"))
    return tuple(found)


def _why_unmade(store: Store, soup: Soup, states: Mapping[str, str]) -> str:
    """What a soup lacks or failed by; empty where it is made, or can be."""
    number = len(soup.ingredients)
    lacking = sum(states[each.key] != "finished" for each in soup.ingredients)
    if lacking:
        return f"lacks {lacking} of {number} networks"
    if (failure := store.read(soup.key).failure) is not None:
        return f"failed ({failure['reason']})"
    if store.weights(soup.key).exists() or store.scores.holds(soup.key, TEST):
        return ""
    gone = [each.key for each in soup.ingredients if not store.weights(each.key).exists()]
    failures = [failure["reason"] for key in gone if (failure := store.read(key).failure) is not None]
    if not failures:
        return ""
    return f"lacks {len(failures)} of {number} networks, which could not be trained again ({failures[0]})"
