"""When what fails: all failures of a run, drawn before it from the rates and ages of the scenario.

The failures of many units are one process, whose rate is the sum of theirs: what is drawn is as much as what fails,
however large the fleet. They depend on the scenario's failures and deliveries and on the seed, on nothing that the
fleet does: two runs that differ in something else have the same failures. Who is off or broken at the time is spared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gpusim import rng
from gpusim.inputs.repairs import Repairs
from gpusim.scenario.failures import FailureCause, Failures
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Pool
from gpusim.units import DAY_S, HOUR_S

WHOLE_SITE = -1  # in place of a pool
NOT_AGAIN = -1  # in place of a failure


class FailureTable(NamedTuple):
    """Failures in order of time, one value each."""

    time_s: np.ndarray
    cause: np.ndarray  # row of the scenario's causes
    site: np.ndarray  # row of its sites
    pool: np.ndarray  # row of its pools, those of a site behind one another; or WHOLE_SITE
    first_node: np.ndarray  # of those that go down, counted within the pool
    nodes: np.ndarray  # how many; the last of a pool may be missing
    repair_s: np.ndarray
    again: np.ndarray  # row of the failure in which the same fault shows again, or NOT_AGAIN


class Lemons(NamedTuple):
    """Nodes that fail more often than others, one value each."""

    pool: np.ndarray  # row of the scenario's pools
    node: np.ndarray  # counted within the pool
    repair_s: np.ndarray  # to replace what is wrong with it, once that is found


def draw_failures(scenario: Scenario, duration_s: float, seed: int) -> FailureTable:
    """The failures of a run of so many seconds."""
    parts = list(_parts(scenario, duration_s, seed))
    columns = [np.concatenate([np.zeros(0), *column]) for column in zip(*parts, strict=True)] or [np.zeros(0)] * 8
    order = np.argsort(columns[0], kind="stable")
    time_s, *codes, repair_s, fault = (column[order] for column in columns)
    return FailureTable(time_s, *(code.astype("i8") for code in codes), repair_s, _next_of(fault))


def draw_lemons(scenario: Scenario, seed: int) -> Lemons:
    """The lemons of all pools; what is wrong with them is replaced as by the repair `swap`."""
    failures, swap = scenario.failures, scenario.failures.repairs["swap"]
    random = rng.stream(seed, "failures", "lemons", "repairs")
    pools = [(site, kind) for site, spec in scenario.sites.items() for kind in spec.pools]
    found: list[tuple[int, int, float]] = []
    for p, (site, kind) in enumerate(pools):
        nodes = int(scenario.sites[site].pools[kind].gpus.peak()) // scenario.gpus[kind].gpus_per_node
        for n in np.flatnonzero(_lemons(failures, seed, site, kind, 0, nodes)).tolist():
            spread = math.exp(swap.sigma * random.standard_normal() - swap.sigma**2 / 2.0)
            found.append((p, n, HOUR_S * swap.mean_h * spread))
    pool, node, repair_s = np.array(found).reshape(-1, 3).T
    return Lemons(pool.astype("i8"), node.astype("i8"), repair_s)


def _next_of(fault: np.ndarray) -> np.ndarray:
    """Of each number the next place at which it stands, NOT_AGAIN at the last."""
    again, order = np.full(len(fault), NOT_AGAIN), np.argsort(fault, kind="stable")
    same = fault[order[1:]] == fault[order[:-1]]
    again[order[:-1][same]] = order[1:][same]
    return again


def found_after_s(table: FailureTable, causes: dict[str, FailureCause], seed: int) -> np.ndarray:
    """[s] From each failure of a table until it is found, shape (failures,); 0 of causes that are found at once."""
    after_s = np.zeros(len(table.time_s))
    for c, (name, cause) in enumerate(causes.items()):
        if cause.found_after_h > 0.0:
            mine = table.cause == c
            random = rng.stream(seed, "failures", name, "found")
            after_s[mine] = random.exponential(cause.found_after_h * HOUR_S, np.count_nonzero(mine))
    return after_s


def _parts(scenario: Scenario, duration_s: float, seed: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Failures of each cause in each pool, or at each site, by what was delivered together: columns of a table, with
    the number of the fault in place of ``again``."""
    failures, faults = scenario.failures, 0
    pools = [(site, kind) for site, spec in scenario.sites.items() for kind in spec.pools]
    for c, (name, cause) in enumerate(failures.causes.items()):
        for s, site in enumerate(scenario.sites):
            kinds = [kind for kind in scenario.sites[site].pools if cause.befalls(site, kind)]
            where = [(WHOLE_SITE, "")] * bool(kinds) if cause.of == "site" else [
                (pools.index((site, kind)), kind) for kind in kinds
            ]  # fmt: skip
            for p, kind in where:
                for i, (born_s, first, last) in enumerate(_deliveries(scenario, site, kind)):
                    source = _Source(failures, cause, seed, ("failures", name, site, kind, i))
                    units = source.units(scenario.gpus.get(kind), first, last)
                    first_s = source.times_s(len(units), born_s, duration_s)
                    lemons = _lemons(failures, seed, site, kind, first, last)
                    first_node = source.first_nodes(units, lemons, len(first_s))
                    size = cause.unit_nodes(scenario.gpus[kind]) if kind else 0
                    for rows, time_s, repair_s in source.repairs.rounds(first_s):
                        codes = (np.full(len(rows), code) for code in (c, s, p))
                        place = (first_node[rows], np.full(len(rows), size))
                        table = (time_s, *codes, *place, repair_s, faults + rows)
                        yield tuple(column[time_s < duration_s] for column in table)
                    faults += len(first_s)


def _deliveries(scenario: Scenario, site: str, kind: str) -> list[tuple[float, int, int]]:
    """(when [s], first node, behind the last) of the nodes of a pool that came together; of a site (no type): itself.

    Nodes that replace others that were taken away count as these.
    """
    born_s = -scenario.failures.age_days * DAY_S
    if not kind:
        return [(born_s, 0, 1)]
    pool: Pool = scenario.sites[site].pools[kind]
    size = scenario.gpus[kind].gpus_per_node
    found, there = [], 0
    for time_s, gpus in pool.gpus.dated(scenario.run.start) or [(born_s, pool.gpus.peak())]:
        nodes = int(gpus) // size
        if nodes > there:
            found.append((time_s, there, nodes))
            there = nodes
    return found


def _lemons(failures: Failures, seed: int, site: str, kind: str, first: int, last: int) -> np.ndarray:
    """Which nodes of a range are lemons, shape (nodes,)."""
    if failures.lemon_share == 0.0 or not kind:
        return np.zeros(last - first, dtype=bool)
    return rng.stream(seed, "failures", "lemons", site, kind).random(last)[first:] < failures.lemon_share


class _Source:
    """Failures of one cause among units that came together, from random streams of their own."""

    def __init__(self, failures: Failures, cause: FailureCause, seed: int, names: tuple):
        self.failures, self.cause, self._names, self._seed = failures, cause, names, seed
        self.per_s = failures.factor * cause.per_1000_days / 1000.0 / DAY_S
        self.repairs = Repairs(failures, cause, self._stream)

    def _stream(self, *what: str | int) -> np.random.Generator:
        return rng.stream(self._seed, *self._names, *what)

    def units(self, gpu: GpuType | None, first: int, last: int) -> np.ndarray:
        """First node of each unit that came with the nodes of a range; GPUs are as many units as a node has."""
        if gpu is None:
            return np.zeros(1, dtype="i8")
        if self.cause.of == "gpu":
            return np.repeat(np.arange(first, last), gpu.gpus_per_node)
        size = self.cause.unit_nodes(gpu)
        return np.arange(-(-first // size), -(-last // size)) * size

    def times_s(self, units: int, born_s: float, duration_s: float) -> np.ndarray:
        """[s] Failures of so many units of one age, in order, within the run.

        A unit of age a has had H(a) failures on average: (a / life)^shape, with a mean life of 1 / rate, and of infant
        mortality rate (factor - 1) tau (1 - exp(-a / tau)) more. The inverse of H turns the moments of a Poisson
        process of rate 1 into those of the failures.
        """
        if units == 0 or self.per_s == 0.0:
            return np.zeros(0)
        from_s, to_s = max(-born_s, 0.0), duration_s - born_s  # ages
        if to_s <= from_s:
            return np.zeros(0)
        cause, tau_s = self.cause, self.cause.infant_days * DAY_S
        life_s = 1.0 / (self.per_s * math.gamma(1.0 + 1.0 / cause.shape))
        low, high = (units * (age_s / life_s) ** cause.shape for age_s in (from_s, to_s))
        ages_s = life_s * (_moments(self._stream("ages"), low, high) / units) ** (1.0 / cause.shape)
        surplus = units * self.per_s * (cause.infant_factor - 1.0) * tau_s
        if surplus > 0.0:
            low, high = (-surplus * math.expm1(-age_s / tau_s) for age_s in (from_s, to_s))
            early_s = -tau_s * np.log1p(-_moments(self._stream("infants"), low, high) / surplus)
            ages_s = np.concatenate([ages_s, early_s])
        return np.sort(born_s + ages_s)

    def first_nodes(self, units: np.ndarray, lemons: np.ndarray, n: int) -> np.ndarray:
        """First node of the unit that fails, ``n`` times."""
        drawn = self._stream("units").random((n, 2))
        if self.cause.of not in ("gpu", "node") or not lemons.any():
            return units[(drawn[:, 0] * len(units)).astype("i8")] if n else np.zeros(0)
        nodes = np.unique(units)
        bad, good = nodes[lemons], nodes[~lemons]
        weight = self.failures.lemon_factor * len(bad)
        of_bad = drawn[:, 1] < weight / (weight + len(good))
        rows = drawn[:, 0] * np.where(of_bad, len(bad), len(good))
        return np.concatenate([bad, good])[rows.astype("i8") + np.where(of_bad, 0, len(bad))]


def _moments(random: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Moments of a Poisson process of rate 1 in [low, high); the same ones first whatever ``high`` is."""
    found, at = [], low
    while at < high:
        room = int(high - at + 4.0 * math.sqrt(high - at)) + 8
        found.append(at + np.cumsum(random.exponential(size=room)))
        at = float(found[-1][-1])
    moments = np.concatenate([np.zeros(0), *found])
    return moments[moments < high]
