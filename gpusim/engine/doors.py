"""The doors at which a policy in Python decides: what it is shown there, the check of its answers, what follows.

A round goes through the four points of decision in this order: dispatch, for all that wait; then pool by pool order or
allocate; and place, for each job that starts. Where a policy has no door the scenario's rules decide. Its answers are
checked here and carried out by a kernel (``targets``). Dispatch and allocate for a whole fleet at once: ``assigning``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim import gangs
from gpusim.engine.build import Names
from gpusim.engine.cpu_memory import UNITS
from gpusim.engine.environment import FleetEnvironment
from gpusim.errors import PolicyError
from gpusim.kernels import rounds, targets
from gpusim.kernels.reading import facility_w
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import ON, Status
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.policy import Policy, PoolView
from gpusim.units import JOULE_PER_MWH, number_of

G_PER_KWH = 3.6e6  # of 1 g/J


class Rounds:
    """One round of a policy over every pool, at every call."""

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        self.env, self.policy, self.name, self.names = env, policy, name, names
        self._rows = records(QUEUE, 64)
        # Plain arrays: to look up a field of a record array takes longer than a round without jobs.
        self._clock, self._pools, self._sites = (
            getattr(env.fleet, name).view(np.ndarray) for name in ("clock", "pools", "sites")
        )
        self._queued, self._running = self._pools["queued"], self._pools["running"]
        self._nodes = []
        for pool in env.fleet.pools:
            nodes = env.fleet.nodes[pool.first_node : pool.first_node + pool.n_nodes]
            nodes.flags.writeable = False
            self._nodes.append(nodes)

    def __call__(self) -> None:
        """Ask the policy at its doors, and do what it says."""
        clock = self._clock[0]
        if hasattr(self.policy, "dispatch"):
            self._dispatch()
        allocates = hasattr(self.policy, "allocate")
        pools = np.flatnonzero(self._queued + self._running if allocates else self._queued).tolist()
        first = int(clock["first_arrived"])
        for p in pools:
            clock["first_arrived"] = first
            if allocates:
                self._allocate(p)
            else:
                self._order(p)
        clock["first_arrived"] = clock["next_arrival"]

    # The doors ---------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Door 1: in which pool each waiting job waits."""
        fleet = self.env.fleet
        count = 0
        for p in np.flatnonzero(self._queued).tolist():
            count += self._list(rounds.list_waiting, p, count, int(self._queued[p]))
        if not count:
            return
        jobs = self._rows[:count]
        allowed = np.zeros((count, len(fleet.pools)), dtype=bool)
        rounds.list_allowed(fleet, jobs, allowed)
        allowed.flags.writeable = False
        views = [self._view(p) for p in range(len(fleet.pools))]
        answer = self._ask("dispatch", None, _shown(jobs), views, allowed, self.env.now)
        pools = self._whole("dispatch", None, answer, count, "the row of a pool for each waiting job")
        bad = np.flatnonzero(~((pools >= 0) & (pools < len(fleet.pools))))
        if not len(bad):
            bad = np.flatnonzero(~allowed[np.arange(count), pools])
        if len(bad):
            may = ", ".join(map(str, np.flatnonzero(allowed[bad[0]])))
            raise self._error(
                None, f"dispatch sent job {jobs[bad[0]].job} to pool {pools[bad[0]]}; it may wait in {may}"
            )
        targets.make_way(fleet, jobs["job"].copy(), pools, jobs["gpus"].copy(), np.ones(count), self.env.now)

    def _order(self, p: int) -> None:
        """Door 2: who goes first; a pass in that order follows."""
        fleet = self.env.fleet
        count = self._list(rounds.list_waiting, p, 0, int(self._queued[p]))
        jobs = self._rows[:count]
        self.policy.pool = self._view(p)
        found = self._ask("order", p, _shown(jobs), self.env.now)
        positions = self._whole("order", p, found, None, f"positions in the queue of {count}, best first")
        self._distinct("order", p, positions, count, "the queue")
        rounds.accept_order(fleet, p, jobs, positions)
        self.env.run_passes()

    def _allocate(self, p: int) -> None:
        """Door 3: how many GPUs each job that waits or runs shall have."""
        env, fleet = self.env, self.env.fleet
        waiting = self._list(rounds.list_waiting, p, 0, int(self._queued[p]))
        count = waiting + self._list(rounds.list_running, p, waiting, int(self._running[p]))
        jobs = self._rows[:count]
        jobs[waiting:] = jobs[waiting:][np.argsort(jobs["job"][waiting:])]
        self.policy.pool = self._view(p)
        answer = self._ask("allocate", p, _shown(jobs), env.now)
        gpus = self._whole("allocate", p, answer, count, "the GPUs that each job shall have")
        self._check_targets(p, jobs, gpus)
        rows = jobs["job"].copy()
        self._make_way(rows, np.full(count, p), gpus, jobs["gpus"])
        if hasattr(self.policy, "place"):
            self._place(p, jobs, np.argsort(-gpus, kind="stable")[: np.count_nonzero(gpus)])
            targets.close(fleet, p, rows, rows[gpus > 0], env.now)
        else:
            targets.fill(fleet, p, p + 1, rows, rows[gpus > 0], env.now)

    def _make_way(self, rows: np.ndarray, pools: np.ndarray, gpus: np.ndarray, before: np.ndarray) -> None:
        """Stop, move and resize jobs: they shall have ``gpus`` GPUs of ``pools``, not ``before``."""
        self.env.make_segment_room()
        times = self.env.sizes.times(rows, before, np.maximum(gpus, 1))
        targets.make_way(self.env.fleet, rows, pools, gpus, times, self.env.now)

    def _place(self, p: int, jobs: np.recarray, turn: np.ndarray) -> None:
        """Door 4: on which nodes each job starts, the larger first; none: it waits."""
        fleet, nodes = self.env.fleet, self._nodes[p]
        for i in turn.tolist():
            job = int(jobs[i].job)
            if fleet.jobs[job].status != Status.QUEUED:
                continue
            answer = self._ask("place", p, _shown(jobs)[i], nodes, self.env.now)
            found = self._whole("place", p, answer, None, "positions of nodes, none if the job shall wait")
            if not len(found):
                continue
            self._distinct("place", p, found, len(nodes), "the nodes")
            size, gpus = int(fleet.pools[p].gpus_per_node), int(fleet.jobs[job].gpus)
            wanted, take = gangs.n_nodes(gpus, size), gangs.on_node(gpus, size)
            full = [n for n in found.tolist() if nodes[n].state != ON or nodes[n].free < take]
            if len(found) != wanted or full:
                lacks = f", but node {full[0]} has not" if full else ""
                raise self._error(
                    p,
                    f"place gave job {job} the nodes {found[:8].tolist()}; give {wanted}, on and with {take} free GPUs"
                    f" each{lacks}",
                )
            targets.start_on(fleet, p, job, found + int(fleet.pools[p].first_node), self.env.now)

    # Questions and answers ---------------------------------------------------------------------------------------

    def _list(self, kernel: Callable, p: int, first: int, count: int) -> int:
        """Have a kernel list ``count`` jobs of a pool behind the ``first`` rows; how many."""
        if first + count > len(self._rows):
            grown = records(QUEUE, 2 * (first + count))
            grown[:first] = self._rows[:first]
            self._rows = grown
        sizes = self.env.sizes
        return kernel(self.env.fleet, p, self._rows, first, sizes.gpus, sizes.least, sizes.most, self.env.now)

    def _ask(self, door: str, p: int | None, *shown: object) -> object:
        try:
            return getattr(self.policy, door)(*shown)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the user's code raises: a SystemExit would end this process
            raise self._error(p, f"{door} raised {type(error).__name__}: {error}") from error

    def _whole(self, door: str, p: int | None, answer: object, count: int | None, what: str) -> np.ndarray:
        """An answer as whole numbers, ``count`` of them unless that is None."""
        try:
            found = np.asarray(answer)
        except Exception as error:  # ragged lists, and objects that only look like arrays
            raise self._error(p, f"{door} returned no sequence of whole numbers ({error}); return {what}") from error
        if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size) or count not in (None, len(found)):
            many = "whole numbers" if count is None else number_of(count, "whole number")
            raise self._error(p, f"{door} returned {found.dtype} of shape {found.shape}; return {many}: {what}")
        return np.ascontiguousarray(found, dtype="i8")

    def _distinct(self, door: str, p: int, positions: np.ndarray, count: int, of: str) -> None:
        """Positions of ``of``, each at most once."""
        seen = np.zeros(count, dtype=bool)
        inside = (positions >= 0) & (positions < count)
        if inside.all():
            seen[positions] = True
            if seen.sum() == len(positions):
                return
            first = np.unique(positions, return_index=True)[1]
            inside = np.isin(np.arange(len(positions)), first)
        at = int(np.flatnonzero(~inside)[0])
        raise self._error(
            p,
            f"{door} returned position {positions[at]} at place {at}, which is repeated or outside {of};"
            f" give each of 0 to {count - 1} at most once",
        )

    def _check_targets(self, p: int, jobs: np.recarray, gpus: np.ndarray, door: str = "allocate") -> None:
        most = int(self.env.fleet.pools[p].planned)
        bad = np.flatnonzero((gpus < 0) | (gpus > most))
        if len(bad):
            raise self._error(
                p,
                f"{door} gave job {jobs[bad[0]].job} {gpus[bad[0]]} GPUs; give 0 to {most:,}, all that the pool has",
            )
        sizes, job = self.env.sizes, jobs["job"]
        beyond = (gpus > 0) & sizes.ranged[job] & ((gpus < jobs["min_gpus"]) | (gpus > jobs["max_gpus"]))
        if beyond.any():
            one = jobs[np.flatnonzero(beyond)[0]]
            raise self._error(
                p,
                f"{door} gave job {one.job} {gpus[beyond][0]:,} GPUs; give 0, or {one.min_gpus:,} to"
                f" {one.max_gpus:,}, the range of its class",
            )
        kept = np.flatnonzero(jobs["running"] & ~jobs["preemptible"] & (gpus != jobs["gpus"]))
        if len(kept):
            job = jobs[kept[0]]
            raise self._error(
                p,
                f"{door} gave job {job.job} {gpus[kept[0]]} GPUs; it runs, is not preemptible and keeps its"
                f" {job.gpus:,}",
            )

    def _view(self, p: int) -> PoolView:
        pool = self._pools[p]
        site, first = self._sites[pool["site"]], int(pool["first_node"])
        return PoolView(
            *self.names.pools[p],
            nodes=self._nodes[p],
            gpus_per_node=int(pool["gpus_per_node"]),
            planned_gpus=int(pool["planned"]),
            energised_gpus=int(pool["energised"]),
            free_gpus=int(pool["free"]),
            price_usd_per_mwh=float(site["price_usd_per_j"]) * JOULE_PER_MWH,
            carbon_g_per_kwh=float(site["followed_g_per_j"]) * G_PER_KWH,
            limit_w=float(site["limit_w"]),
            facility_w=facility_w(self.env.fleet, int(pool["site"])),
            tenant_shares=self.names.shares,
            tenant_gpus=self.env.fleet.held[:, pool["gpu_type"]].copy(),
            speeds=self._speeds,
            tenants=tuple(self.names.tenants),
            region=self.names.regions[int(pool["site"])] if self.names.regions else "",
            occupants=lambda: [self.env.jobs_on(n) for n in range(first, first + len(self._nodes[p]))],
            classes=tuple(self.names.classes),
            cpus_per_node=float(pool["cpu_memory"][0]) / UNITS,
            memory_gb_per_node=float(pool["cpu_memory"][1]) / UNITS,
        )

    def _speeds(self, jobs: np.recarray, gpus: np.ndarray) -> np.ndarray:
        return self.env.sizes.speeds(jobs["job"], gpus)

    def _error(self, p: int | None, what: str) -> PolicyError:
        where = "" if p is None else " at {} ({})".format(*self.names.pools[p])
        return PolicyError(f"policy {self.name!r}{where}, {self.env.now:g} s into the run: {what}")


def _shown(jobs: np.recarray) -> np.recarray:
    """Jobs as a policy sees them: it may not write."""
    view = jobs.view()
    view.flags.writeable = False
    return view
