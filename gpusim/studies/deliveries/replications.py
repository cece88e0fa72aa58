"""What replications of the build-out say, one by one: looked at here or in processes of their own, counted in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from gpusim.buildout.criticality import PathLook, Tally
from gpusim.buildout.ledger import live_table
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import simulate
from gpusim.commerce.book import Book
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.quantiles import CashTally, PromiseLook, PromiseTally, TaskTally
from gpusim.studies.deliveries.trade import DelayTally, DropTally, Trade
from gpusim.studies.sweeps.backend import Backend

CHUNK = 10  # replications that a worker is given at a time


class Look(NamedTuple):
    """What one replication says."""

    paths: PathLook
    tasks: tuple
    promises: PromiseLook | None
    cash: tuple | None
    delay: dict | None
    dropped: dict | None


class Tallies:
    """What the replications so far say.

    Parameters
    ----------
    scenario : Scenario
        Under the rules of its places.
    book : Book
        Of its contracts, signed.
    overheads : mapping of str to float
    delayed : range
        Seeds whose replications are also looked at with each project a month later.
    """

    def __init__(self, scenario: Scenario, book: Book, overheads: Mapping[str, float], delayed: range):
        self.scenario, self.book, self.overheads, self.delayed = scenario, book, overheads, delayed
        self.network = TaskNetwork(scenario)
        self.paths, self.tasks = Tally(scenario, self.network, overheads), TaskTally(self.network)
        self.promises, self.cash = PromiseTally(book), CashTally(book)
        self.delay = DelayTally(scenario, self.network, overheads)
        self.dropped = DropTally(scenario, book, self.network)

    def look(self, seed: int) -> Look:
        """Play a replication."""
        schedule = simulate(self.network, self.scenario, seed)
        live = live_table(self.scenario, self.network, schedule, self.overheads)
        trade = Trade.of(self.book, self.network, schedule, live) if self.scenario.contracts else None
        return Look(
            self.paths.look(schedule),
            self.tasks.look(schedule),
            self.promises.look(trade.statements.accounts) if trade else None,
            self.cash.look(trade.statements) if trade else None,
            self.delay.look(schedule, live, trade) if seed in self.delayed else None,
            self.dropped.look(schedule, live, trade) if trade else None,
        )

    def looks(self, seeds: range) -> list[Look]:
        """Play replications, one after the other."""
        return [self.look(seed) for seed in seeds]

    def count(self, look: Look) -> None:
        """Take in what a replication said; in the order of seeds."""
        for name, part in look._asdict().items():
            if part is not None:
                getattr(self, name).count(part)


def played(tallies: Tallies, seeds: range, backend: Backend, progress: Callable[[float], None] | None) -> None:
    """Play replications with a backend and count what they say: the same, to the last bit, whoever plays."""
    done = 0
    for look in _looks(tallies, seeds, backend):
        tallies.count(look)
        done += 1
        if progress is not None:
            progress(done / len(seeds))


def _looks(tallies: Tallies, seeds: range, backend: Backend) -> Iterator[Look]:
    """Looks in the order of seeds; some chunks of them are asked for ahead, of tallies that are empty yet."""
    blank = Tallies(tallies.scenario, tallies.book, tallies.overheads, tallies.delayed)
    chunks = deque(seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK))
    asked: deque = deque()
    while chunks or asked:
        while chunks and len(asked) < backend.window:
            asked.append(backend.executor.submit(blank.looks, chunks.popleft()))
        yield from asked.popleft().result()
