"""What a scenario may mean, but probably does not: jobs that can never start, odd units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from gpusim.scenario.build_out import PartKey, gpus_added, target
from gpusim.scenario.faults import dotted
from gpusim.scenario.link import paths
from gpusim.scenario.project import COMPONENTS, Project
from gpusim.scenario.references import find
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Pool
from gpusim.scenario.steps import Steps
from gpusim.scenario.workload import Stream
from gpusim.units import DAY_S, WATT_PER_MW, YEAR_S, number_of

# Values of a scenario that are possible, but probably in another unit than their key tells.

# Key -> least and greatest that are plausible beside 0, their unit, and the units they may be in if below or above.
RANGES = {
    "sites.*.grid_mw": (0.01, 20_000.0, "MW", "GW", "kW"),
    "sites.*.hall_mw": (0.01, 20_000.0, "MW", "GW", "kW"),
    "sites.*.price_usd_per_mwh": (2.0, 2_000.0, "USD/MWh", "USD/kWh", "USD/GWh"),
    "sites.*.carbon_g_per_kwh": (2.0, 2_000.0, "g/kWh", "kg/kWh", "g/MWh"),
    "sites.*.marginal.g_per_kwh": (2.0, 2_000.0, "g/kWh", "kg/kWh", "g/MWh"),
    "gpus.*.tdp_w": (10.0, 20_000.0, "W", "kW", "mW"),
    "gpus.*.rated_it_w_per_gpu": (10.0, 40_000.0, "W", "kW", "mW"),
    "gpus.*.memory_gb": (1.0, 10_000.0, "GB", "TB", "MB"),
    "gpus.*.bf16_tflops": (1.0, 100_000.0, "TFLOP/s", "PFLOP/s", "GFLOP/s"),
    "gpus.*.usd_per_gpu_hour": (0.01, 200.0, "USD/h", "USD/s", "USD/month"),
    "links.*.gbps": (0.01, 1e6, "Gb/s", "Tb/s", "Mb/s"),
    "data_sets.*.tb": (1e-9, 1e6, "TB", "PB", "GB"),
    "sites.*.storage.copies_tb": (1e-6, 1e7, "TB", "PB", "GB"),
    "workload.streams.*.data_tb": (1e-9, 1e6, "TB", "PB", "GB"),
    "money.energy_usd_per_mwh": (2.0, 2_000.0, "USD/MWh", "USD/kWh", "USD/GWh"),
}  # fmt: skip


def odd_values(tables: dict) -> Iterator[str]:
    """A sentence for each value of a scenario's nested tables outside what is plausible."""
    for pattern, (least, greatest, unit, if_small, if_great) in RANGES.items():
        for place, value in find(tables, pattern.split(".")):
            levels: list[Any] = Steps.model_validate(value).levels() if isinstance(value, list) else [value]
            for level in dict.fromkeys(levels):
                if level is None or level == 0 or least <= abs(level) <= greatest:
                    continue
                other = if_small if abs(level) < least else if_great
                yield (
                    f"{dotted(place)}: {level:,.6g} {unit} is {'less' if other == if_small else 'more'} than seems"
                    f" possible ({least:,g} to {greatest:,g}); is it in {other}?"
                )


FAR_TOO_LARGE = 500.0  # times the rated power: a kW in place of an MW is 1,000
MOST_MW = RANGES["sites.*.grid_mw"][1]  # more is odd whatever the site has


def notes(scenario: Scenario) -> list[str]:
    """Sentences on streams of which no pool or quota can ever hold some jobs, and on values that seem odd."""
    found = [
        f"{dotted(('workload', 'streams', name))}: {text}"
        for name, stream in scenario.workload.streams.items()
        for text in _stream(scenario, stream)
    ]
    early = list(_too_early(scenario))
    odd = [*odd_values(scenario.to_toml_dict()), *_far_too_large(scenario)]
    return [*_both(scenario), *odd, *_no_way(scenario), *_not_sold(scenario), *_untouched(scenario), *early, *found]


def _not_sold(scenario: Scenario) -> Iterator[str]:
    """A price of used GPUs of which nothing comes."""
    if scenario.money.resale is None:
        return
    if not scenario.contracts:
        yield (
            "money.resale: it has no effect: statements of money are made for [contracts] alone, and there are none;"
            " give one, or leave it out"
        )
    elif not any(_falls(scenario, pool) for site in scenario.sites.values() for pool in site.pools.values()):
        yield (
            "money.resale: it has no effect: no level of sites.*.pools.*.gpus falls in the run; give a lower one at the"
            " date on which GPUs are sold, or leave it out"
        )


def _untouched(scenario: Scenario) -> Iterator[str]:
    """Planned maintenance that concerns no pool."""
    pools = [(site, kind) for site, spec in scenario.sites.items() for kind in spec.pools]
    for name, spec in scenario.failures.maintenance.items():
        if not any(spec.concerns(site, kind) for site, kind in pools):
            there = ", ".join(f"{kind} at {site}" for site, kind in pools)
            yield f"{dotted(('failures', 'maintenance', name))}: it concerns no pool; there are {there}"


def _falls(scenario: Scenario, pool: Pool) -> bool:
    steps = pool.gpus.steps(scenario.run.start)
    return any(b < a and time_s < scenario.run.days * DAY_S for (_, a), (time_s, b) in pairwise(steps))


def _no_way(scenario: Scenario) -> Iterator[str]:
    """Prefill replicas whose KV cache goes to other regions, to which no links lead."""
    joined, sites = paths(scenario.links), scenario.sites
    for name, service in scenario.services.items():
        if service.prefill is not None and service.prefill.site is not None:
            ends = {
                one.site: {sites[service.prefill.site].region, sites[one.site].region} for one in service.deployments
            }
            cut = [site for site, two in ends.items() if len(two) == 2 and frozenset(two) not in joined]
            if cut:
                yield (
                    f"{dotted(('services', name, 'prefill', 'site'))}: no links lead from {service.prefill.site} to"
                    f" {', '.join(cut)}; KV cache gets there as within a site, and counts on no link; give links"
                )


def _too_early(scenario: Scenario) -> Iterator[str]:
    """GPUs of a type that are there before it can be had: in a pool, or by a project that needs its medians."""
    start = scenario.run.start
    first: dict[tuple[str, ...], tuple[str, datetime]] = {}
    for site, spec in scenario.sites.items():
        for kind, pool in spec.pools.items():
            there_s = [time_s for time_s, gpus in pool.gpus.dated(start) or pool.gpus.steps(start) if gpus > 0.0]
            if there_s:
                first["sites", site, "pools", kind] = kind, start + timedelta(seconds=min(there_s))
    medians = _Medians(scenario.projects)
    for name, project in scenario.projects.items():
        for kind in project.adds.gpus:
            first["projects", name, "adds", "gpus", kind] = kind, medians.end_of(name, "gpus")
    for place, (kind, at) in first.items():
        had = scenario.gpus[kind].available_year
        if had is not None and at.year + (at.timetuple().tm_yday - 1) * DAY_S / YEAR_S < had:
            yield (
                f"{dotted(place)}: {kind} is there on {at:%Y-%m-%d}, but can be had from {_month(had)} on; give later"
                f" dates, or gpus.{kind}.available_year = {at.year}"
            )


class _Medians:
    """Ends of tasks whose work, and all that they wait for but supplies, takes its median."""

    def __init__(self, projects: Mapping[str, Project]):
        self.projects = projects
        self._names = {name: project.tasks for name, project in projects.items()}
        self._ends: dict[PartKey, datetime] = {}

    def end_of(self, name: str, part: str) -> datetime:
        """When a task is done, or the first that gives a component."""
        project = self.projects[name]
        if part in COMPONENTS and part not in project.tasks:
            return min(self.end_of(name, task) for task in project.givers(part))
        if (name, part) not in self._ends:
            before = (target(reference, name, self._names) for reference in project.tasks[part].after)
            begins = max([project.start, *(self.end_of(*place) for place in before if place is not None)])
            self._ends[name, part] = begins + timedelta(days=project.tasks[part].median_days)
        return self._ends[name, part]


def _month(year: float) -> str:
    return f"{int(year)}-{min(int(year % 1.0 * 12.0) + 1, 12):02d}"


def _far_too_large(scenario: Scenario) -> Iterator[str]:
    """Connections and halls that only make sense in kW beside the GPUs of their site."""
    added = gpus_added(scenario.projects)
    for site, spec in scenario.sites.items():
        gpus = {kind: pool.gpus.peak() + added.get((site, kind), 0) for kind, pool in spec.pools.items()}
        rated_mw = sum(n * scenario.gpus[kind].rated_it_w_per_gpu for kind, n in gpus.items()) / WATT_PER_MW
        for key in ("grid_mw", "hall_mw"):
            steps = getattr(spec, key)
            mw = 0.0 if steps is None else steps.peak()
            if rated_mw > 0.0 and FAR_TOO_LARGE * rated_mw < mw <= MOST_MW:
                yield (
                    f"{dotted(('sites', site, key))}: {mw:,.6g} MW is {mw / rated_mw:,.0f} times the rated power of the"
                    f" GPUs there ({rated_mw:.3g} MW); is it in kW?"
                )


def _both(scenario: Scenario) -> Iterator[str]:
    streams, days = scenario.workload.streams, scenario.run.days
    if scenario.workload.trace and streams:
        per_day = sum(stream.jobs(days) for stream in streams.values()) / days
        yield (
            f"workload.trace: its jobs are ADDED to those of the streams {', '.join(streams)} ({per_day:,.6g} a day);"
            " for the trace alone leave [workload.streams] out, or give --set 'workload.streams={}'"
        )


def _stream(scenario: Scenario, stream: Stream) -> Iterator[str]:
    added = gpus_added(scenario.projects)
    room = {
        (site, kind): pool.gpus.peak() + added.get((site, kind), 0)
        for site, spec in scenario.sites.items()
        for kind, pool in spec.pools.items()
        if (not stream.gpu_types or kind in stream.gpu_types)
        and (not stream.residency or spec.jurisdiction in stream.residency)
    }
    if not room:
        yield "no site has a pool of its gpu_types within its residency: all its jobs will be rejected"
        return
    sizes = sorted(ceil(float(size)) for size in stream.gpus or {})
    largest = max(room, key=room.__getitem__)
    too_large = [size for size in sizes if size > room[largest]]
    if too_large:
        yield (
            f"jobs of {number_of(_listed(too_large), 'GPU')} will be rejected: the largest pool they may use,"
            f" {dotted(('sites', largest[0], 'pools', largest[1]))}, has {room[largest]:,.0f}"
        )
    quota = scenario.tenants[stream.tenant].quota_gpus
    allowed = max(min(gpus, quota.get(kind, gpus)) for (_site, kind), gpus in room.items())
    waiting = [size for size in sizes if allowed < size <= room[largest]]
    if waiting:
        yield (
            f"jobs of {number_of(_listed(waiting), 'GPU')} may wait for ever:"
            f" {dotted(('tenants', stream.tenant, 'quota_gpus'))} allows {allowed:,.0f} at most where they fit"
        )


def _listed(sizes: list[int]) -> str:
    return ", ".join(f"{size:,}" for size in sizes)
