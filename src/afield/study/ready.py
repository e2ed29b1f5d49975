"""Whether a study can run: its plan, without writing anything, and where its weights and data are looked for."""

from __future__ import annotations

from pathlib import Path

from afield.backbones.weights import Sources, sources
from afield.study.micro_batches import with_settled
from afield.study.numerics import settle_numerics
from afield.study.plan import Plan, make_plan
from afield.study.study import Study
from afield.tasks.places import cache_folder


def check_ready(
    study: Study,
    out: Path | None = None,
    *,
    weights: str | Path | None = None,
    offline: bool = False,
    data: str | Path | None = None,
) -> Plan:
    """The plan of a study, with the numerics that a result folder has settled, without writing into it; nothing is
    downloaded. Raises InputError that lists all that is missing.
    """
    settled_in = out if out is not None and (out / "numerics.toml").exists() else None
    numerics = settle_numerics(study.numerics, settled_in, study.study.protocol)
    plan = make_plan(
        study, numerics, cache_folder(), sources_of(weights, offline=offline), path_of(data), download=False
    )
    return plan if out is None else with_settled(plan, out)


def sources_of(weights: str | Path | None, *, offline: bool) -> Sources:
    """Where weights may come from, as the caller and the environment say."""
    return sources(path_of(weights), offline=offline)


def path_of(named: str | Path | None) -> Path | None:
    """A path that may be left open."""
    return None if named is None else Path(named)
