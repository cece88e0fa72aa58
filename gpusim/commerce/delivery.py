"""Can this be delivered, when, and with what probability? Asked of replications of the capacity, before signing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book, Terms
from gpusim.errors import CommerceError, did_you_mean
from gpusim.units import DAY_S, calendar

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
