"""Commands that make results and look at them."""

from __future__ import annotations

import time
from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.inputs import map_option
from gpusim.cli.paths import PATH, check_output, check_run, force_option, replace_option
from gpusim.cli.report import ASSUMPTIONS, COMPETITION, DELIVERIES, write_report
from gpusim.cli.studies import study, tell_failures
from gpusim.cli.terminal import say, timed, with_progress
from gpusim.errors import GpusimError, ResultError
from gpusim.units import DAY_S, WATT_PER_MW, number_of

SEEDS = 8  # runs that a headline rests on
QUICK_S = 4.0  # of work: for less no processes are started, which takes seconds
PAIRED = 20  # replications of the build-out with and without its rivals


@cli.command()
@click.argument("scenario", default="us_eu_fleet", type=PATH)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value, say sites.abilene.grid_mw=250."
)
@map_option
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first run.")
@click.option("--seeds", type=click.IntRange(1), help=f"Number of runs, with consecutive seeds [default: {SEEDS}].")
@click.option("--one", is_flag=True, help="Only the first run: quick, but a sample of one; assumptions are not tried.")
@click.option("--workers", type=click.IntRange(1), help="Runs at a time [default: one per core].")
@click.option("--out", type=PATH, help="Folder for tables, figures and report [default: out/NAME].")
@click.option("--check", is_flag=True, help="Check the conservation laws of the result.")
@click.option(
    "--replications",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Replications of the build-out alone, in a scenario with projects.",
)
@force_option
def run(
    scenario: Path,
    overrides: tuple[str, ...],
    columns: dict[str, str],
    seed: int,
    seeds: int | None,
    one: bool,
    workers: int | None,
    out: Path | None,
    check: bool,
    replications: int,
    force: bool,
) -> None:
    """Run SCENARIO: what holds it back, and how sure is that?

    It runs with several seeds; tables, figures and a report are written. The first run is shown in detail, as an
    example. Finished runs are kept in the folder: a second call, even with more seeds, repeats the first run and adds
    the missing ones.

    SCENARIO is a TOML file, or the name of one that comes with gpusim (`gpusim scenarios`) [default: us_eu_fleet].
    """
    from gpusim.scenario.notes import notes
    from gpusim.scenario.overrides import parse_overrides
    from gpusim.scenario.scenario import Scenario

    if one and seeds:
        raise GpusimError(f"--one is one run, --seeds {seeds} is {seeds}: give only one of the two")
    named = {f'workload.trace_columns."{theirs}"': ours for theirs, ours in columns.items()}
    loaded = Scenario.from_toml(scenario, parse_overrides(overrides) | named)
    for note in notes(loaded):
        say(f"Note: {note}", err=True)
    folder = out or Path("out") / scenario.stem
    check_run(folder, loaded, seed, force)
    from gpusim.engine.run import run as simulate

    result, took_s = timed(lambda: with_progress(lambda progress: simulate(loaded, seed, progress=progress)))
    say(f"Simulated {number_of(len(result.jobs), 'job')} in {took_s:.1f} s.", err=True)
    said = notes(loaded)
    for note in (note for note in result.manifest["notes"] if note not in said):
        say(f"Note: {note}", err=True)
    result.save(folder)
    several = _replications(loaded, result, 1 if one else seeds or SEEDS, folder, took_s, workers)
    built = _build_out(loaded, replications, seed, folder, doubted=not one) if loaded.projects else {}
    from gpusim.report.console import print_report
    from gpusim.report.findings import Findings
    from gpusim.report.sections import REPORT

    findings = Findings(result, replications=several, **built)
    write_report(findings, folder, REPORT)
    print_report(findings)  # only now: whoever reads this may go at any line
    if built and one:
        say("Without --one, this also names the five assumptions on which the answer hangs most, and what turns it.")
    say(f"\nOpen {folder / 'report.html'} in a browser; tables and figures are beside it.")
    if check:
        _check(result)


@cli.command()
@click.argument("first", type=PATH)
@click.argument("others", metavar="SECOND...", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, help="Also write a page to explore, an HTML file.")
@replace_option
def compare(first: Path, others: tuple[Path, ...], out: Path | None, force: bool) -> None:
    """Compare saved results: scenarios, measures, bottlenecks.

    Each of the others is compared with the first. Where both have two or more seeds in common,
    differences are means over these, paired by seed, with 95% intervals. A page (`--out compared.html`) has all of them
    side by side.
    """
    if out:
        check_output(out, force)
    if not set(others) - {first}:
        raise ResultError(f"{first}: a comparison is of at least two results; found only this one; give another folder")
    from gpusim.report.compared import REPORT
    from gpusim.report.compared.findings import ComparedRuns
    from gpusim.report.console import print_report
    from gpusim.report.findings import Findings
    from gpusim.result import Result

    results = {str(path): Result.load(path) for path in (first, *others)}
    runs = ComparedRuns({path: Findings(one, replications=one.replications) for path, one in results.items()})
    for pair in runs.pairs():
        print_report(pair, sections=REPORT.console)
    if out:
        from gpusim.report.page import write

        say(f"Open {write(runs.by_folder(), out, report=REPORT)} in a browser.")


@cli.command()
@click.argument("folder", type=PATH)
@click.argument("out", type=PATH)
@click.option("--from-day", default=0.0, show_default=True, help="First day of the window, counted from 0.")
@click.option("--days", default=1.0, show_default=True, help="Length of the window.")
@click.option("--site", help="Only this site.")
@replace_option
def export(folder: Path, out: Path, from_day: float, days: float, site: str | None, force: bool) -> None:
    """Write a window of a result as a trace for Perfetto.

    https://ui.perfetto.dev opens it.
    """
    from gpusim.report.timeline import export as export_window
    from gpusim.results.tables.record import Record

    check_output(out, force, folder)
    count = export_window(Record.load(folder), out, from_day, days, site)
    say(f"{out}: {number_of(count, 'event')}. Open it at https://ui.perfetto.dev")


def _check(result) -> None:
    from gpusim.errors import InvariantError
    from gpusim.results.conservation import check as find_faults

    faults = find_faults(result)
    if faults:
        raise InvariantError("conservation laws broken:\n" + "\n".join(f"  - {fault}" for fault in faults))
    say("Conservation laws hold.", err=True)


def _replications(scenario, first, seeds: int, folder: Path, took_s: float, workers: int | None):
    """Runs with the seeds that follow: in processes where these are quicker than to do without them."""
    from gpusim.studies.replications.replicate import FOLDER, replicate, replications_in
    from gpusim.studies.store import Store

    began = time.perf_counter()
    executor = "serial" if (seeds - 1) * took_s < QUICK_S else "processes"
    with study(folder) as progress:
        replicate(scenario, first, seeds, folder / FOLDER, executor=executor, workers=workers, progress=progress)
    if seeds > 1:
        say(f"{number_of(seeds - 1, 'more run')} in {time.perf_counter() - began:.1f} s.", err=True)
        tell_failures(Store.open(folder / FOLDER))
    return replications_in(folder)


def _build_out(scenario, replications: int, seed: int, folder: Path, doubted: bool) -> dict:
    """Studies of the build-out alone, saved below a folder: findings by name."""
    found = {"deliveries": _deliveries(scenario, replications, seed)}
    found["deliveries"].save(folder / DELIVERIES)
    if scenario.rivals:
        found["competition"] = _competition(scenario, seed)
        found["competition"].save(folder / COMPETITION)
    if doubted:
        found["assumptions"] = _assumptions(scenario, seed, found["deliveries"].losses)
        found["assumptions"].save(folder / ASSUMPTIONS)
    return found


def _deliveries(scenario, replications: int, seed: int):
    from gpusim.studies.deliveries.deliveries import deliveries

    began = time.perf_counter()
    found = with_progress(lambda progress: deliveries(scenario, replications, seed, progress=progress))
    say(f"Simulated {number_of(replications, 'build-out')} in {time.perf_counter() - began:.1f} s.", err=True)
    return found


def _competition(scenario, seed: int):
    from gpusim.studies.deliveries.competition import competition

    began = time.perf_counter()
    found = with_progress(lambda progress: competition(scenario, PAIRED, seed, progress=progress))
    say(f"Simulated {PAIRED} build-outs with and without rivals in {time.perf_counter() - began:.1f} s.", err=True)
    return found


def _assumptions(scenario, seed: int, losses):
    from gpusim.studies.deliveries.assumptions import assumptions

    began = time.perf_counter()
    found = with_progress(lambda progress: assumptions(scenario, seed=seed, losses=losses, progress=progress))
    tried = number_of(len(found.assumptions), "assumption")
    say(f"Tried {tried} of the build-out in {time.perf_counter() - began:.1f} s.", err=True)
    return found


# ``gpusim power-series``: the power of a site of a saved result from sample to sample.

ENDINGS = (".csv", ".parquet")


@cli.command("power-series")
@click.argument("folder", type=PATH)
@click.option("--site", required=True, help="A site of the result.")
@click.option("--from", "from_day", type=float, required=True, help="Start of the window, in days of the run.")
@click.option("--to", "to_day", type=float, required=True, help="End of the window, in days of the run.")
@click.option("--step", "step_s", type=float, default=0.025, show_default=True, help="Sample interval [s].")
@click.option("--work-step", "work_step_s", type=float, default=2.0, show_default=True,
              help="Training step of the jobs [s]; each ends with an exchange of data.")  # fmt: skip
@click.option("--mean-services", is_flag=True,
              help="Draw services at their mean over each record interval; serve no requests again.")  # fmt: skip
@click.option("--storage-mw", type=click.FloatRange(0, min_open=True),
              help="Smooth with storage of this charging and discharging power [MW].")  # fmt: skip
@click.option("--dummy-mw", type=click.FloatRange(0, min_open=True), help="Smooth with dummy load of this power [MW].")
@click.option("--out", type=PATH, help="Write the series to this CSV or Parquet file.")
@click.option("--figure", type=PATH, help="Draw power and swings to this PNG, PDF or SVG file.")
@replace_option
def power_series(
    folder: Path, site: str, from_day: float, to_day: float, step_s: float, work_step_s: float,
    mean_services: bool, storage_mw: float | None, dummy_mw: float | None, out: Path | None, figure: Path | None,
    force: bool,
) -> None:  # fmt: skip
    """Power of a site, second by second, for grid studies.

    FOLDER holds a saved result with the site. Ramps and swings are printed.
    """
    from gpusim.engine.serving.replayed import replayed_power
    from gpusim.report.swings_text import print_swings
    from gpusim.results import swings
    from gpusim.results.power_series import power_series as series_of
    from gpusim.results.tables.record import Record

    _check_file(out, ENDINGS, force)
    _check_file(figure, (".png", ".pdf", ".svg"), force)
    result = Record.load(folder)
    from_s, to_s = from_day * DAY_S, to_day * DAY_S
    serving_j = None if mean_services else replayed_power(result, site, from_s, to_s).energy_j
    series = series_of(result, site, from_s, to_s, step_s, work_step_s, serving_j)
    watts, smoothed = series["facility_w"].to_numpy(), {}
    if storage_mw is not None:
        smoothed[f"storage of {storage_mw:g} MW"] = swings.by_storage(watts, step_s, storage_mw * WATT_PER_MW)
    if dummy_mw is not None:
        smoothed[f"dummy load of {dummy_mw:g} MW"] = swings.by_dummy_load(watts, step_s, dummy_mw * WATT_PER_MW)
    print_swings(series, step_s, smoothed)
    if out is not None:
        series.to_csv(out, index=False) if out.suffix == ".csv" else series.to_parquet(out, index=False)
        say(f"{out}: {number_of(len(series), 'sample')}")
    if figure is not None:
        from gpusim.report.figures import save
        from gpusim.report.figures.swings import draw

        lines = {"as it is": watts} | {name: one.power_w for name, one in smoothed.items()}
        title = f"Power of {site} at the meter"
        drawn = ((figure.stem, draw(lines, step_s, title)) for _ in range(1))  # drawn while the style holds
        save(drawn, figure.parent, [figure.suffix[1:]])
        say(str(figure))


def _check_file(out: Path | None, endings: tuple[str, ...], force: bool) -> None:
    if out is None:
        return
    if out.suffix not in endings:
        raise ResultError(f"{out}: found ending {out.suffix!r}; give a name that ends in {' or '.join(endings)}")
    check_output(out, force)
