"""``gpusim.deliveries``: when projects and contracts are delivered, what holds them up, and what a month costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gpusim.commerce.book import Book
from gpusim.commerce.signing import sign
from gpusim.engine.build import check_regions
from gpusim.engine.surroundings import monthly_prices, peak_overheads
from gpusim.errors import ScenarioError
from gpusim.regulation.building import limited
from gpusim.results.tables.studies import Deliveries
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.replications import Tallies, played
from gpusim.studies.sweeps.backend import cores, open_backend
from gpusim.units import DAY_S

REPLICATIONS = 200
MOST_DELAYED, LEAST_DELAYED = 20, 5  # replications that are also looked at with each project a month later
MANY = 400  # replications for which it is worth while to start processes
DELAYS = 200  # such looks in all, from which on it is fewer replications


def deliveries(
    scenario: Scenario,
    replications: int = REPLICATIONS,
    seed: int = 0,
    *,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Deliveries:
    """Simulate the build-out of a scenario many times, without its jobs, and compare live GPUs with its contracts.

    The first replication is the build-out of ``gpusim.run`` with the same seed.

    Parameters
    ----------
    scenario : Scenario
        With projects, with or without contracts.
    replications : int
    seed : int
        Seed of the first replication; the others have the seeds that follow. All have the weather of this seed, which
        limits what a grid connection can power, and its prices of energy; conditional contracts are decided as in a run
        with it.
    workers : int, optional
        Number of processes; by default all cores for 400 replications and more, else only this one, as starting others
        takes seconds. The result is the same.
    progress : callable, optional
        Called with the share that is done.

    Raises
    ------
    ScenarioError
        If the scenario has no projects.

    Examples
    --------
    >>> found = gpusim.deliveries(scenario)
    >>> found.milestones  # P10, P50 and P90 of each contract's milestones
    """
    if not scenario.projects:
        raise ScenarioError(scenario.name, ["projects: found none; deliveries needs at least one"])
    check_regions(scenario)
    overheads = peak_overheads(scenario, seed)
    seeds = range(seed, seed + replications)
    delayed = min(max(min(MOST_DELAYED, DELAYS // len(scenario.projects)), LEAST_DELAYED), replications)
    book = sign(Book.of(scenario), seed, overheads).book
    book = replace(book, energy_usd_per_mwh=monthly_prices(scenario, book.months_s, seed))
    tallies = Tallies(limited(scenario), book, overheads, seeds[:delayed])
    workers = workers or (cores() if replications >= MANY else 1)
    with open_backend("processes" if workers > 1 else "serial", workers) as backend:
        played(tallies, seeds, backend, progress)
    found, promises, cash = tallies.paths.result(list(seeds)), tallies.promises, tallies.cash
    about = {
        "scenario": scenario.to_toml_dict(), "seed": seed, "replications": replications,
        "delayed": delayed, "start": scenario.run.start.isoformat(),
        "duration_s": scenario.run.days * DAY_S,
    }  # fmt: skip
    return Deliveries(
        about, found.dates, tallies.tasks.table(found.tasks), found.losses, found.supplies, promises.milestones(),
        promises.contracts(), tallies.delay.table(), tallies.dropped.table(), cash.money(), cash.cash(),
    )  # fmt: skip
