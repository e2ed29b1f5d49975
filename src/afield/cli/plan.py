"""What a study will take, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import (
    AsJson,
    Backbones,
    Budget,
    Data,
    NewOut,
    Offline,
    Settings,
    Slots,
    StudyName,
    WeightsFolder,
)
from afield.cli.output import complain, put, put_json, say

plan_app = typer.Typer()


@plan_app.command(epilog="Example: afield plan quickstart")
def plan(
    study: StudyName,
    out: NewOut = None,
    slots: Slots = None,
    budget: Budget = None,
    backbones: Backbones = None,
    weights: WeightsFolder = None,
    offline: Offline = False,
    settings: Settings = None,
    data: Data = None,
    probe: Annotated[
        bool,
        typer.Option("--probe/--no-probe", help="Measure a few steps of each backbone, where all it needs is here."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Say what a study takes: time, memory, disk, what lacks.

    Trains nothing and writes nothing into the result folder; where that has something already, says what is left. Needs
    neither data nor weights: what is not here is counted from what is known of it.
    """
    from afield.study.forecasting.describe_forecast import describe_forecast, plain_forecast
    from afield.study.forecasting.forecast import forecast
    from afield.study.inspecting.describe import describe_change
    from afield.study.planning.probe_steps import measure
    from afield.study.preparing.choose import choose_study
    from afield.study.preparing.ready import path_of, sources_of
    from afield.tasks.places import cache_folder

    content, change = describe_change(choose_study(study, settings or [], backbones or []), backbones or [])
    say(change)
    found = forecast(
        content,
        out or Path("out") / content.study.name,
        sources=sources_of(weights, offline=offline),
        data=path_of(data),
        cache=cache_folder(),
        budget=budget,
        slots=slots,
        say=say,
        probe=measure if probe else None,
    )
    if as_json:
        put_json(plain_forecast(found))
    else:
        put(describe_forecast(found))
    if found.against or found.unfitted:
        complain("", 2)
