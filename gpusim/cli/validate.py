"""``gpusim validate`` and ``compare-schedule``: ours beside known answers."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, replace_option
from gpusim.cli.terminal import loading, say, with_progress
from gpusim.units import number_of

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
    from gpusim.validation.recordings import read
    from gpusim.validation.schedules import compare, mean_completion_s, rule_for, rule_of

    rule_of(simulator, policy)
    if out is not None:
        check_output(out, force, recorded)
    loading()
    recording = read(simulator, policy, jobs, recorded, cluster, throughputs)
    verdicts, times = compare(recording)
    rule = rule_for(recording)
    say(f"{simulator} {policy}, {number_of(len(times), 'job')}")
    if left_out := len(recording.jobs) - len(times):
        say(f"  {number_of(left_out, 'job')} without a recorded end: scheduled, and not compared")
    for verdict in verdicts:
        if verdict.lacks:
            say(f"  not checked: {verdict.what}: its solver is not installed (pip install {verdict.lacks})")
        else:
            say(f"  {verdict.same.sum():,} of {len(times):,} start and end {verdict.what}")
    means_s = mean_completion_s(recording, times)
    known_s, ours_s = means_s["recorded"], means_s["ours"]
    more = f"{ours_s / known_s - 1.0:+.1%}"
    say(f"  mean completion time {known_s:,.0f} s as recorded, {ours_s:,.0f} s with gpusim ({more})")
    if rule.difference:
        nowhere = ", here without effect" if verdicts[-1].same.all() else ""
        say(f"  their rule differs{nowhere}: {rule.difference}")
    failed = next(
        (verdict for verdict in verdicts if verdict.must and not verdict.lacks and not verdict.same.all()), None
    )
    if failed is not None:
        if failed.what.endswith("as recorded"):
            say("  the known rule does not reproduce it: check policy, cluster and the order of simultaneous jobs")
        say(f"  first jobs that do not start and end {failed.what}:")
        say(times[~failed.same].head(5).to_string())
    if out is not None:
        times.to_csv(out)
        say(f"{out} written.")
    if failed is not None:
        ctx.exit(1)
