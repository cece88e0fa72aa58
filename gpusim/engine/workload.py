"""The jobs of a run: the scenario's trace, its synthetic streams, and those of contracts and market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from gpusim.buildout.shocks import drawn
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.cuts import cuts_of
from gpusim.commerce.market import HOURLY, let
from gpusim.commerce.scarcity import prices
from gpusim.commerce.signing import sign
from gpusim.inputs.jobtable import JobTable, concatenate
from gpusim.inputs.synthetic import synthesize
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.workload import Contracted, Workload
from gpusim.units import DAY_S

# The jobs of a run: the scenario's trace and its synthetic streams, as one table.


def jobs_of(scenario: Scenario, seed: int, trace: JobTable | None = None, jobs: JobTable | None = None) -> JobTable:
    """Jobs submitted within the run, sorted by submission.

    Parameters
    ----------
    jobs : JobTable, optional
        In place of the scenario's trace and streams.
    trace : JobTable, optional
        The scenario's trace, where it has been read. Columns of the jobs may be views of it.
    """
    workload, duration_s = scenario.workload, scenario.run.days * DAY_S
    if jobs is not None:
        return _within(_shared(jobs, workload), duration_s)
    tables = []
    if workload.trace:
        read = _read(workload.trace, workload.trace_columns) if trace is None else trace
        tables.append(_restricted(read, workload.trace_gpu_types))
    if workload.streams:
        tables.append(synthesize(workload, duration_s, seed, start=scenario.run.start))
    table = concatenate(tables) if len(tables) > 1 else tables[0] if tables else JobTable.build()
    return _within(_shared(table, workload), duration_s)


def _shared(table: JobTable, workload: Workload) -> JobTable:
    """Jobs that ask for a part of a GPU have that, or a whole one."""
    return table.on_shared_gpus() if workload.share_gpus else table.on_whole_gpus()


def _within(table: JobTable, duration_s: float) -> JobTable:
    return table.take(slice(0, int(np.searchsorted(table["submit_s"], duration_s))))


def _read(path: str, columns: dict[str, str]) -> JobTable:
    from gpusim.inputs.traces import read_trace

    return read_trace(path, columns)


def _restricted(table: JobTable, kinds: list[str]) -> JobTable:
    """The trace's jobs on these GPU types only; on those that the trace says, if there are none."""
    if not kinds:
        return table
    code = np.broadcast_to(table["gpu_types"].dtype.type(0), len(table))
    return replace(
        table, columns={**table.columns, "gpu_types": code}, names={**table.names, "gpu_types": ["|".join(kinds)]}
    )


# Jobs of contracts and market: what the GPUs are used for that a build-out brings, whole and not a sample.
#
# The build-out is played and its GPUs divided among contracts first, as in a replication without jobs. Each tenant then
# uses of its GPUs what its contracts state, and those who rent by the hour what is let; jobs hold just that.

Uses = list[tuple[float, float, int]]  # from [s], to [s], GPUs


def contracted_jobs(
    scenario: Scenario, live: pd.DataFrame, line: pd.DataFrame, requests: pd.DataFrame, seed: int,
    overheads: Mapping[str, float],
) -> JobTable:  # fmt: skip
    """Jobs of the contracts and the market of a scenario whose build-out has been played.

    Parameters
    ----------
    scenario : Scenario
        With projects, contracts and ``workload.contracted``.
    live, line, requests : DataFrame
        Tables of the build-out.
    overheads : mapping of str to float
        Facility watts per IT watt at the hottest hour, by site.
    """
    spec = scenario.workload.contracted
    assert spec is not None  # that is when it is asked
    book = sign(Book.of(scenario), seed, overheads).book
    allocation = allocate(book, of_build_out(live), cuts_of(book, drawn(scenario, seed)))
    index = None if scenario.market.index is None else prices(allocation, line, requests)
    rows = [
        (tenant, kind, *use)
        for (tenant, kind), gpus in levels(allocation, index).items()
        for use in _uses(allocation.edges_s, gpus, _domain(scenario, kind), spec)
    ]
    return _table(scenario, spec, rows)


def levels(allocation: Allocation, prices: pd.DataFrame | None) -> dict[tuple[str, str], np.ndarray]:
    """GPUs in use by tenant and GPU type, shape (intervals,); those rented by the hour under ``HOURLY``."""
    used: dict[tuple[str, str], np.ndarray] = {}
    hourly = let(allocation, prices)
    for p, (_site, kind) in enumerate(allocation.pools):
        for terms, gpus in zip(allocation.book.contracts, allocation.delivered[:, p], strict=True):
            _add(used, (terms.spec.tenant, kind), terms.spec.utilisation * gpus)
        for name in HOURLY:
            _add(used, (name, kind), hourly[name][p])
    return used


def _add(used: dict[tuple[str, str], np.ndarray], key: tuple[str, str], gpus: np.ndarray) -> None:
    used[key] = used.get(key, 0.0) + gpus


def _domain(scenario: Scenario, kind: str) -> int:
    """GPUs of an NVLink domain."""
    return scenario.gpus[kind].gpus_per_node * scenario.gpus[kind].nodes_per_domain


def _uses(edges_s: np.ndarray, level: np.ndarray, domain: int, spec: Contracted) -> Uses:
    """(start [s], end [s], GPUs) of jobs that hold a level, in whole domains; who came last leaves first."""
    most = max(spec.gpus // domain, 1)
    wanted = np.append((level + 1e-6) // domain, 0).astype(np.int64)
    held: list[tuple[float, int]] = []
    found: Uses = []
    now = 0
    for at_s, domains in zip(edges_s.tolist(), wanted.tolist(), strict=True):
        while now < domains:
            held.append((at_s, min(most, domains - now)))
            now += held[-1][1]
        while now > domains:
            since_s, size = held.pop()
            found.append((since_s, at_s, size * domain))
            now -= size
            if now < domains:
                held.append((at_s, domains - now))
                now = domains
    return [part for use in found for part in _parts(*use, spec.days * DAY_S)]


def _parts(start_s: float, end_s: float, gpus: int, most_s: float) -> Uses:
    """A use in equal parts, none of them longer than ``most_s`` [s]: one job follows the other."""
    edges_s = np.linspace(start_s, end_s, max(1, int(np.ceil((end_s - start_s) / most_s))) + 1).tolist()
    return [(a_s, b_s, gpus) for a_s, b_s in pairwise(edges_s)]


def _table(scenario: Scenario, spec: Contracted, rows: list[tuple[str, str, float, float, int]]) -> JobTable:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    tenants, kinds = ([*dict.fromkeys(column)] or [""] for column in columns[:2])
    start_s, end_s, gpus = (np.array(column, float) for column in columns[2:])
    reference = scenario.gpus[scenario.workload.reference_gpu].training_speed
    speeds = scenario.workload.classes[spec.job_class].speeds
    speed = np.array([speeds.get(kind, scenario.gpus[kind].training_speed / reference) for kind in columns[1]])
    return JobTable.build(
        {"tenant": tenants, "job_class": [spec.job_class], "gpu_types": kinds},
        submit_s=start_s,
        gpus=gpus,
        runtime_s=(end_s - start_s) * speed,
        tenant=[tenants.index(name) for name in columns[0]],
        gpu_types=[kinds.index(name) for name in columns[1]],
    )
