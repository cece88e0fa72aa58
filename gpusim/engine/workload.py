"""The jobs of a run: the scenario's trace and its synthetic streams, as one table."""

from __future__ import annotations

from gpusim.inputs.jobtable import JobTable, concatenate
from gpusim.inputs.synthetic import synthesize
from gpusim.model.scenario import Scenario
from gpusim.units import DAY_S


def jobs_of(scenario: Scenario, seed: int) -> JobTable:
    """Jobs submitted within the run, sorted by submission."""
    workload = scenario.workload
    tables = []
    if workload.trace:
        from gpusim.inputs.traces import read_trace

        table = read_trace(workload.trace)
        if workload.trace_gpu_types:
            table.columns["gpu_types"][:] = 0
            table.names["gpu_types"] = ["|".join(workload.trace_gpu_types)]
        tables.append(table)
    if workload.streams:
        tables.append(synthesize(workload, scenario.run.days * DAY_S, seed, start=scenario.run.start))
    table = concatenate(tables) if len(tables) > 1 else tables[0] if tables else JobTable.build()
    return table.take(table["submit_s"] < scenario.run.days * DAY_S)
