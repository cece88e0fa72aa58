"""How long checkpoints of a known size take on storage that all jobs of a site share.

Jobs that write at once get equal parts of the bandwidth. Checkpoints of many jobs come at random to each other, so that
a checkpoint of b bytes takes b / (B (1 - r)) in the mean, of whatever sizes they all are: the time in an M/G/1 queue
with processor sharing (Kleinrock 1976), with r the share of the bandwidth B that is used.

Where storage is shared at each moment (``engine/shared_storage.py``), a run's course has the time that a read, or a
write for which work stops, takes alone at the fastest site; the mean of other writes is what is expected of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.scenario.checkpoints import interval_s, mttf_s
from gpusim.scenario.faults import dotted
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario
from gpusim.units import BYTES_PER_GB, DAY_S


class _AtWork(NamedTuple):
    """Jobs of a class, in the mean of the run."""

    jobs: float
    bytes_per_s: float  # of checkpoints that they write


def with_storage(scenario: Scenario, table: JobTable) -> tuple[Scenario, pd.DataFrame | None]:
    """The scenario with the times that storage takes in its classes, and a table of them; None where nobody asks.

    Returns
    -------
    Scenario, DataFrame
        job_class, checkpoint_gb, alone_s and shared_s (to write one, alone and as storage is used), read_s, jobs (at
        work in the mean), used_share (of the bandwidth, at the site where that is most), write_s, background_s, load_s
        (of the class, with these).

    Raises
    ------
    ScenarioError
        If storage cannot write what jobs have to, or not within their interval; all faults together.
    """
    classes = {name: kind for name, kind in scenario.workload.classes.items() if kind.parameters_b is not None}
    if not classes:
        return scenario, None
    at_work = _at_work(scenario, table)
    used = _used(scenario, sum(at_work[name].bytes_per_s for name in classes))
    faults = [
        f"{dotted(('sites', site, 'storage', 'write_gb_s'))}: found {write_gb_s(scenario, site):g} GB/s, and"
        f" checkpoints need {share:.3g} times that; give more, or longer checkpoint intervals"
        for site, share in used.items()
        if share >= 1.0
    ]
    if faults:
        raise ScenarioError(scenario.name, faults)
    rows, changed = [], dict(scenario.workload.classes)
    for name, kind in classes.items():
        gb = kind.stored_gb
        alone_s = sum(part * gb / write_gb_s(scenario, site) for site, part in _parts(scenario).items())
        shared_s = sum(
            part * gb / write_gb_s(scenario, site) / (1.0 - used[site]) for site, part in _parts(scenario).items()
        )
        read_s = usual_read_s(scenario, kind)
        if is_shared(scenario) and kind.checkpoint_stops_work:
            shared_s = fastest_write_s(scenario, kind)
        changed[name] = then = kind.stored(shared_s, read_s)
        if kind.checkpoint_interval_s != "young_daly" and shared_s > kind.checkpoint_interval_s:
            faults.append(
                f"{dotted(('workload', 'classes', name, 'checkpoint_interval_s'))}: found"
                f" {kind.checkpoint_interval_s:g} s, and a checkpoint of {gb:,.4g} GB takes {shared_s:.4g} s to write;"
                f" give that long at least, or faster sites.NAME.storage"
            )
        rows.append(
            {
                "job_class": name, "checkpoint_gb": gb, "alone_s": alone_s, "shared_s": shared_s, "read_s": read_s,
                "jobs": at_work[name].jobs, "used_share": max(used.values()), "write_s": then.checkpoint_write_s,
                "background_s": then.checkpoint_background_s, "load_s": then.load_s,
            }
        )  # fmt: skip
    if faults:
        raise ScenarioError(scenario.name, faults)
    workload = scenario.workload.model_copy(update={"classes": changed})
    return scenario.model_copy(update={"workload": workload}), pd.DataFrame(rows)


def is_shared(scenario: Scenario) -> bool:
    """Whether storage is shared at each moment: at all sites, if at one."""
    return any(site.storage.shared for site in scenario.sites.values())


def usual_read_s(scenario: Scenario, kind: JobClass) -> float:
    """[s] To read a checkpoint of a class alone: a part of its ``load_s``; where not shared, in the mean over sites."""
    parts = _parts(scenario)
    if is_shared(scenario):
        return kind.stored_gb / max(read_gb_s(scenario, site) for site in parts)
    return sum(part * kind.stored_gb / read_gb_s(scenario, site) for site, part in parts.items())


def fastest_write_s(scenario: Scenario, kind: JobClass) -> float:
    """[s] To write a checkpoint of a class alone at the fastest site."""
    return kind.stored_gb / max(write_gb_s(scenario, site) for site in _parts(scenario))


def _at_work(scenario: Scenario, table: JobTable) -> dict[str, _AtWork]:
    """Jobs of each class at work in the mean: their time within the run, as far as the fleet has the GPUs."""
    duration_s = scenario.run.days * DAY_S
    time_s = np.clip(np.minimum(table["runtime_s"], duration_s - table["submit_s"]), 0.0, None)
    gpus = sum(pool.gpus.peak() for site in scenario.sites.values() for pool in site.pools.values())
    wanted = float((time_s * table.asked()).sum()) / duration_s
    fits = min(1.0, gpus / wanted) if wanted > 0.0 else 1.0
    found = {}
    names = np.array(table.names["job_class"], dtype=object)[table["job_class"]]
    for name, kind in scenario.workload.classes.items():
        mine = names == name
        sizes, size = np.unique(table["gpus"][mine], return_inverse=True)
        jobs = fits * np.bincount(size, time_s[mine], len(sizes)) / duration_s
        rates = [kind.stored_gb * BYTES_PER_GB / _apart_s(scenario, kind, int(n)) for n in sizes]
        found[name] = _AtWork(float(jobs.sum()), float(jobs @ np.array(rates)) if len(sizes) else 0.0)
    return found


def _apart_s(scenario: Scenario, kind: JobClass, gpus: int) -> float:
    """[s] From one checkpoint of a job to the next."""
    if kind.checkpoint_interval_s == "young_daly" and kind.checkpoint_stops_work:
        kind = kind.stored(fastest_write_s(scenario, kind), 0.0)  # the write is what is weighed against lost work
    return interval_s(kind, mttf_s(scenario, gpus)) + kind.checkpoint_write_s


def _parts(scenario: Scenario) -> dict[str, float]:
    """Share of jobs at each site: of its GPUs."""
    gpus = {site: sum(pool.gpus.peak() for pool in spec.pools.values()) for site, spec in scenario.sites.items()}
    total = sum(gpus.values())
    return {site: n / total for site, n in gpus.items() if n > 0.0}


def _used(scenario: Scenario, bytes_per_s: float) -> dict[str, float]:
    """Share of its storage's bandwidth that each site uses."""
    return {
        site: part * bytes_per_s / (write_gb_s(scenario, site) * BYTES_PER_GB)
        for site, part in _parts(scenario).items()
    }


def write_gb_s(scenario: Scenario, site: str) -> float:
    """[GB/s] At which a site's storage is written."""
    given = scenario.sites[site].storage.write_gb_s
    assert given is not None  # by the scenario's check
    return given


def read_gb_s(scenario: Scenario, site: str) -> float:
    """[GB/s] At which a site's storage is read."""
    given = scenario.sites[site].storage.read_gb_s
    return write_gb_s(scenario, site) if given is None else given
