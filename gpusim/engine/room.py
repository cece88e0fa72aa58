"""CPUs and memory: what nodes have, and what jobs take of them."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario
from gpusim.units import number_of

UNITS = 1000  # of CPUs, and of GB
OF_NODES = ("cpus_per_node", "memory_gb_per_node")
OF_CLASSES = ("cpus_per_gpu", "memory_gb_per_gpu")
OF_JOBS = ("cpus", "memory_gb")


def room_of(gpu: GpuType) -> tuple[int, int]:
    """Of a node: thousandths of CPUs, MB of memory; 0: not limited."""
    cpus, memory = (int((getattr(gpu, key) or 0.0) * UNITS) for key in OF_NODES)
    return cpus, memory


def asks_of(scenario: Scenario, table: JobTable) -> np.ndarray | None:
    """What jobs ask for beside each GPU, shape (n_jobs, 2), -1 for its share; None if no node is limited.

    Raises
    ------
    ScenarioError
        If some ask for more than any node has of what is limited.
    """
    kinds = {kind for site in scenario.sites.values() for kind in site.pools}
    rooms = np.array([room_of(scenario.gpus[kind]) for kind in kinds])
    if not rooms.any():
        return None
    classes = [scenario.workload.classes.get(name, JobClass()) for name in table.names["job_class"]]
    asks = np.empty((len(table), 2), "i8")
    for column, (of_class, of_job) in enumerate(zip(OF_CLASSES, OF_JOBS, strict=True)):
        own = np.array([-1.0 if getattr(kind, of_class) is None else getattr(kind, of_class) for kind in classes])
        each = np.where(table[of_job] > 0.0, table[of_job] / table["gpus"], own[table["job_class"]])
        asks[:, column] = np.where(each < 0.0, -1, np.ceil(each * UNITS - 1e-6))
        _check(scenario, table, asks[:, column], column, kinds)
    return asks


def _check(scenario: Scenario, table: JobTable, asks: np.ndarray, column: int, kinds: set[str]) -> None:
    """Every job could run on a node that has nobody else, of every type that it may use."""
    for kind in sorted(kinds):
        gpu = scenario.gpus[kind]
        room = room_of(gpu)[column]
        may = np.array([text in ("", kind) or kind in text.split("|") for text in table.names["gpu_types"]])
        mine = asks * np.minimum(table["gpus"], gpu.gpus_per_node)
        over = np.flatnonzero((mine > room) & may[table["gpu_types"]]) if room else ()
        if len(over):
            _refuse(scenario, kind, column, len(over), float(mine[over].max()) / UNITS)


def _refuse(scenario: Scenario, kind: str, column: int, jobs: int, most: float) -> NoReturn:
    key, unit = OF_NODES[column], ("CPUs", "GB of memory")[column]
    has = getattr(scenario.gpus[kind], key)
    raise ScenarioError(
        scenario.name,
        [
            f"gpus.{kind}.{key}: found {has:g}, and {number_of(jobs, 'job')} that may run there with up to {most:g}"
            f" {unit} on one node; give {most:g} or more, or let these jobs use other types (gpu_types)"
        ],
    )
