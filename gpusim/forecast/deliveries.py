"""``gpusim.deliveries``: when projects and contracts are delivered, what holds them up, and what a month costs."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.commerce.book import Book
from gpusim.commerce.signing import sign
from gpusim.engine.build import check_regions
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import ScenarioError
from gpusim.forecast.cash import CashTally
from gpusim.forecast.delay import DelayTally
from gpusim.forecast.promises import PromiseTally
from gpusim.forecast.tasks import TaskTally
from gpusim.forecast.trade import Trade
from gpusim.model.scenario import Scenario
from gpusim.programme.criticality import Tally
from gpusim.programme.ledger import live_table
from gpusim.programme.network import Network
from gpusim.programme.schedule import simulate
from gpusim.record.deliveries import Deliveries
from gpusim.rules.building import limited
from gpusim.units import DAY_S

REPLICATIONS = 200
MOST_DELAYED, LEAST_DELAYED = 20, 5  # replications that are also looked at with each project a month later
DELAYS = 200  # such looks in all, from which on it is fewer replications


def deliveries(
    scenario: Scenario,
    replications: int = REPLICATIONS,
    seed: int = 0,
    *,
    progress: Callable[[float], None] | None = None,
) -> Deliveries:
    """Play the build-out of a scenario many times, without its jobs, and hold what is live against its contracts.

    The first replication is the build-out of ``gpusim.run`` with the same seed.

    Parameters
    ----------
    scenario : Scenario
        With projects, with or without contracts.
    replications : int
    seed : int
        Of the first replication; the others have those that follow. The weather, on which it depends how much a grid
        connection carries, is that of this seed in all, and contracts that ask before they are signed are decided as in
        a run with it.
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
        raise ScenarioError(scenario.name, ["projects: found none, but what is delivered are projects; give one"])
    check_regions(scenario)
    source, overheads = limited(scenario), peak_overheads(scenario, seed)
    network, book = Network(source), sign(Book.of(scenario), seed, overheads).book
    paths, tasks = Tally(source, network, overheads), TaskTally(network)
    promises, cash, delay = PromiseTally(book), CashTally(book), DelayTally(source, network, overheads)
    seeds = list(range(seed, seed + replications))
    delayed = min(max(min(MOST_DELAYED, DELAYS // len(scenario.projects)), LEAST_DELAYED), replications)
    for i, one in enumerate(seeds):
        schedule = simulate(network, source, one)
        paths.add(schedule)
        tasks.add(schedule)
        live = live_table(source, network, schedule, overheads)
        trade = Trade.of(book, network, schedule, live) if scenario.contracts else None
        if trade is not None:
            promises.add(trade.books.accounts)
            cash.add(trade.books)
        if i < delayed:
            delay.add(schedule, live, trade)
        if progress is not None:
            progress((i + 1) / replications)
    found = paths.result(seeds)
    about = {
        "scenario": scenario.to_toml_dict(), "seed": seed, "replications": replications,
        "delayed": delayed, "start": scenario.run.start.isoformat(),
        "duration_s": scenario.run.days * DAY_S,
    }  # fmt: skip
    return Deliveries(
        about, found.dates, tasks.table(found.tasks), found.losses, found.supplies, promises.milestones(),
        promises.contracts(), delay.table(), cash.money(), cash.cash(),
    )  # fmt: skip
