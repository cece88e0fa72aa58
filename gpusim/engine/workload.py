"""The jobs of a run: the scenario's trace and its synthetic streams, as one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gpusim.inputs.jobtable import JobTable, concatenate
from gpusim.inputs.synthetic import synthesize
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.workload import Workload
from gpusim.units import DAY_S


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
