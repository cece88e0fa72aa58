"""``gpusim relieve``: what loosening each constraint of a scenario would buy."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.progress import loading
from gpusim.cli.report import BASE, RELIEF, write_report
from gpusim.cli.streams import say
from gpusim.cli.studies import backend_options, study
from gpusim.cli.target import check_study, force_option


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
    write_report(findings, folder)
    print_report(findings, sections=(ReliefSection(),))
    say(f"\nRuns, tables and report: {folder}\nOpen {folder / 'report.html'} in a browser.")
