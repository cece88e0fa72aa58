"""``gpusim sweep``: run a sweep, see how far it is, collect its runs into one table."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, check_study, force_option, replace_option
from gpusim.cli.report import write_report
from gpusim.cli.studies import backend_options, stoppable, study, tell_failures
from gpusim.cli.terminal import loading, say
from gpusim.errors import GpusimError
from gpusim.units import number_of


class _SweepGroup(click.Group):
    """``gpusim sweep FILE`` is ``gpusim sweep run FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@cli.group(cls=_SweepGroup, options_metavar="", subcommand_metavar="SWEEP.toml [OPTIONS] | COMMAND STORE")
def sweep() -> None:
    """Run variants of a scenario under many seeds."""


@sweep.command("run")
@click.argument("file", metavar="SWEEP.toml", type=PATH)
@click.option("--out", type=PATH, help="Folder of the store [default: out/NAME].")
@force_option
@backend_options
@click.pass_context
def run_sweep(
    ctx: click.Context, file: Path, out: Path | None, force: bool, executor: str, workers: int | None,
    address: str | None,
) -> None:  # fmt: skip
    """Run the missing runs of SWEEP.toml.

    The word `run` may be left out.

    SWEEP.toml, or a sweep that comes with gpusim (`gpusim scenarios`), names a scenario, what varies in it, and how
    often each variant is run:

    \b
        scenario = "my.toml"
        replications = 10
        measures = ["useful_gpu_hours", "wait_p95_s"]
        [axes.power]
        key = "sites.texas.grid_mw"
        values = [1.0, 1.2, 1.5]

    Every run that finishes is kept in the store, a folder of Parquet files. The command can be stopped at any time,
    even by Ctrl-C or a crash: a second call makes only the runs that are missing or that a changed file requires.
    Failed runs are recorded with their error, and the others continue.

    At the end it prints the mean of each measure over the replications, with its 95% interval. Exit status: 0 if all
    runs finished, 1 if some failed, 2 if the sweep cannot be run as it is, 130 after Ctrl-C.
    """
    with stoppable(out or "its store"):
        from gpusim.results.tables.folder import folder_name
        from gpusim.studies.sweeps.spec import SweepSpec

        spec = SweepSpec.from_toml(file)
        folder = out or Path("out") / folder_name(spec.name)
        check_study(folder, folder, "sweep", {"spec.name": spec.name}, force)
        loading()
        from gpusim.report.console import print_report
        from gpusim.report.sweeps import REPORT
        from gpusim.report.sweeps.findings import SweepFindings
        from gpusim.sweeps import sweep as execute

        with study(folder) as progress:
            done = execute(spec, folder, executor=executor, workers=workers, address=address, progress=progress)
        findings = SweepFindings(spec, done.store)
        page = write_report(findings, folder, REPORT)
        print_report(findings, sections=REPORT.console)
        say(f"\n{findings.counted}. Store: {folder}\nOpen {page} in a browser.")
        ctx.exit(tell_failures(done.store))


@sweep.command()
@click.argument("store", type=PATH)
@click.pass_context
def status(ctx: click.Context, store: Path) -> None:
    """How many runs of STORE are finished, failed or missing. Exit status 1 if any failed."""
    from gpusim.report.sweeps.findings import counted
    from gpusim.studies.store import Store

    kept = Store.open(store)
    say(f"{store}: {kept.about.get('study', 'study')}, {counted(kept.status())}")
    for file in kept.damaged():
        say(f"{file}: damaged; run the study again to repeat it")
    for file in kept.foreign():
        say(f"{file}: not written by a study; ignored")
    ctx.exit(tell_failures(kept))


@sweep.command()
@click.argument("store", type=PATH)
@click.argument("out", type=PATH)
@replace_option
def collect(store: Path, out: Path, force: bool) -> None:
    """Write the finished runs of STORE as one table.

    CSV or Parquet, by the ending of OUT.
    """
    from gpusim.inputs.files import as_text
    from gpusim.studies.store import Store

    if out.suffix not in (".csv", ".parquet"):
        raise GpusimError(f"{out}: ends in {out.suffix or 'nothing'!r}; give a name that ends in .csv or .parquet")
    kept = Store.open(store)
    check_output(out, force, store)
    table = kept.table()
    as_text(table).to_csv(out, index=False) if out.suffix == ".csv" else table.to_parquet(out, index=False)
    say(f"{out}: {number_of(len(table), 'run')}, {number_of(table.shape[1], 'column')}")
