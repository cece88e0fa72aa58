"""Live GPUs held against the book of contracts: who has them when, which milestones are late, and who leaves.

An exact sweep over all moments at which anything changes; between them nothing does. Contracts hold numbers of GPUs and
no GPUs in particular: the division is made anew at every moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.commerce.book import Book, Terms
from gpusim.commerce.division import divide
from gpusim.errors import GpusimError, did_you_mean
from gpusim.units import DAY_S, calendar

LIVE = ("site", "gpu_type", "time_s", "gpus")


class CommerceError(GpusimError):
    """Capacity or spending that cannot be held against the contracts of a scenario."""


class Termination(NamedTuple):
    """A contract that was ended, in all or for the GPUs that were late."""

    contract: int
    interval: int  # from which on
    gpus: int  # given up; of a contract that ends, all that it had committed to then
    in_force: np.ndarray  # (intervals,) what is committed with it


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
        """contract, milestone (from 1), gpus in all, due, met (dates), days_late, state.

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
                        "due": calendar(start, float(due_s)),
                        "met": pd.NaT if np.isnan(met_s) else calendar(start, met_s),
                        "days_late": (met_s - due_s) / DAY_S, "state": self._state(c, j, met_s),
                    }
                )  # fmt: skip
        columns = ["contract", "milestone", "gpus", "due", "met", "days_late", "state"]
        return pd.DataFrame(rows, columns=columns)

    def _state(self, c: int, j: int, met_s: float) -> str:
        terms = self.book.contracts[c]
        late_s = terms.due_s[j] + _grace_s(terms)
        if not np.isnan(met_s):
            return "met" if met_s <= late_s else "late"
        closed_s = self.edges_s[self.closed[c][j]]
        if self.given_up[c][j] or late_s < closed_s:
            return "missed"
        if any(t.contract == c and self.edges_s[t.interval] == closed_s for t in self.terminations):
            return "cancelled"
        return "missed" if closed_s < self.book.run_s else "open"


def allocate(book: Book, live: pd.DataFrame) -> Allocation:
    """Divide live GPUs among contracts over the run.

    Parameters
    ----------
    book : Book
    live : DataFrame
        site, gpu_type, time_s [s], gpus: GPUs that are live from a time on; before the first 0. Parts of a GPU do not
        count.

    Raises
    ------
    CommerceError
        If columns are missing, or sites or types that the scenario does not have.
    """
    return _Sweep(book, live).play()


class _Sweep:
    """The division from the first interval to the last, made anew behind each termination."""

    def __init__(self, book: Book, live: pd.DataFrame):
        self.book = book
        self.pools, steps = _pools(book, live)
        times_s = np.concatenate([book.moments_s, *(times for times, _gpus in steps)])
        self.edges_s = np.unique(times_s[(times_s >= 0) & (times_s <= book.moments_s[-1])])
        starts_s, n = self.edges_s[:-1], len(self.edges_s) - 1
        self.n_run = int(np.searchsorted(self.edges_s, book.run_s))
        self.live = np.array([_held(times, gpus, starts_s) for times, gpus in steps], np.int64).reshape(len(steps), n)
        self.live[:, self.n_run :] = 0
        contracts = book.contracts
        self.committed = np.array([one.gpus.at(starts_s) for one in contracts], np.int64).reshape(len(contracts), n)
        within = [one.gpus.least(starts_s - _grace_s(one), starts_s) for one in contracts]
        self.graced = np.array(within, np.int64).reshape(len(contracts), n)
        self.in_force = self.committed.copy()
        may_use = [[one.may_use(*pool, book.scenario) for pool in self.pools] for one in contracts]
        self.may_use = np.array(may_use, bool).reshape(len(contracts), len(self.pools))
        # Pools that the same contracts may use are one to the division.
        self.eligible, self.group = np.unique(self.may_use, axis=1, return_inverse=True)
        self.capacity = np.zeros((self.eligible.shape[1], n), np.int64)
        np.add.at(self.capacity, self.group, self.live)
        self.taken = np.zeros((len(contracts), self.eligible.shape[1], n), np.int64)
        self.due = [np.searchsorted(self.edges_s, one.due_s) for one in contracts]
        ends = [min(int(np.searchsorted(self.edges_s, one.end_s)), self.n_run) for one in contracts]
        self.closed = [np.full(len(due), end) for due, end in zip(self.due, ends)]
        self.given_up = [np.zeros(len(due), bool) for due in self.due]
        self.terminations: list[Termination] = []

    def play(self) -> Allocation:
        first = 0
        while first is not None:
            run = slice(first, self.n_run)
            self.taken[:, :, run] = divide(self.in_force[:, run], self.capacity[:, run], self.eligible)
            self.sums = self.taken.sum(axis=1)
            first = self._terminate()
        n = len(self.edges_s) - 1
        met = [np.where(found < 0, n, found) for found in (self._met(c) for c in range(len(self.due)))]
        return Allocation(
            self.book, self.pools, self.edges_s, self.live, self.committed, self.in_force,
            np.where(np.arange(n) < self.n_run, self._overdue(), 0), self._by_pool(), met, self.closed, self.given_up,
            self.terminations,
        )  # fmt: skip

    def _overdue(self) -> np.ndarray:
        """GPUs missing beyond grace, shape (contracts, intervals)."""
        return np.maximum(self.graced - (self.committed - self.in_force) - self.sums, 0)

    def _met(self, c: int) -> np.ndarray:
        """Interval from which each milestone is met; -1: never."""
        found = np.full(len(self.due[c]), -1)
        for j, (due, closed) in enumerate(zip(self.due[c], self.closed[c])):
            span = slice(due, closed)
            there = self.sums[c, span] >= np.minimum(self.book.contracts[c].due_gpus[j], self.in_force[c, span])
            if there.any():
                found[j] = due + int(there.argmax())
        return found

    def _terminate(self) -> int | None:
        """Carry out the earliest termination, of several at one moment the first in order; the interval, if any."""
        moments = [(self._leaves(c), c) for c in range(len(self.due))]
        interval, c = min(((at, c) for at, c in moments if at is not None), default=(None, None))
        if interval is None:
            return None
        terms, in_force = self.book.contracts[c], self.in_force[c, interval:]
        if terms.spec.terminates == "all":
            gpus = int(in_force[0])
            in_force[:] = 0
            self.closed[c] = np.minimum(self.closed[c], interval)
        else:
            gpus, met = int(self._overdue()[c, interval]), self._met(c)
            late = terms.due_s + _grace_s(terms) <= self.edges_s[interval]
            lost = late & ((met < 0) | (met > interval)) & (self.closed[c] > interval)
            np.maximum(in_force - gpus, 0, out=in_force)
            self.closed[c] = np.where(lost, interval, self.closed[c])
            self.given_up[c] |= lost
        self.terminations.append(Termination(c, interval, gpus, self.in_force[c].copy()))
        return interval

    def _leaves(self, c: int) -> int | None:
        """Interval at which a contract has the right to leave next; None if never."""
        terms = self.book.contracts[c]
        spec, edges_s = terms.spec, self.edges_s
        if spec.terminate_after_late is None and spec.terminate_after_days is None:
            return None
        met, closed_s = self._met(c), edges_s[self.closed[c]]
        met_s = np.where(met < 0, np.inf, edges_s[met])
        late_s = terms.due_s + _grace_s(terms)
        is_late = self.given_up[c] | ((met_s > late_s) & (late_s < closed_s))
        moments = []
        if spec.terminate_after_late is not None:
            order = np.argsort(late_s, kind="stable")
            late = order[is_late[order]][spec.terminate_after_late - 1 :]
            moments += [late_s[j] for j in late if late_s[j] < closed_s[j]]
        if spec.terminate_after_days is not None:
            too_late_s = terms.due_s + round(spec.terminate_after_days * DAY_S)
            moments += list(too_late_s[(met_s > too_late_s) & (too_late_s < closed_s)])
        return int(np.searchsorted(edges_s, min(moments))) if moments else None

    def _by_pool(self) -> np.ndarray:
        """GPUs of each contract in each pool: within a group contracts, in order, fill its pools in theirs."""
        delivered = np.zeros((len(self.due), len(self.pools), len(self.edges_s) - 1), np.int64)
        for group in range(self.eligible.shape[1]):
            pools = np.flatnonzero(self.group == group)
            ends = np.cumsum(self.live[pools], axis=0)
            after = np.cumsum(self.taken[:, group], axis=0)
            low = np.maximum((after - self.taken[:, group])[:, None], (ends - self.live[pools])[None])
            delivered[:, pools] = np.maximum(np.minimum(after[:, None], ends[None]) - low, 0)
        return delivered


def _grace_s(terms: Terms) -> int:
    return round(terms.spec.grace_days * DAY_S)


def _held(times_s: np.ndarray, gpus: np.ndarray, at_s: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], gpus])[np.searchsorted(times_s, at_s, side="right")]


def _pools(book: Book, live: pd.DataFrame) -> tuple[list[tuple[str, str]], list[tuple[np.ndarray, np.ndarray]]]:
    """Pools in the order of the scenario's sites, then types; (times [s], GPUs) of the steps of each."""
    scenario = book.scenario
    if missing := [name for name in LIVE if name not in live]:
        raise CommerceError(f"live: columns {', '.join(missing)} missing; give {', '.join(LIVE)}")
    rows: dict[tuple[str, str], list[tuple[int, int]]] = {}
    times_s = np.round(live["time_s"].to_numpy(dtype=float)).astype(np.int64)
    gpus = np.floor(live["gpus"].to_numpy(dtype=float)).astype(np.int64)
    for site, kind, *step in zip(live["site"].tolist(), live["gpu_type"].tolist(), times_s.tolist(), gpus.tolist()):
        rows.setdefault((site, kind), []).append(step)
    places = {name: i for i, name in enumerate(scenario.sites)}
    kinds = {name: i for i, name in enumerate(scenario.gpus)}
    for what, names, known in (("site", {s for s, _k in rows}, places), ("GPU type", {k for _s, k in rows}, kinds)):
        if unknown := sorted(names - set(known)):
            raise CommerceError(f"live: unknown {what} {unknown[0]!r}{did_you_mean(unknown[0], known)}")
    pools = sorted(rows, key=lambda pool: (places[pool[0]], kinds[pool[1]]))
    steps = [sorted(rows[pool], key=lambda step: step[0]) for pool in pools]  # stable: of one moment the last row holds
    return pools, [tuple(np.array(column, np.int64) for column in zip(*rows_)) for rows_ in steps]
