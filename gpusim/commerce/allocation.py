"""GPUs that are live over time, and what became of them and of the book of contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.commerce.book import Book, Terms
from gpusim.results.tables.record import Record
from gpusim.units import DAY_S, calendar

# GPUs that are live over time, from a run of the fleet or from a build-out.

LIVE = ("site", "gpu_type", "time_s", "gpus")
ROUNDING = 1e-6  # of a mean of GPUs, relative


def of_run(result: Record) -> pd.DataFrame:
    """Live GPUs of a run, as ``allocate`` takes them: those energised, nodes that have failed among them.

    At sites that projects add to, from the moments at which the build-out brings them. Elsewhere, and where a process
    of the run's own switches GPUs on or off otherwise, as means of the record intervals.
    """
    recorded = result.pools.assign(gpus=np.floor(result.pools["energised_gpus"] + 1e-6).astype(np.int64))
    before = recorded.groupby(["site", "gpu_type"], observed=True)["gpus"].shift(fill_value=0)
    changes = recorded[recorded["gpus"] != before].rename(columns={"start_s": "time_s"})[list(LIVE)]
    if "build_live" not in result.tables:
        return changes.reset_index(drop=True)
    exact = of_build_out(result.build_live)
    exact = exact[exact["site"].isin(_as_built(result, exact))]
    return pd.concat([changes[~changes["site"].isin(exact["site"])], exact], ignore_index=True)


def of_build_out(live: pd.DataFrame) -> pd.DataFrame:
    """Live GPUs of a build-out, as ``allocate`` takes them.

    Parameters
    ----------
    live : DataFrame
        site, gpu_type, time_s, live_gpus: GPUs from each change on. Sites that it leaves out have none.
    """
    return live.rename(columns={"live_gpus": "gpus"})[list(LIVE)]


def _as_built(result: Record, exact: pd.DataFrame) -> set[str]:
    """Sites of a build-out whose GPUs in the run were, in the mean of every record interval, those that it brings."""
    steps_of, others = dict(tuple(exact.groupby(["site", "gpu_type"], observed=True))), set()
    for (site, kind), pool in result.pools.groupby(["site", "gpu_type"], observed=True):
        if (site, kind) in steps_of:
            edges_s = np.append(pool["start_s"].to_numpy(), pool["end_s"].iloc[-1])
            built = np.diff(_integral(steps_of[site, kind], edges_s)) / np.diff(edges_s)
            if not np.allclose(built, pool["energised_gpus"], rtol=ROUNDING, atol=ROUNDING):
                others.add(site)
    return set(exact["site"]) - others


def _integral(steps: pd.DataFrame, at_s: np.ndarray) -> np.ndarray:
    """[GPU-s] Of the GPUs of a course of steps, from its first step to some times."""
    from_s, gpus = steps["time_s"].to_numpy(float), steps["gpus"].to_numpy(float)
    before = np.concatenate([[0.0], np.cumsum(gpus[:-1] * np.diff(from_s))])
    step = np.searchsorted(from_s, at_s, side="right") - 1
    return before[step] + gpus[step] * (at_s - from_s[step])


# What became of live GPUs and the book of contracts: who has them when, which milestones are late, and who left.


class Termination(NamedTuple):
    """A contract that was ended, in all or for the GPUs that were late."""

    contract: int
    interval: int  # from which on
    gpus: int  # given up; of a contract that ends, all that it had committed to then
    in_force: np.ndarray  # (intervals,) what is committed with it
    whole: bool
    shock: str = ""  # that made the tenant cut back; none: it left because GPUs were late


@dataclass(frozen=True)
class Allocation:
    """GPUs by contract and pool over time.

    Intervals go on to the end of the last contract; in those after the run nothing is delivered, and only commitments
    count.

    Attributes
    ----------
    book : Book
    pools : list of (site, GPU type)
    edges_s : int64 ndarray, shape (intervals + 1,)
    live : int64 ndarray, shape (pools, intervals)
        GPUs.
    committed, in_force, overdue : int64 ndarrays, shape (contracts, intervals)
        As signed; less what was terminated; missing beyond grace.
    delivered : int64 ndarray, shape (contracts, pools, intervals)
        What is made good after the term included.
    met, closed : lists of int64 ndarrays, shape (milestones,)
        Interval from which a milestone was met (the number of intervals: never), and from which it could not be.
    given_up : list of bool ndarrays, shape (milestones,)
        Whether a milestone was terminated as late.
    terminations : list of Termination
    """

    book: Book
    pools: list[tuple[str, str]]
    edges_s: np.ndarray
    live: np.ndarray
    committed: np.ndarray
    in_force: np.ndarray
    overdue: np.ndarray
    delivered: np.ndarray
    met: list[np.ndarray]
    closed: list[np.ndarray]
    given_up: list[np.ndarray]
    terminations: list[Termination]

    @property
    def left(self) -> np.ndarray:
        """GPUs that no contract has, shape (pools, intervals)."""
        return self.live - self.delivered.sum(axis=0)

    @property
    def in_term(self) -> np.ndarray:
        """GPUs delivered of what is committed, shape (contracts, intervals): without what is made good later."""
        return np.minimum(self.delivered.sum(axis=1), self.in_force)

    @property
    def missing(self) -> np.ndarray:
        """GPUs committed and not delivered, shape (contracts, intervals)."""
        return self.in_force - self.in_term

    def by_month(self, gpus: np.ndarray) -> np.ndarray:
        """Integrals over the months of the run of what holds in intervals, shape (..., intervals) -> (..., months)."""
        firsts = np.searchsorted(self.edges_s, self.book.months_s)
        per_interval = gpus[..., : firsts[-1]] * np.diff(self.edges_s)[: firsts[-1]]
        return np.add.reduceat(per_interval, firsts[:-1], axis=-1)

    def table(self) -> pd.DataFrame:
        """contract, site, gpu_type, start_s, end_s, gpus: what was delivered where, without rows of none."""
        contract, pool, interval = np.nonzero(self.delivered)
        sites, kinds = zip(*self.pools, strict=True) if self.pools else ((), ())
        return pd.DataFrame(
            {
                "contract": np.array([one.name for one in self.book.contracts], object)[contract],
                "site": np.array(sites, object)[pool],
                "gpu_type": np.array(kinds, object)[pool],
                "start_s": self.edges_s[interval].astype(float),
                "end_s": self.edges_s[interval + 1].astype(float),
                "gpus": self.delivered[contract, pool, interval],
            }
        )

    def milestones(self) -> pd.DataFrame:
        """contract, milestone (from 1), gpus in all, due_utc, met_utc, late_days, state.

        States: met (within grace), late (after it), missed (never, though grace had passed), cancelled (its contract
        was terminated before), open (the run ended before grace did).
        """
        start = self.book.scenario.run.start
        rows = []
        for c, terms in enumerate(self.book.contracts):
            for j, due_s in enumerate(terms.due_s):
                met_s = float(self.edges_s[self.met[c][j]]) if self.met[c][j] < len(self.edges_s) - 1 else np.nan
                rows.append(
                    {
                        "contract": terms.name, "milestone": j + 1, "gpus": int(terms.due_gpus[j]),
                        "due_utc": calendar(start, float(due_s)),
                        "met_utc": pd.NaT if np.isnan(met_s) else calendar(start, met_s),
                        "late_days": (met_s - due_s) / DAY_S, "state": self._state(c, j, met_s),
                    }
                )  # fmt: skip
        columns = ["contract", "milestone", "gpus", "due_utc", "met_utc", "late_days", "state"]
        table = pd.DataFrame(rows, columns=columns)
        return table.assign(**{name: pd.to_datetime(table[name], utc=True) for name in ("due_utc", "met_utc")})

    def departures(self) -> pd.DataFrame:
        """contract, left_utc, gpus given up, whole (whether all of it ended), shock (that made the tenant cut back;
        empty: GPUs were late): the terminations, in their order."""
        start = self.book.scenario.run.start
        rows = [
            {
                "contract": self.book.contracts[one.contract].name,
                "left_utc": calendar(start, float(self.edges_s[one.interval])),
                "gpus": one.gpus,
                "whole": one.whole,
                "shock": one.shock,
            }
            for one in self.terminations
        ]
        return pd.DataFrame(rows, columns=["contract", "left_utc", "gpus", "whole", "shock"])

    def _state(self, c: int, j: int, met_s: float) -> str:
        terms = self.book.contracts[c]
        late_s = terms.due_s[j] + grace_s(terms)
        if not np.isnan(met_s):
            return "met" if met_s <= late_s else "late"
        closed_s = self.edges_s[self.closed[c][j]]
        if self.given_up[c][j] or late_s < closed_s:
            return "missed"
        if any(t.contract == c and self.edges_s[t.interval] == closed_s for t in self.terminations):
            return "cancelled"
        return "missed" if closed_s < self.book.run_s else "open"


def grace_s(terms: Terms) -> int:
    return round(terms.spec.grace_days * DAY_S)
