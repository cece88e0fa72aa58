"""The command line: thin, and quick to say what it can do (heavy imports happen inside the commands)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from gpusim import __version__
from gpusim.errors import GpusimError


class _Group(click.Group):
    """Prints a user's error as its text alone, with exit status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GpusimError as error:
            click.echo(f"gpusim: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:  # whoever read the output has gone, as in `gpusim catalog | head`: click's to handle
            raise
        except OSError as error:  # a folder that is not there, a full disk: the user's to repair, as above
            click.echo(f"gpusim: {error.filename or 'file'}: {error.strerror or error}", err=True)
            ctx.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Simulate GPU datacenter fleets: which resource holds the fleet back, when, and at what cost."""


@cli.command()
@click.argument("scenario", default="seeds/us_eu_fleet.toml")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one value, say sites.abilene.grid_mw=250."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random streams.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for tables, figures and report [default: out/NAME]."
)
@click.option("--check", is_flag=True, help="Check the conservation laws of the result.")
def run(scenario: str, overrides: tuple[str, ...], seed: int, out: Path | None, check: bool) -> None:
    """Run SCENARIO, print its bottlenecks, write tables, figures and a report."""
    from gpusim.model.notes import notes
    from gpusim.model.overrides import parse_overrides
    from gpusim.model.scenario import Scenario
    from gpusim.record.folder import check_target

    loaded = Scenario.from_toml(scenario, parse_overrides(overrides))
    for note in notes(loaded):
        click.echo(f"Note: {note}", err=True)
    folder = out or Path("out") / Path(scenario).stem
    check_target(folder)
    click.echo("Loading kernels (a first run compiles them, which takes about a minute) ...", err=True)
    from gpusim.engine.run import run as simulate

    began = time.perf_counter()
    result = _with_progress(lambda progress: simulate(loaded, seed, progress=progress))
    click.echo(f"Simulated {len(result.jobs):,} jobs in {time.perf_counter() - began:.1f} s.", err=True)
    if check:
        _check(result)
    _print_bottlenecks(result)
    result.save(folder)
    _write_report(result, folder)
    click.echo(f"\nTables, figures and report: {folder}\nOpen {folder / 'report.html'} in a browser.")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw the figures and the report of a saved result again."""
    from gpusim.record.result import Result

    click.echo(_write_report(Result.load(folder), folder))


@cli.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """What differs between two saved results: scenarios, figures, bottlenecks."""
    from gpusim.record.result import Result
    from gpusim.report.console import print_comparison

    print_comparison(Result.load(first), Result.load(second), (str(first), str(second)))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from-day", default=0.0, show_default=True, help="First day of the window, counted from 0.")
@click.option("--days", default=1.0, show_default=True, help="Length of the window.")
@click.option("--site", help="Only this site.")
def export(folder: Path, out: Path, from_day: float, days: float, site: str | None) -> None:
    """Write a window of a saved result as a trace for ui.perfetto.dev."""
    from gpusim.record.result import Result
    from gpusim.report.timeline import export as export_window

    count = export_window(Result.load(folder), out, from_day, days, site)
    click.echo(f"{out}: {count:,} events. Open it at https://ui.perfetto.dev")


@cli.command()
@click.argument("path", default="scenario.toml", type=click.Path(path_type=Path))
def init(path: Path) -> None:
    """Write a commented starter scenario to PATH."""
    from gpusim.model.scenario import Scenario

    if path.exists():
        raise GpusimError(f"{path} exists already; choose another name")
    path.write_text(Scenario.starter(), encoding="utf-8")
    click.echo(f"{path} written. Run it with: gpusim run {path}")


@cli.command()
def catalog() -> None:
    """The hardware catalogue with its sources."""
    from rich.console import Console

    from gpusim.model.catalogue_table import tables

    for table in tables():
        Console(width=120).print(table)


@cli.command()
@click.option("--quick", is_flag=True, help="A sixteenth of the simulation, with tolerances four times as wide.")
@click.option("--only", metavar="ITEMS", help="Some anchors only, say 1,12 [default: all].")
@click.pass_context
def validate(ctx: click.Context, quick: bool, only: str | None) -> None:
    """Compare with known answers: ours beside theirs. Exit status 1 if one is off."""
    from rich.console import Console

    from gpusim.validation.anchor import FULL, QUICK
    from gpusim.validation.suite import choose
    from gpusim.validation.suite import validate as rows_of
    from gpusim.validation.table import summary_of, table_of

    items = choose(only)
    click.echo("Loading kernels (a first run compiles them, which takes about a minute) ...", err=True)
    rows = _with_progress(lambda progress: rows_of(items, QUICK if quick else FULL, progress))
    Console(width=120).print(table_of(rows))
    click.echo(summary_of(rows))
    if not all(row.passed for row in rows):
        ctx.exit(1)


@cli.group()
def trace() -> None:
    """Look at job traces and convert them."""


@trace.command()
@click.argument("file", type=click.Path(path_type=Path))
def describe(file: Path) -> None:
    """Counts, quantiles, burstiness and faults of a trace."""
    from gpusim.inputs.traces import describe as describe_trace
    from gpusim.inputs.traces import open_trace

    click.echo(describe_trace(open_trace(file)).to_text())


@trace.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def convert(file: Path, out: Path) -> None:
    """Write a trace as gpusim's own CSV or Parquet, by the ending of OUT."""
    from gpusim.inputs.traces import convert as convert_trace

    trace = convert_trace(file, out)
    click.echo(f"{out}: {len(trace.table):,} jobs")


def _with_progress(work):
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("run", total=1.0)
        return work(lambda share: bar.update(task, completed=share))


def _check(result) -> None:
    from gpusim.analysis.conservation import check as find_faults
    from gpusim.errors import InvariantError

    faults = find_faults(result)
    if faults:
        raise InvariantError("conservation laws broken:\n" + "\n".join(f"  - {fault}" for fault in faults))
    click.echo("Conservation laws hold.", err=True)


def _print_bottlenecks(result) -> None:
    from gpusim.report.console import print_bottlenecks

    print_bottlenecks(result)


def _write_report(result, folder: Path) -> Path:
    """Draw the figures once, for their folder and for the report."""
    from gpusim.report.figures import draw_all
    from gpusim.report.page import write

    return write(result, folder / "report.html", draw_all(result, folder / "figures"))


def main() -> None:
    """Entry point of the ``gpusim`` command."""
    cli(prog_name="gpusim")
