"""Commands about what goes in: starter scenarios, the catalogue, traces."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, replace_option
from gpusim.cli.terminal import say
from gpusim.errors import GpusimError
from gpusim.units import number_of


@cli.command()
@click.argument("path", default="scenario.toml", type=PATH)
@replace_option
def init(path: Path, force: bool) -> None:
    """Write a commented starter scenario to PATH."""
    from gpusim.scenario.scenario import Scenario

    check_output(path, force)
    path.write_text(Scenario.starter(), encoding="utf-8")
    say(f"{path} written. Run it with: gpusim run {path}")


@cli.command()
def scenarios() -> None:
    """The scenarios and sweeps that come with gpusim.

    `gpusim run NAME` and `gpusim sweep NAME` take them by name.
    """
    from gpusim.report.catalogue import print_scenarios

    print_scenarios()


@cli.command()
def catalog() -> None:
    """The hardware catalogue with its sources."""
    from gpusim.report.catalogue import print_hardware

    print_hardware()


@cli.command()
def rules() -> None:
    """Rules and tariffs by jurisdiction, with their sources.

    A scenario lists those it enforces.
    """
    from gpusim.report.catalogue import print_rules

    print_rules()


@cli.group()
def trace() -> None:
    """Look at job traces and convert them."""


def map_option(command):
    """``--map THEIRS=OURS``, any number of them, as the keyword ``columns``: theirs -> ours."""
    return click.option(
        "--map", "columns", multiple=True, metavar="THEIRS=OURS", callback=_columns,
        help="Read a column of the trace as one of gpusim's, say num_gpus=gpus.",
    )(command)  # fmt: skip


def _columns(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    for theirs, equals, ours in pairs:
        if not (theirs.strip() and equals and ours.strip()):
            found = theirs or ours
            raise GpusimError(f"--map: found '{found}'; give the file's column and gpusim's, say num_gpus=gpus")
    return {theirs.strip(): ours.strip() for theirs, _equals, ours in pairs}


@trace.command()
@click.argument("file", type=PATH)
@map_option
def describe(file: Path, columns: dict[str, str]) -> None:
    """Counts, quantiles, burstiness and faults of a trace."""
    from gpusim.inputs.traces import describe as describe_trace
    from gpusim.inputs.traces import open_trace
    from gpusim.report.trace_text import trace_text

    say(trace_text(describe_trace(open_trace(file, columns))))


@trace.command()
@click.argument("file", type=PATH)
@click.argument("out", type=PATH)
@map_option
@replace_option
def convert(file: Path, out: Path, columns: dict[str, str], force: bool) -> None:
    """Write a trace as gpusim's own CSV or Parquet.

    The ending of OUT chooses which.
    """
    from gpusim.inputs.traces import convert as convert_trace
    from gpusim.inputs.traces.own import check_ending

    check_ending(out)
    check_output(out, force, file)
    trace = convert_trace(file, out, columns)
    say(f"{out}: {number_of(len(trace.table), 'job')}")
