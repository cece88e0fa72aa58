"""``gpusim validate`` and ``compare-schedule``: ours beside known answers."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, replace_option
from gpusim.cli.terminal import loading, say, with_progress

# The command that compares gpusim with known answers.


@cli.command()
@click.option("--quick", is_flag=True, help="A sixteenth of the simulation, with tolerances four times as wide.")
@click.option("--only", metavar="ITEMS", help="Only these anchors, say 1,12 [default: all].")
@click.option("--out", type=PATH, help="Folder for validation.html and validation.parquet, all cases as one table.")
@replace_option
@click.pass_context
def validate(ctx: click.Context, quick: bool, only: str | None, out: Path | None, force: bool) -> None:
    """Compare with known answers. Exit status 1 if one is off."""
    from gpusim.report.anchors import REPORT, Anchors, write
    from gpusim.report.console import print_report
    from gpusim.validation.anchor import FULL, QUICK
    from gpusim.validation.suite import choose
    from gpusim.validation.suite import validate as rows_of

    items = choose(only)
    if out is not None:
        for name in ("validation.html", "validation.parquet"):
            check_output(out / name, force)
    loading()
    rows = with_progress(lambda progress: rows_of(items, QUICK if quick else FULL, progress))
    findings = Anchors(rows)
    print_report(findings, sections=REPORT.console)
    if out is not None:
        write(findings, out)
        say(f"{out / 'validation.html'} and {out / 'validation.parquet'} written.")
    if not all(row.passed for row in rows):
        ctx.exit(1)


# ``gpusim compare-schedule``: a schedule that another simulator recorded beside ours.


@cli.command("compare-schedule")
@click.argument("simulator")
@click.argument("policy")
@click.option("--jobs", type=PATH, required=True, help="Its input: CSV, SWF or a Gavel trace.")
@click.option("--recorded", type=PATH, required=True, help="Its schedule: CSV with starts and ends by job.")
@click.option(
    "--cluster", required=True,
    help="Nodes x GPUs per node, say 100x8, or a Tiresias cluster file; for Gavel v100=8,p100=12,k80=16.",
)  # fmt: skip
@click.option("--throughputs", type=PATH, help="Only for Gavel: its simulation_throughputs.json.")
@click.option("--out", type=PATH, help="CSV file of all jobs: times as recorded, by their rule and by ours.")
@replace_option
@click.pass_context
def compare_schedule(
    ctx: click.Context, simulator: str, policy: str, jobs: Path, recorded: Path, cluster: str,
    throughputs: Path | None, out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Reproduce the schedule of another simulator, job by job.

    The rule behind any difference is named.

    SIMULATOR is accasim, lucid, tiresias, gavel or textbook (EASY that keeps the first nodes that have room). Where its
    rule differs from gpusim's, plain Python versions of both rules must reproduce both schedules.

    Exit status: 0 if it is the same, 1 if not, 2 if something cannot be read.
    """
    from gpusim.report.schedule_text import schedule_text
    from gpusim.validation.recordings import read
    from gpusim.validation.schedules import compare, first_failed, rule_of

    rule_of(simulator, policy)
    if out is not None:
        check_output(out, force, recorded)
    loading()
    recording = read(simulator, policy, jobs, recorded, cluster, throughputs)
    verdicts, times = compare(recording)
    say(schedule_text(recording, verdicts, times))
    if out is not None:
        times.to_csv(out)
        say(f"{out} written.")
    if first_failed(verdicts) is not None:
        ctx.exit(1)
