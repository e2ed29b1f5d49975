"""Which networks of a result folder the key of a joined row means, opened as one."""

from __future__ import annotations

from pathlib import Path

from afield.base.errors import InputError
from afield.images.symmetries import PLAIN
from afield.scoring.combine import combined
from afield.study.collecting.collect import joined_in
from afield.study.collecting.combined import put_together
from afield.study.combining.ensembles import Combination
from afield.study.networks.ensemble import Ensemble
from afield.study.networks.open_network import open_network
from afield.study.store import Store


def find_joined(out: str | Path, key: str, study: str | None = None) -> Combination | None:
    """What the studies of a result folder, or that one, join under that key; None where there is no such thing."""
    store = Store.open(Path(out))
    names = store.study_files.names() if study is None else [study]
    return next((each for name in names for each in joined_in(store, name) if each.key == key), None)


def open_ensemble(out: str | Path, joined: Combination, view: str = PLAIN) -> Ensemble:
    """The networks that are joined, as one.

    Raises InputError where there is no mean of what they say of one picture, and as `open_network` does.
    """
    if joined.mean == "ranks":
        raise InputError(
            f"{out}: {joined.name} is a mean of ranks, which orders the pictures of a split and says nothing of one "
            'alone; declare an ensemble with mean = "probabilities" beside it and run the study again'
        )
    members = tuple(open_network(out, str(member.key), view) for member in joined.members)
    said = [member.validation for member in members]
    return Ensemble(
        joined.key,
        joined.name,
        joined.kind,
        members[0].classes,
        members,
        members[0].trial,
        put_together(said) if joined.kind == "folds" else combined(said),
        view,
    )
