"""Live GPUs held against the book of contracts, in an exact sweep over all moments at which anything changes.

Contracts hold numbers of GPUs and no GPUs in particular: the division is made anew at every moment, and again from each
termination on.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import LIVE, Allocation, Termination, grace_s
from gpusim.commerce.book import Book
from gpusim.commerce.cuts import Cut
from gpusim.commerce.division import divide
from gpusim.errors import CommerceError, did_you_mean
from gpusim.units import DAY_S


def allocate(book: Book, live: pd.DataFrame, cuts: tuple[Cut, ...] = ()) -> Allocation:
    """Divide live GPUs among contracts over the run.

    Parameters
    ----------
    book : Book
    live : DataFrame
        site, gpu_type, time_s [s], gpus: GPUs that are live from a time on; before the first 0. Parts of a GPU do not
        count.
    cuts : tuple of Cut
        Of contracts whose tenants cut back: what they drop goes to the next in order.

    Raises
    ------
    CommerceError
        If columns are missing, or sites or types that the scenario does not have.
    """
    return _Division(book, live, cuts).play()


class _Division:
    """The division from the first interval to the last, made anew behind each termination."""

    def __init__(self, book: Book, live: pd.DataFrame, cuts: tuple[Cut, ...] = ()):
        self.book, self.cuts = book, list(cuts)
        self.pools, steps = _pools(book, live)
        times_s = np.concatenate([book.moments_s, *(times for times, _gpus in steps)])
        self.edges_s = np.unique(times_s[(times_s >= 0) & (times_s <= book.moments_s[-1])])
        starts_s, n = self.edges_s[:-1], len(self.edges_s) - 1
        self.n_run = int(np.searchsorted(self.edges_s, book.run_s))
        self.live = np.array([_held(times, gpus, starts_s) for times, gpus in steps], np.int64).reshape(len(steps), n)
        self.live[:, self.n_run :] = 0
        contracts = book.contracts
        self.committed = np.array([one.gpus.at(starts_s) for one in contracts], np.int64).reshape(len(contracts), n)
        within = [one.gpus.least(starts_s - grace_s(one), starts_s) for one in contracts]
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
        self.making_up = np.zeros_like(self.in_force)  # GPUs wanted after the term
        self.missed_from_s = np.zeros(len(contracts), np.int64)
        self.even: set[int] = set()  # contracts that have made good all
        for c in range(len(contracts)):
            self._go_on(c)

    def play(self) -> Allocation:
        first = 0
        while first is not None:
            run = slice(first, self.n_run)
            wanted = self.in_force[:, run] + self.making_up[:, run]
            self.taken[:, :, run] = divide(wanted, self.capacity[:, run], self.eligible)
            self.sums = self.taken.sum(axis=1)
            first = self._next()
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

    def _next(self) -> int | None:
        """Carry out what comes next, of several at one moment the first in order; the interval, if any."""
        moments = [(self._leaves(c), c, self._terminate) for c in range(len(self.due))]
        moments += [(self._even_s(c), c, self._stop) for c in range(len(self.due))]
        moments += [(cut.at_s, cut.contract, partial(self._cut, cut)) for cut in self.cuts]
        due = [(time_s, c, act) for time_s, c, act in moments if time_s is not None]
        if not due:
            return None
        time_s, c, act = min(due, key=lambda moment: moment[:2])
        interval = self._edge(time_s)
        act(c, interval)
        return interval

    def _terminate(self, c: int, interval: int) -> None:
        """A tenant leaves, fully or partly: what it missed until then is not made good."""
        terms, in_force = self.book.contracts[c], self.in_force[c, interval:]
        if terms.spec.terminates == "all":
            gpus = int(in_force[0])
            in_force[:] = 0
            self.closed[c] = np.minimum(self.closed[c], interval)
        else:
            gpus, met = int(self._overdue()[c, interval]), self._met(c)
            late = terms.due_s + grace_s(terms) <= self.edges_s[interval]
            lost = late & ((met < 0) | (met > interval)) & (self.closed[c] > interval)
            np.maximum(in_force - gpus, 0, out=in_force)
            self.closed[c] = np.where(lost, interval, self.closed[c])
            self.given_up[c] |= lost
        self._terminated(Termination(c, interval, gpus, self.in_force[c].copy(), terms.spec.terminates == "all"))

    def _cut(self, cut: Cut, c: int, interval: int) -> None:
        """A tenant keeps a part of what it has signed for, in whole GPUs."""
        self.cuts.remove(cut)
        in_force = self.in_force[c, interval:]
        kept = np.floor(in_force * cut.factor * (1.0 + 1e-12)).astype(np.int64)
        gpus, in_force[:] = int((in_force - kept).max()), kept
        whole = not kept.any()
        if whole:
            self.closed[c] = np.minimum(self.closed[c], interval)
        self._terminated(Termination(c, interval, gpus, self.in_force[c].copy(), whole, cut.shock))

    def _terminated(self, one: Termination) -> None:
        self.terminations.append(one)
        self.missed_from_s[one.contract] = self.edges_s[one.interval]
        self._go_on(one.contract)

    def _leaves(self, c: int) -> int | None:
        """[s] When a contract has the right to leave next; None if never."""
        terms = self.book.contracts[c]
        spec, edges_s = terms.spec, self.edges_s
        if spec.terminate_after_late is None and spec.terminate_after_days is None:
            return None
        met, closed_s = self._met(c), edges_s[self.closed[c]]
        met_s = np.where(met < 0, np.inf, edges_s[met])
        late_s = terms.due_s + grace_s(terms)
        is_late = self.given_up[c] | ((met_s > late_s) & (late_s < closed_s))
        moments = []
        if spec.terminate_after_late is not None:
            order = np.argsort(late_s, kind="stable")
            late = order[is_late[order]][spec.terminate_after_late - 1 :]
            moments += [late_s[j] for j in late if late_s[j] < closed_s[j]]
        if spec.terminate_after_days is not None:
            too_late_s = terms.due_s + round(spec.terminate_after_days * DAY_S)
            moments += list(too_late_s[(met_s > too_late_s) & (too_late_s < closed_s)])
        return int(min(moments)) if moments else None

    def _go_on(self, c: int) -> None:
        """After the term a contract goes on at the level of its last commitment, for what is to be made good."""
        terms = self.book.contracts[c]
        end, over = np.minimum(np.searchsorted(self.edges_s, (terms.end_s, terms.over_s)), self.n_run)
        if 0 < end < over:
            self.making_up[c, end:over] = self.in_force[c, end - 1]

    def _even_s(self, c: int) -> int | None:
        """[s] When a contract has made good all that it missed, to the second before; None if never, or long since."""
        if c in self.even or not self.making_up[c].any():
            return None
        end = int(np.searchsorted(self.edges_s, self.book.contracts[c].end_s))
        made = np.cumsum((self.sums[c] * np.diff(self.edges_s))[end : self.n_run])
        at = end + int(np.searchsorted(made, missed := self._to_make_up(c, end)))
        if missed == 0:
            return int(self.edges_s[end])
        return int(self.edges_s[at]) + self._to_make_up(c, at) // int(self.sums[c, at]) if at < self.n_run else None

    def _stop(self, c: int, interval: int) -> None:
        """A contract has made good all but for what one second takes with fewer GPUs."""
        left = self._to_make_up(c, interval)
        self.making_up[c, interval:] = 0
        if left:
            self._edge(int(self.edges_s[interval]) + 1)
            self.making_up[c, interval] = left
        self.even.add(c)

    def _to_make_up(self, c: int, until: int) -> int:
        """GPU-seconds missed in the term since the tenant last gave up any, less those made good until an interval."""
        first, end = np.searchsorted(self.edges_s, (self.missed_from_s[c], self.book.contracts[c].end_s))
        lacking = (self.in_force[c] - self.sums[c]) * np.diff(self.edges_s)
        return int(lacking[first : max(end, until)].sum())

    def _edge(self, time_s: int) -> int:
        """The interval that begins at a time; a new one if none does."""
        i = int(np.searchsorted(self.edges_s, time_s))
        if self.edges_s[i] == time_s:
            return i
        self.edges_s = np.insert(self.edges_s, i, time_s)
        for name in ("live", "committed", "graced", "in_force", "making_up", "capacity", "taken", "sums"):
            values = getattr(self, name)
            setattr(self, name, np.insert(values, i, values[..., i - 1], axis=-1))
        self.n_run += 1
        self.due, self.closed = ([np.where(at >= i, at + 1, at) for at in found] for found in (self.due, self.closed))
        self.terminations = [
            one._replace(
                interval=one.interval + (one.interval >= i), in_force=np.insert(one.in_force, i, one.in_force[i - 1])
            )
            for one in self.terminations
        ]
        return i

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
