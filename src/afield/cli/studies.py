"""Run a study, look at what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afield.cli.options import (
    AsJson,
    Backbones,
    Budget,
    Data,
    EngineName,
    NewOut,
    Offline,
    OneStudy,
    Out,
    ReportFormat,
    Retry,
    Settings,
    Slots,
    StudyName,
    TableFormat,
    WeightsFolder,
)
from afield.cli.output import complain, put, put_json, say

studies_app = typer.Typer()
shipped_app = typer.Typer(help="List and show the studies that come with the package.", no_args_is_help=True)


@shipped_app.command("list", epilog="Example: afield studies list")
def studies_list(as_json: AsJson = False) -> None:
    """Name the shipped studies, a line each: what they cost and what they ask."""
    from afield.study.preparing.shipped import list_studies, plain_studies

    if as_json:
        put_json(plain_studies())
    else:
        put(list_studies())


@shipped_app.command("show", epilog="Example: afield studies show paper/main")
def studies_show(
    name: Annotated[str, typer.Argument(help="A shipped study, such as paper/main.", show_default=False)],
) -> None:
    """Print a shipped study's file; its head says what it re-creates, what was found, and what it costs."""
    from afield.study.preparing.shipped import show_study

    put(show_study(name))


@studies_app.command(epilog="Example: afield run quickstart --out out/quickstart")
def run(
    study: StudyName,
    out: NewOut = None,
    engine: Annotated[
        EngineName, typer.Option(help="`local`: this machine; `ray`: a Ray cluster (docs/cluster.md).")
    ] = EngineName.local,
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster, such as auto; by default this machine alone.", show_default=False),
    ] = None,
    slots: Slots = None,
    trials_per_device: Annotated[
        int | None, typer.Option(min=1, help="Trials at once on each GPU; by default one.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Loader processes of each trial; by default none on a CPU, up to 8 on a GPU."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="Do one part of the searches, such as 3/8; see `afield merge`.", show_default=False),
    ] = None,
    retry: Annotated[Retry | None, typer.Option(help="`failed`: try failed trials again.")] = None,
    backbones: Backbones = None,
    weights: WeightsFolder = None,
    offline: Offline = False,
    settings: Settings = None,
    data: Data = None,
    budget: Budget = None,
) -> None:
    """Run a study, or what is missing of it, and print the answer."""
    from afield.study.inspecting.describe import describe_change, describe_outcome, where_to_look
    from afield.study.preparing.choose import choose_study
    from afield.study.running.run import run_study

    content, change = describe_change(choose_study(study, settings or [], backbones or []), backbones or [])
    say(change)
    folder = out or Path("out") / content.study.name

    from rich.console import Console

    from afield.progress import Display
    from afield.report.answered import answered

    with Display(Console(stderr=True)) as display:
        outcome = run_study(
            content,
            folder,
            engine=engine.value,
            address=address,
            slots=slots,
            trials_per_device=trials_per_device,
            workers=workers,
            shard=shard,
            retry_failed=retry is not None,
            watch=display,
            weights=weights,
            offline=offline,
            data=data,
            budget=budget,
        )
    say(describe_outcome(outcome))
    put(answered(folder, content.study.name, outcome.state))
    if not outcome.complete:
        complain(f"\nNot all is there; see: {where_to_look(folder, content.study.name)}", 1)


@studies_app.command(epilog="Example: afield merge out/shard-1 out/shard-2 --to out/whole")
def merge(
    outs: Annotated[
        list[Path], typer.Argument(help="Result folders; they stay as they are.", metavar="OUT...", show_default=False)
    ],
    to: Annotated[Path, typer.Option(help="The new result folder.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Join result folders, such as a study's shards.

    They stay as they are; what contradicts each other is refused by name.
    """
    from afield.study.merging.merge import merge as merge_folders

    found = merge_folders(outs, to)
    if as_json:
        put_json(found)
    else:
        put(found.words())


@studies_app.command(epilog="Example: afield tune quickstart")
def tune(
    study: Annotated[
        str, typer.Argument(help="A shipped study, such as quickstart, or a TOML file.", show_default=False)
    ],
    backbones: Annotated[
        list[str] | None,
        typer.Option(help="Instead of the study's; may be repeated.", show_default=False),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="For each backbone and way.")] = 3.0,
) -> None:
    """Time a study's backbones under other numerics.

    Tries precisions and memory formats on images of noise, and prints the lines that make the study fastest here.
    """
    from afield.study.preparing.choose import choose_study
    from afield.study.preparing.tune import describe_timings
    from afield.study.preparing.tune import tune as time_study

    put(describe_timings(time_study(choose_study(study, [], backbones or []), seconds, say)))


@studies_app.command(epilog="Example: afield status out/quickstart")
def status(
    out: Out,
    study: OneStudy = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is finished, paused, failed and missing."""
    from afield.study.inspecting.state import read_state
    from afield.study.inspecting.state_words import describe_state, more_words

    if watch and as_json:
        complain("--watch shows words on a terminal; leave out --json, or ask for it again and again", 2)
    if watch:
        from rich.console import Console

        from afield.progress import watch_state

        watch_state(out, study, Console())
        return
    state = read_state(out, study)
    if as_json:
        put_json(state.as_json())
    else:
        put(describe_state(state, out, more_words(out, state)))


@studies_app.command(epilog="Example: afield report out/quickstart")
def report(
    out: Out,
    format: Annotated[
        ReportFormat, typer.Option(help="md and latex write a folder for papers: text, tables, charts as SVG and PDF.")
    ] = ReportFormat.html,
    private: Annotated[bool, typer.Option("--private", help="Without any picture or name of an image.")] = False,
    study: OneStudy = None,
) -> None:
    """Write OUT/report.html anew."""
    from afield.report.page import report as write_report

    put(str(write_report(out, study=study, format=format.value, private=private)))


@studies_app.command(epilog="Example: afield table out/quickstart --format markdown")
def table(
    out: Out,
    format: Annotated[
        TableFormat | None,
        typer.Option(help="By default csv; csv and markdown are printed unless --to is given.", show_default=False),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.", show_default=False)] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Instead: the winners in the subgroups of this column, such as sex; a task's `subgroups` name them.",
            show_default=False,
        ),
    ] = None,
    interventions: Annotated[
        bool, typer.Option("--interventions", help="Instead: what each intervention changed against plain.")
    ] = False,
    study: OneStudy = None,
    as_json: AsJson = False,
) -> None:
    """Print or write the results table."""
    from afield.study.collecting.collect import load_record, results
    from afield.study.collecting.table import rows_of, write_table

    if as_json and (format is not None or to is not None):
        complain("--json prints the rows; leave out --format and --to", 2)
    if interventions and by is not None:
        complain("--by and --interventions are two tables; give one of them", 2)
    if interventions:
        from afield.analysis.ranking.interventions import intervention_table
        from afield.analysis.ranking.over_folds import every_change

        rows = intervention_table(every_change(load_record(out, study)))
    elif by is not None:
        from afield.analysis.chosen import subgroup_table

        rows = subgroup_table(load_record(out, study), by)
    else:
        rows = results(out, study=study)
    if as_json:
        put_json(rows_of(rows))
    else:
        put(write_table(rows, (format or TableFormat.csv).value, to))
