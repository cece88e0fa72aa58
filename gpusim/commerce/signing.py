"""Contracts that ask before they are signed: can this be delivered, as far as is known on that day?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from gpusim import rng
from gpusim.buildout.as_of import as_of
from gpusim.buildout.draws import Draws
from gpusim.buildout.ledger import live_table
from gpusim.buildout.network import Network
from gpusim.buildout.schedule import Schedule, replay
from gpusim.commerce.book import Book, Terms
from gpusim.commerce.capacity import of_build_out
from gpusim.commerce.delivery import admits, deliverable
from gpusim.regulation.building import limited
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import elapsed_s
from gpusim.units import calendar

REPLICATIONS = 50
ASKED = ["contract", "asked_utc", "admit", "probability", "replications", "signed"]


@dataclass(frozen=True)
class Signings:
    """What came of the questions.

    Attributes
    ----------
    book : Book
        Without the contracts that were not signed.
    asked : DataFrame
        One row per contract with ``admit``, in order of time: contract, asked_utc, admit, probability (that of its
        least probable milestone, to be met within grace), replications, signed.
    """

    book: Book
    asked: pd.DataFrame


def sign(
    book: Book, seed: int = 0, overheads: Mapping[str, float] | None = None, replications: int = REPLICATIONS
) -> Signings:
    """Sign the contracts of a book in order of time, those with ``admit`` only if they can be delivered.

    Each is asked on its signing date of ``replications`` of the build-out: what has been done by then is known, what
    is to come is drawn anew (``gpusim.buildout.as_of``), and the contracts signed before it have their GPUs, in their
    order. That costs the time of as many build-outs, without their ledgers.

    Parameters
    ----------
    book : Book
        Contracts as written.
    seed : int
        Of the build-out that is to be. Replications have streams of their own: what happens does not depend on what was
        asked.
    overheads : mapping of str to float, optional
        As of ``gpusim.buildout.play.play``.
    """
    truth = None
    signed: list[Terms] = []
    rows = []
    for terms in sorted(book.contracts, key=lambda one: elapsed_s(one.spec.signed, book.scenario.run.start)):
        if terms.spec.admit is not None:
            truth = truth or _Truth.of(book, seed, overheads)
            probability = truth.probability(book, signed, terms, replications)
            at_s = elapsed_s(terms.spec.signed, book.scenario.run.start)
            rows.append((terms.name, calendar(book.scenario.run.start, at_s), terms.spec.admit, *probability))
            if not rows[-1][-1]:
                continue
        signed.append(terms)
    return Signings(_with(book, signed), pd.DataFrame(rows, columns=ASKED))


def _with(book: Book, contracts: list[Terms]) -> Book:
    """The book with some of its contracts, in its order."""
    names = {one.name for one in contracts}
    return replace(book, contracts=tuple(one for one in book.contracts if one.name in names))


@dataclass(frozen=True)
class _Truth:
    """The build-out that is to be, under the rules of its places; of it a part is known at each date."""

    scenario: Scenario
    network: Network
    draws: Draws
    schedule: Schedule
    seed: int
    overheads: Mapping[str, float] | None

    @classmethod
    def of(cls, book: Book, seed: int, overheads: Mapping[str, float] | None) -> _Truth:
        scenario = limited(book.scenario)
        network = Network(scenario)
        draws = Draws.of(network, scenario, seed)
        return cls(scenario, network, draws, replay(network, scenario, draws), seed, overheads)

    def probability(self, book: Book, signed: list[Terms], terms: Terms, n: int) -> tuple[float, int, bool]:
        """(probability of the least probable milestone, replications, whether it is signed)."""
        lives = [self._live(terms, i) for i in range(n)]
        found = deliverable(_with(book, [*signed, terms]), terms.name, lives)
        return float(found["within_grace"].min()), n, admits(found, terms.spec.admit)

    def _live(self, terms: Terms, replication: int) -> pd.DataFrame:
        scenario, names = self.scenario, ("signing", terms.name, replication)
        seed = int(rng.stream(self.seed, *names).integers(2**63))
        at_s = elapsed_s(terms.spec.signed, scenario.run.start)
        draws = as_of(self.network, scenario, self.draws, self.schedule, at_s, seed)
        schedule = replay(self.network, scenario, draws)
        return of_build_out(live_table(scenario, self.network, schedule, self.overheads))
