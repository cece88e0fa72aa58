"""Data sets: where copies of them lie, and how more of them come to where jobs need them."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
import pandas as pd
import simpy

from gpusim.engine.build import Names, sets_of
from gpusim.engine.links import Network
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import NONE, Status
from gpusim.scenario.link import paths
from gpusim.scenario.scenario import Scenario
from gpusim.units import BYTES_PER_TB

COLUMNS = ["data_set", "site", "origin", "asked_s", "arrived_s", "data_bytes", "kept", "dropped_s"]
NEEDED_BY = (Status.FETCHING, Status.QUEUED, Status.RUNNING)


class DataSets:
    """Copies of data sets, by region; jobs see where these lie in the paths to their candidates.

    A set that a region lacks comes over the path that carries most when it is asked for. Jobs that want it while it is
    on its way wait for the same copy. The site that asked keeps it if there is room (``storage.copies_tb``).
    """

    def __init__(self, network: Network, scenario: Scenario, names: Names, table: JobTable):
        self.env, self._network = network.env, network
        self._names, self._specs, self._sites = list(scenario.data_sets), list(scenario.data_sets.values()), names.sites
        self._ways = paths(scenario.links)
        self._rows = {ends: row for row, ends in enumerate(self._ways)}
        rooms_tb = [scenario.sites[site].storage.copies_tb for site in names.sites]
        self._room_bytes = [math.inf if room_tb is None else room_tb * BYTES_PER_TB for room_tb in rooms_tb]
        self._regions = names.regions
        self._of_job = sets_of(scenario, table)
        self._jobs = [np.flatnonzero(self._of_job == d) for d in range(len(self._specs))]
        self._candidates = [self._candidates_of(rows) for rows in self._jobs]
        self._kept: dict[tuple[int, int], int] = {}  # (set, site) -> row of the copy in ``_copies``
        self._coming: dict[tuple[int, str], simpy.Event] = {}  # (set, region) -> when it will be there
        self._copies: list[list] = []
        network.on_change = self._show_all

    def reads(self, job: int) -> bool:
        """Whether a job reads a data set."""
        return bool(self._of_job[job] >= 0)

    def fetch(self, job: int, row: int) -> Generator:
        """The data set of a job comes over a path, unless it already does, to the region of the job's pool."""
        d, site = int(self._of_job[job]), int(self.env.fleet.pools[self.env.fleet.jobs[job].pool].site)
        region = self._regions[site]
        if region not in self._where(d):
            if (d, region) not in self._coming:
                self._coming[d, region] = self.env.process(self._bring(d, site, row))
            yield self._coming[d, region]

    def table(self) -> pd.DataFrame:
        """A row per copy that was asked for, in that order."""
        return copies_table(self._copies)

    def _bring(self, d: int, site: int, row: int) -> Generator:
        region, size_bytes = self._regions[site], self._specs[d].size_bytes
        (origin,) = list(self._ways)[row] - {region}
        copy = [self._names[d], self._sites[site], origin, self.env.now, math.nan, size_bytes, False, math.nan]
        self._copies.append(copy)
        number = len(self._copies) - 1
        yield from self._network.bring(row, size_bytes)
        copy[4], copy[6] = self.env.now, self._makes_room(site, size_bytes)
        if copy[6]:
            self._kept[d, site] = number
        else:
            self.env.log(self.env.now, copy[1], "data", f"{copy[0]}: no room to keep a copy", size_bytes, "bytes")
        del self._coming[d, region]
        self._show(d)

    def _makes_room(self, site: int, size_bytes: float) -> bool:
        """Drop copies that no job needs, the least recently used first, if that makes room enough for one more."""
        here = [d for d, at in self._kept if at == site]
        room = self._room_bytes[site] - sum(self._specs[d].size_bytes for d in here)
        free = sorted(
            (last_s, self._kept[d, site], d) for d in here if (last_s := self._last_use_s(d, site)) < math.inf
        )
        if room + sum(self._specs[d].size_bytes for *_, d in free) < size_bytes:
            return False
        for _last_s, row, d in free:
            if room >= size_bytes:
                break
            room += self._specs[d].size_bytes
            self._copies[row][7] = self.env.now
            del self._kept[d, site]
            self._show(d)
        return True

    def _last_use_s(self, d: int, site: int) -> float:
        """[s] When the last job that needed the copy there was over, or else it arrived; infinite if one needs it."""
        fleet, arrived_s = self.env.fleet, self._copies[self._kept[d, site]][4]
        jobs = fleet.jobs[self._jobs[d]]
        pools = [self._regions[s] == self._regions[site] for s in fleet.pools["site"]]
        jobs = jobs[np.append(pools, False)[jobs["pool"]]]
        if np.isin(jobs["status"], NEEDED_BY).any():
            return math.inf
        return max([arrived_s, *jobs["end_s"][~np.isnan(jobs["end_s"])]])

    def _where(self, d: int) -> list[str]:
        """Regions where a set lies now."""
        return [*self._specs[d].regions, *(self._regions[site] for e, site in self._kept if e == d)]

    def _candidates_of(self, rows: np.ndarray) -> list[tuple[int, str]]:
        """(place in ``candidates``, region) of all routes of some jobs."""
        fleet = self.env.fleet
        routes = fleet.routes[np.unique(fleet.jobs["route"][rows])]
        places = [k for route in routes for k in range(int(route.start), int(route.start + route.count))]
        return [(k, self._regions[int(fleet.pools[fleet.candidates[k]].site)]) for k in places]

    def _show_all(self) -> None:
        for d in range(len(self._specs)):
            self._show(d)

    def _show(self, d: int) -> None:
        """Have dispatch see the path by which a set would come to each candidate of its jobs, none where it lies."""
        fleet, where = self.env.fleet, self._where(d)
        for k, region in self._candidates[d]:
            fleet.candidate_links[k] = NONE if region in where else self._best(where, region)

    def _best(self, where: list[str], region: str) -> int:
        """The path that carries most now; of several, the one of fewest links, from the region that comes first."""
        leading = [ends for origin in where if (ends := frozenset((origin, region))) in self._ways]
        carries = self.env.fleet.links["bytes_per_s"]
        return self._rows[min(leading, key=lambda ends: (-carries[self._rows[ends]], len(self._ways[ends])))]


def copies_table(copies: list[list]) -> pd.DataFrame:
    """Copies of data sets that were asked for during a run.

    Returns
    -------
    DataFrame
        data_set, site (that asked for it), origin (region from which it comes), asked_s, arrived_s (NaN: on its way at
        the end), data_bytes, kept (by the site), dropped_s (when it made room for others; NaN: never).
    """
    types = dict(zip(COLUMNS, ("str", "str", "str", float, float, float, bool, float), strict=True))
    return pd.DataFrame(copies, columns=COLUMNS).astype(types)
