"""``gpusim plan`` and ``relieve``: what to buy for a goal, and what loosening each constraint would buy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_no_input, check_study, force_option
from gpusim.cli.report import BASE, RELIEF, write_report
from gpusim.cli.studies import backend_options, study
from gpusim.cli.terminal import loading, say

if TYPE_CHECKING:
    from gpusim.plans import Plan


# ``gpusim plan``: what to buy so that a goal is met at the least cost.


@cli.command()
@click.argument("scenario", type=PATH)
@click.option("--goal", required=True, help='Say "p95 wait of research < 2 h and slo(chat) >= 0.99".')
@click.option("--budget", type=int, default=200, show_default=True, help="Total number of runs.")
@click.option("--replications", type=int, default=5, show_default=True, help="Runs of each candidate.")
@click.option("--most-usd", type=float, help="Skip plans that cost more.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first replication.")
@click.option("--out", type=PATH, help="Folder of the plan [default: out/NAME-plan].")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value, say run.days=7.")
@force_option
@backend_options
def plan(
    scenario: Path,
    goal: str,
    budget: int,
    replications: int,
    most_usd: float | None,
    seed: int,
    out: Path | None,
    overrides: tuple[str, ...],
    force: bool,
    executor: str,
    workers: int | None,
    address: str | None,
) -> None:
    """Search for the cheapest purchases that meet a goal.

    [plan.options] of SCENARIO lists what can be bought:

    \b
        [plan.options.power]
        key = "sites.texas.grid_mw"
        how = "add"
        range = [0.0, 0.4]         # MW more
        step = 0.1
        usd_per_unit = 10500000.0

    Writes plan.toml, SCENARIO with the purchases in it, front.csv, candidates.csv, front.png and report.html.
    """
    from gpusim.scenario.overrides import parse_overrides
    from gpusim.scenario.scenario import Scenario
    from gpusim.studies.planning.goal import Goal

    loaded = Scenario.from_toml(scenario, parse_overrides(overrides))
    Goal.parse(goal, loaded)  # a fault is told before anything is compiled
    folder = out or Path("out") / f"{scenario.stem}-plan"
    store = folder / "runs"
    check_no_input(folder / "plan.toml", scenario)
    check_study(folder, store, "plan", {"scenario": loaded.to_toml_dict(), "goal": goal, "seed": seed}, force)
    loading()
    from gpusim.plans import plan as search

    with study(store) as progress:
        found = search(
            loaded, goal, budget=budget, replications=replications, most_usd=most_usd, seed=seed, store=store,
            executor=executor, workers=workers, address=address, progress=progress,
        )  # fmt: skip
    from gpusim.report.console import print_report
    from gpusim.report.plans import REPORT

    page = _write(found, folder, scenario)
    print_report(found, sections=REPORT.console)
    say(f"\nRun the plan with: gpusim run {folder / 'plan.toml'}\nOpen {page} in a browser.")


def _write(found: Plan, folder: Path, scenario: Path) -> Path:
    """Write tables, figure and scenario of a plan; its page."""
    from gpusim.inputs.files import as_text
    from gpusim.report.drawing import draw_all
    from gpusim.report.page import write
    from gpusim.report.plans import REPORT
    from gpusim.report.scenario_text import write_changed

    write_changed(scenario, found.scenario, folder / "plan.toml")
    for name, table in (("front", found.front), ("candidates", found.candidates)):
        known = table.replace([float("inf"), float("-inf")], float("nan"))  # an empty cell: no figure, or no end to it
        as_text(known).to_csv(folder / f"{name}.csv", index=False)
    return write(found, folder / "report.html", draw_all(found, folder, REPORT.sections), REPORT)


# ``gpusim relieve``: what loosening each constraint of a scenario would buy.


@cli.command()
@click.argument("scenario", type=PATH)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value of the scenario.")
@click.option("--by", "measure", default="useful_gpu_hours", show_default=True, help="Measure to rank reliefs by.")
@click.option("--step", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True,
              help="Step of quantities, as a share.")  # fmt: skip
@click.option("--days", type=click.FloatRange(0, min_open=True), default=7.0, show_default=True,
              help="Step of dates: days earlier.")  # fmt: skip
@click.option("--budget", type=click.IntRange(1), default=300, show_default=True,
              help="Maximum number of runs for the ranking; the first round (4 seeds each) always runs.")  # fmt: skip
@click.option("--curves", type=click.IntRange(0), default=3, show_default=True,
              help="Number of the best reliefs that get a curve of gain against step.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--out", type=PATH, help="Folder for runs, tables and report [default: out/NAME-relief].")
@force_option
@backend_options
def relieve(
    scenario: Path, overrides: tuple[str, ...], measure: str, step: float, days: float, budget: int, curves: int,
    seed: int, out: Path | None, force: bool, executor: str, workers: int | None, address: str | None,
) -> None:  # fmt: skip
    """Loosen each binding constraint, and rank the gains."""
    from gpusim.scenario.overrides import parse_overrides
    from gpusim.scenario.scenario import Scenario

    loaded = Scenario.from_toml(scenario, parse_overrides(overrides))
    folder = out or Path("out") / f"{scenario.stem}-relief"
    check_study(folder, folder / "runs", "relief", {"scenario": loaded.to_toml_dict(), "seed": seed}, force)
    loading()
    from gpusim.engine.run import run as simulate
    from gpusim.report.console import print_report
    from gpusim.report.findings import Findings
    from gpusim.report.sections import REPORT
    from gpusim.report.sections.relief import ReliefSection
    from gpusim.studies.relief.study import relieve as study_relief

    with study(folder / "runs") as progress:
        found = study_relief(
            loaded, seed, measure=measure, step=step, days=days, budget=budget, curves=curves,
            store=folder / "runs", executor=executor, workers=workers, address=address, progress=progress,
        )  # fmt: skip
        result = simulate(loaded, seed)
    found.save(folder / RELIEF)
    result.save(folder / BASE)
    findings = Findings(result, found)
    write_report(findings, folder, REPORT)
    print_report(findings, sections=(ReliefSection(),))
    say(f"\nRuns, tables and report: {folder}\nOpen {folder / 'report.html'} in a browser.")
