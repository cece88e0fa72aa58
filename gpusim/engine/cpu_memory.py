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
MOST = 1e12  # CPUs or GB beside a GPU: more than any node has, and in thousandths no overflow
OF_NODES = ("cpus_per_node", "memory_gb_per_node")
OF_CLASSES = ("cpus_per_gpu", "memory_gb_per_gpu")
OF_JOBS = ("cpus", "memory_gb")


def cpu_memory_of(gpu: GpuType) -> tuple[int, int]:
    """Of a node: thousandths of CPUs, MB of memory; 0: not limited."""
    cpus, memory = (int((getattr(gpu, key) or 0.0) * UNITS + 1e-6) for key in OF_NODES)
    return cpus, memory


def asks_of(scenario: Scenario, table: JobTable) -> np.ndarray | None:
    """What jobs ask for beside each GPU, shape (n_jobs, 2), -1 for its share; None if no node is limited."""
    if not any(any(cpu_memory_of(scenario.gpus[kind])) for kind in _kinds(scenario)):
        return None
    classes = [scenario.workload.classes.get(name, JobClass()) for name in table.names["job_class"]]
    asks = np.empty((len(table), 2), "i8")
    for column, (of_class, of_job) in enumerate(zip(OF_CLASSES, OF_JOBS, strict=True)):
        own = np.array([-1.0 if getattr(kind, of_class) is None else getattr(kind, of_class) for kind in classes])
        each = np.where(table[of_job] > 0.0, table[of_job] / table["gpus"], own[table["job_class"]])
        asks[:, column] = np.where(each < 0.0, -1, np.ceil(np.minimum(each, MOST) * UNITS - 1e-6))
    return asks


def too_small(scenario: Scenario, table: JobTable, asks: np.ndarray | None) -> tuple[np.ndarray, list[frozenset[str]]]:
    """GPU types of which no node could ever hold a job, as places in the list beside it, shape (n_jobs,).

    Raises
    ------
    ScenarioError
        If these are all types that a job may use.
    """
    kinds = _kinds(scenario)
    if asks is None:
        return np.zeros(len(table), "i8"), [frozenset()]
    over = np.zeros((len(table), len(kinds)), bool)
    may = np.zeros_like(over)
    for k, kind in enumerate(kinds):
        gpu = scenario.gpus[kind]
        on_node = np.minimum(table["gpus"], gpu.gpus_per_node)
        for column, has in enumerate(cpu_memory_of(gpu)):
            over[:, k] |= (asks[:, column] * on_node > has) & (has > 0)
        may[:, k] = _may_use(scenario, table, kind)
    none = may.any(axis=1) & ~(may & ~over).any(axis=1)
    if none.any():
        _refuse(
            scenario, [kind for k, kind in enumerate(kinds) if may[none][:, k].any()], asks[none], table["gpus"][none]
        )
    found, place = np.unique(over, axis=0, return_inverse=True)
    return place.reshape(-1), [frozenset(kind for kind, bad in zip(kinds, row, strict=True) if bad) for row in found]


def _kinds(scenario: Scenario) -> list[str]:
    return sorted({kind for site in scenario.sites.values() for kind in site.pools})


def _may_use(scenario: Scenario, table: JobTable, kind: str) -> np.ndarray:
    """Whether types, residency and class of jobs let them run where there are nodes of a type, shape (n_jobs,)."""
    types, laws, classes = (table.names[part] for part in ("gpu_types", "residency", "job_class"))
    named = np.array([text == "" or kind in text.split("|") for text in types], bool)
    sites = {name: site.jurisdiction for name, site in scenario.sites.items() if kind in site.pools}
    kept = [scenario.workload.classes.get(name, JobClass()).sites or sites for name in classes]
    lawful = np.array([[law == "" or home in law.split("|") for law in laws] for home in sites.values()], bool)
    among = np.array([[site in names for names in kept] for site in sites], bool)
    return named[table["gpu_types"]] & (lawful[:, table["residency"]] & among[:, table["job_class"]]).any(axis=0)


def _refuse(scenario: Scenario, kinds: list[str], asks: np.ndarray, gpus: np.ndarray) -> NoReturn:
    size = max(scenario.gpus[kind].gpus_per_node for kind in kinds)
    most = (asks * np.minimum(gpus, size)[:, None]).max(axis=0) / UNITS
    said = zip(most, ("CPUs", "GB"), strict=True)  # what is not said has been -1
    asked = " and ".join(f"{amount:,.13g} {unit}" for amount, unit in said if amount > 0.0)
    raise ScenarioError(
        scenario.name,
        [
            f"gpus.{kinds[0]}: no empty node of {', '.join(kinds)} has room for {number_of(len(asks), 'job')} with up"
            f" to {asked} on one node; give more cpus_per_node or"
            " memory_gb_per_node, or let these jobs use other types (gpu_types, residency, sites of their class)"
        ],
    )
