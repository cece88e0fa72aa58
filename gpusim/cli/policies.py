"""``gpusim policies`` and ``gpusim compare-policies``."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_study, force_option
from gpusim.cli.report import write_report
from gpusim.cli.studies import backend_options, stoppable, study, tell_failures
from gpusim.cli.terminal import loading, say


@cli.command()
def policies() -> None:
    """Scheduling policies and their sources.

    Rules of dispatch and placements too. A scenario names one of each: `scheduler.order`, `scheduler.dispatch` and
    `scheduler.placement`.
    """
    from gpusim.report.catalogue import print_policies

    print_policies()


@cli.command("compare-policies")
@click.argument("scenario", type=PATH)
@click.option(
    "--policies",
    "names",
    required=True,
    metavar="NAMES",
    help="Policies, say fifo,easy,sjf+easy,priority+preempt,las: the others are compared with the first.",
)
@click.option(
    "--replications", "--seeds", "replications", type=click.IntRange(2), default=10, show_default=True,
    help="Runs of each policy, with consecutive seeds.",
)  # fmt: skip
@click.option(
    "--warm-up-days", type=click.FloatRange(0), default=0.0, show_default=True, help="Warm-up left out of measures."
)
@click.option("--out", type=PATH, help="Folder of the comparison [default: out/NAME-policies].")
@force_option
@backend_options
@click.pass_context
def compare_policies(
    ctx: click.Context, scenario: Path, names: str, replications: int, warm_up_days: float, out: Path | None,
    force: bool, executor: str, workers: int | None, address: str | None,
) -> None:  # fmt: skip
    """Which scheduling policy, and which differences are real?

    Runs SCENARIO under each policy with the same jobs and seeds, and compares each against the first: completion times,
    waits, slowdowns, makespan, utilisation, fairness, preemptions, waste, energy, deadlines. `gpusim policies` lists
    the names. Finished runs are kept: the same command resumes where it stopped. Only preemptible jobs are preempted.

    Exit status: 0 if all runs finished, 1 if some failed, 2 if there is nothing to run, 130 after Ctrl-C.
    """
    folder = out or Path("out") / f"{scenario.stem}-policies"
    with stoppable(folder):
        from gpusim.studies.comparison import comparison, refuse_misfits

        name = f"{scenario.stem}: policies"
        wanted = [part.strip() for part in names.split(",") if part.strip()]
        spec = comparison(str(scenario), wanted, name=name, replications=replications, warm_up_days=warm_up_days)
        refuse_misfits(spec)
        check_study(folder, folder, "sweep", {"spec.name": name}, force)
        loading()
        from gpusim.report.console import print_report
        from gpusim.report.policies import REPORT
        from gpusim.report.sweeps.findings import SweepFindings
        from gpusim.sweeps import sweep as execute

        with study(folder) as progress:
            done = execute(spec, folder, executor=executor, workers=workers, address=address, progress=progress)
        findings = SweepFindings(spec, done.store)
        page = write_report(findings, folder, REPORT)
        print_report(findings, sections=REPORT.console)
        say(f"\n{findings.counted}. Store: {folder}\nOpen {page} in a browser.")
        ctx.exit(tell_failures(done.store))
