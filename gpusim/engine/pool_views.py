"""What a policy in Python sees of pools: read as it asks for it, and then the same as long as it is asked."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.cpu_memory import UNITS
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import showing
from gpusim.kernels.reading import facility_w
from gpusim.policies.policy import PoolView
from gpusim.units import JOULE_PER_MWH

G_PER_KWH = 3.6e6  # of 1 g/J


class PoolViews:
    """The pools of a fleet, for whoever decides."""

    def __init__(self, env: FleetEnvironment, names: Names):
        self.env, self.names = env, names
        # Plain rows: to look up a field of a record takes longer.
        pools, sites = (getattr(env.fleet, name).view(np.ndarray) for name in ("pools", "sites"))
        self.rows = [(pools[p], sites[pools[p]["site"]]) for p in range(len(pools))]
        self.nodes = []
        for pool in env.fleet.pools:
            nodes = env.fleet.nodes[pool.first_node : pool.first_node + pool.n_nodes]
            nodes.flags.writeable = False
            self.nodes.append(nodes)

    def of(self, p: int) -> PoolView:
        """A pool as it is now."""
        return _Pool(self, p)

    def all(self) -> list[PoolView]:
        """All of them."""
        return [_Pool(self, p) for p in range(len(self.rows))]


class _Pool(PoolView):
    """One of them; what its attributes are, its kind says."""

    def __init__(self, views: PoolViews, p: int):
        row, site = views.rows[p]
        self.__dict__.update(_of=views, _p=p, _row=row, _site=site)

    site = cached_property(lambda self: self._of.names.pools[self._p][0])
    gpu_type = cached_property(lambda self: self._of.names.pools[self._p][1])
    nodes = cached_property(lambda self: self._of.nodes[self._p])
    gpus_per_node = cached_property(lambda self: int(self._row["gpus_per_node"]))
    planned_gpus = cached_property(lambda self: int(self._row["planned"]))
    energised_gpus = cached_property(lambda self: int(self._row["energised"]))
    free_gpus = cached_property(lambda self: int(self._row["free"]))
    held_gpus = cached_property(lambda self: int(self._row["busy"] + self._row["serving"]))
    queued_gpus = cached_property(lambda self: int(self._row["queued_gpus"] + self._row["inbound_gpus"]))
    rated_w_per_gpu = cached_property(lambda self: float(self._row["rated_w_per_gpu"]))
    price_usd_per_mwh = cached_property(lambda self: float(self._site["price_usd_per_j"]) * JOULE_PER_MWH)
    carbon_g_per_kwh = cached_property(lambda self: float(self._site["followed_g_per_j"]) * G_PER_KWH)
    limit_w = cached_property(lambda self: float(self._site["limit_w"]))
    facility_w = cached_property(lambda self: facility_w(self._of.env.fleet, int(self._row["site"])))
    tenant_shares = cached_property(lambda self: self._of.names.shares.copy())
    tenant_gpus = cached_property(lambda self: self._of.env.fleet.held[:, self._row["gpu_type"]].copy())
    tenants = cached_property(lambda self: tuple(self._of.names.tenants))
    classes = cached_property(lambda self: tuple(self._of.names.classes))
    cpus_per_node = cached_property(lambda self: float(self._row["cpu_memory"][0]) / UNITS)
    memory_gb_per_node = cached_property(lambda self: float(self._row["cpu_memory"][1]) / UNITS)

    @cached_property
    def region(self) -> str:
        regions = self._of.names.regions
        return regions[int(self._row["site"])] if regions else ""

    def occupants(self) -> list[list[int]]:
        first = int(self._row["first_node"])
        return [self._of.env.jobs_on(n) for n in range(first, first + len(self.nodes))]

    def speeds(self, jobs: np.recarray, gpus: np.ndarray) -> np.ndarray:
        return self._of.env.sizes.speeds(jobs["job"], gpus)

    def speed_of(self, jobs: np.recarray) -> np.ndarray:
        return self._of.env.fleet.speeds[jobs["job_class"], self._p]

    def can_start(self, jobs: np.recarray) -> np.ndarray:
        rows = self._asked_about(jobs)
        found = np.zeros(len(rows), bool)
        showing.list_ready(self._of.env.fleet, rows, self._p, found)
        return found

    def starts_in_s(self, jobs: np.recarray) -> np.ndarray:
        rows = self._asked_about(jobs)
        found = np.zeros(len(rows))
        showing.list_starts(self._of.env.fleet, rows, self._p, found)
        return found

    def _asked_about(self, jobs: np.recarray) -> np.ndarray:
        """Rows of jobs, which kernels do not check.

        Raises
        ------
        TypeError, ValueError
            For who decides: its answer is refused with this.
        """
        if not isinstance(jobs, np.ndarray) or jobs.ndim != 1:
            raise TypeError("jobs: found no array of jobs; give jobs, jobs[mask], or of one jobs[i : i + 1]")
        job, count = jobs.view(np.ndarray)["job"], len(self._of.env.fleet.jobs)
        if len(job) and not 0 <= job.min() <= job.max() < count:
            raise ValueError(f"jobs.job: found {job.min()} to {job.max()}; the run has jobs 0 to {count - 1}")
        return np.ascontiguousarray(job)
