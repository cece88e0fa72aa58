"""Can this be delivered, when, and how surely; and contracts that ask so before they are signed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.buildout.ledger import live_table
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Draws, Schedule, as_of, replay
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book, Terms
from gpusim.errors import CommerceError, did_you_mean
from gpusim.regulation.building import limited
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import elapsed_s
from gpusim.units import DAY_S, calendar

# Can this be delivered, when, and with what probability? Asked of replications of the capacity, before signing.

QUANTILES = (10, 50, 90)  # [%]


def deliverable(book: Book, contract: str, lives: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """When the milestones of a contract are met, over replications of the live capacity.

    The contract takes its place in the book among those that are signed: what others have before it, it does not get.
    For the question it does not leave, however late: a proposal is judged by when all of it would be there.

    Parameters
    ----------
    book : Book
        With the contract, signed or proposed.
    contract : str
        Its name.
    lives : iterable of DataFrame
        Live GPUs of each replication, as ``allocate`` takes them.

    Returns
    -------
    DataFrame
        One row per milestone: milestone, gpus, due_utc, p10_utc, p50_utc, p90_utc (at which that share of replications
        has met it; NaT: not within the run), on_time, within_grace, in_run (probabilities), replications.

    Raises
    ------
    CommerceError
        If there is no such contract, or no replication.
    """
    names = [one.name for one in book.contracts]
    if contract not in names:
        raise CommerceError(
            f"no contract {contract!r}{did_you_mean(contract, names)}; known: {', '.join(names) or 'none'}"
        )
    place = names.index(contract)
    terms = _staying(book.contracts[place])
    book = replace(book, contracts=(*book.contracts[:place], terms, *book.contracts[place + 1 :]))
    found = [allocate(book, live) for live in lives]
    if not found:
        raise CommerceError("no replication of the live capacity; give one at least")
    never = np.array([one.met[place] == len(one.edges_s) - 1 for one in found])
    met_s = np.array([one.edges_s[one.met[place]] for one in found], float)
    late_s = np.sort(np.where(never, np.inf, met_s - terms.due_s), axis=0)
    start, grace_s = book.scenario.run.start, terms.spec.grace_days * DAY_S
    rows = {
        "milestone": np.arange(1, len(terms.due_s) + 1),
        "gpus": terms.due_gpus,
        "due_utc": [_date(start, due_s) for due_s in terms.due_s],
    }
    for q in QUANTILES:
        late = late_s[math.ceil(q / 100 * len(found)) - 1]  # at least that share is not later
        rows[f"p{q}_utc"] = [_date(start, met_s) for met_s in terms.due_s + late]
    return pd.DataFrame(
        {
            **rows,
            "on_time": (late_s <= 0.0).mean(axis=0),
            "within_grace": (late_s <= grace_s).mean(axis=0),
            "in_run": np.isfinite(late_s).mean(axis=0),
            "replications": len(found),
        }
    )


def admits(found: pd.DataFrame, least: float) -> bool:
    """Whether every milestone of ``deliverable`` is met within grace with at least that probability."""
    return bool((found["within_grace"] >= least).all())


def _staying(terms: Terms) -> Terms:
    """A contract without the right to leave."""
    never = {"terminate_after_late": None, "terminate_after_days": None}
    return replace(terms, spec=terms.spec.model_copy(update=never))


def _date(start: datetime, time_s: float) -> datetime:
    return calendar(start, float(time_s)) if math.isfinite(time_s) else pd.NaT


# Contracts that ask before they are signed: can this be delivered, as far as is known on that day?

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
    is to come is drawn anew (``gpusim.buildout.schedule``), and the contracts signed before it have their GPUs, in
    their order. That costs the time of as many build-outs, without their ledgers.

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
    network: TaskNetwork
    draws: Draws
    schedule: Schedule
    seed: int
    overheads: Mapping[str, float] | None

    @classmethod
    def of(cls, book: Book, seed: int, overheads: Mapping[str, float] | None) -> _Truth:
        scenario = limited(book.scenario)
        network = TaskNetwork(scenario)
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
