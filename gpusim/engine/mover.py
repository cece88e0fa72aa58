"""What must be where a job runs, its data and what its checkpoints kept: how long that takes, and its way there."""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property

import numpy as np
import simpy

from gpusim.engine.build import Names
from gpusim.engine.data_sets import DataSets
from gpusim.engine.links import Network
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.link import paths
from gpusim.scenario.scenario import Scenario
from gpusim.units import BYTES_PER_GB

NOWHERE = -2  # in place of the row of a path: none leads there


class Mover:
    """Brings jobs' data and checkpoints over a network.

    Attributes
    ----------
    copies : DataSets or None
        Where data sets lie, if the scenario has data sets and links.
    """

    def __init__(self, network: Network, scenario: Scenario, names: Names, table: JobTable):
        self.env, self._network = network.env, network
        self.copies = DataSets(network, scenario, names, table) if scenario.links and scenario.data_sets else None
        classes = scenario.workload.classes
        sizes = [classes[name].moved_gb if name in classes else None for name in table.names["job_class"]]
        self._class_bytes = np.array([np.nan if size is None else size * BYTES_PER_GB for size in sizes])
        self._job_class = table["job_class"]
        self._rows = {ends: row for row, ends in enumerate(paths(scenario.links))}
        self._regions = names.regions

    def fetch(self, job: int, row: int) -> Generator[simpy.Event]:
        """The data of a job come over a path, then it joins the queue of its pool."""
        yield from self._bring_data(job, row)
        self.env.land(job)

    def take(self, job: int, pool: int) -> None:
        """A job that waits leaves for another pool; it joins the queue there when all that it needs is there."""
        fleet = self.env.fleet
        row = int(self._links()[fleet.jobs[job].route, pool])
        way = int(self._between[fleet.jobs[job].pool, pool]) if fleet.jobs[job].saved_s > 0.0 else NONE
        self.env.depart(job, pool)
        self.env.process(self._follow(job, row, way))

    def _follow(self, job: int, row: int, way: int) -> Generator[simpy.Event]:
        parts = [self._bring_data(job, row)] if row >= 0 else []
        parts += [self._network.bring(way, float(self._class_bytes[self._job_class[job]]))] if way >= 0 else []
        yield self.env.all_of([self.env.process(part) for part in parts])
        self.env.land(job)

    def transfer_s(self, jobs: np.recarray) -> np.ndarray:
        """[s] Until what each job needs could be in each pool, if it had its paths alone, shape (n_jobs, n_pools).

        0 where it is, infinite where the job may not run or nothing carries it now. What checkpoints kept is where the
        job ran last: it is brought along if its size is known (``checkpoint_gb``), and there at once within a region.
        Jobs that run stay at their site.
        """
        fleet = self.env.fleet
        rows = fleet.jobs[jobs.job]
        data_s = self._time_s(self._links()[rows["route"]], rows["data_bytes"])
        kept_s = self._time_s(self._between[jobs.pool], self._class_bytes[self._job_class[jobs.job]])
        site = fleet.pools["site"]
        kept_s[jobs.running] = np.where(site == site[jobs.pool[jobs.running]][:, None], 0.0, np.inf)
        kept_s[~jobs.running & (rows["saved_s"] == 0.0)] = 0.0
        found = np.maximum(data_s, kept_s)
        found[np.arange(len(jobs)), jobs.pool] = 0.0
        return found

    def _time_s(self, path: np.ndarray, size_bytes: np.ndarray) -> np.ndarray:
        rates = np.append(self.env.fleet.links["bytes_per_s"], 1.0)  # the last, for what has no path, is not used
        latency_s = np.append(np.asarray(self._network.latency_s, float), 0.0)
        row = np.where(path >= 0, path, len(latency_s) - 1)
        rate = rates[np.where(path >= 0, path, len(rates) - 1)]
        taken_s = np.full(path.shape, np.inf)
        known = (rate > 0.0) & ~np.isnan(size_bytes)[:, None]
        np.divide(np.broadcast_to(size_bytes[:, None], path.shape), rate, out=taken_s, where=known)
        taken_s += latency_s[row]
        return np.where(path == NONE, 0.0, np.where(path == NOWHERE, np.inf, taken_s))

    def _bring_data(self, job: int, row: int) -> Generator[simpy.Event]:
        if self.copies is not None and self.copies.reads(job):
            yield from self.copies.fetch(job, row)
        else:
            yield from self._network.bring(row, float(self.env.fleet.jobs[job].data_bytes))

    def _links(self) -> np.ndarray:
        """The path to each pool by route, shape (n_routes, n_pools), as it is now: those of data sets change."""
        fleet = self.env.fleet
        found = np.full((len(fleet.routes), len(fleet.pools)), NOWHERE)
        for route, row in zip(fleet.routes, found, strict=True):
            at = slice(int(route.start), int(route.start + route.count))
            row[fleet.candidates[at]] = fleet.candidate_links[at]
        return found

    @cached_property
    def _between(self) -> np.ndarray:
        """The path between each two pools, shape (n_pools, n_pools); none within a region."""
        regions = [self._regions[site] for site in self.env.fleet.pools["site"]]
        return np.array(
            [[NONE if a == b else self._rows.get(frozenset((a, b)), NOWHERE) for b in regions] for a in regions]
        )
