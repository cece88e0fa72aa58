"""Jobs on one small site under a policy, by its name in a scenario."""

from __future__ import annotations

import numpy as np

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

SITE = {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0}
ONE = {"one": {**SITE, "pools": {"H100": {"gpus": 16}}}}


def play(
    order,
    jobs,
    *,
    sites=None,
    interval_s=0.0,
    days=0.1,
    tenants=("t",),
    scheduler=None,
    classes=None,
    processes=(),
    tables=None,
    **columns,
):
    """Jobs (submit [s], run time [s], GPUs), all preemptible, on one site of 16 H100; checkpoints without end."""
    submit_s, runtime_s, gpus = (np.array(column) for column in zip(*jobs, strict=True))
    columns = {"preemptible": np.ones(len(jobs), bool)} | {name: np.array(values) for name, values in columns.items()}
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": days},
            "scheduler": {"order": order, **(scheduler or {})}, "sites": sites or ONE,
            "tenants": {tenant: {} for tenant in tenants},
            "workload": {"trace": "jobs.csv", "classes": classes or {"c": {"checkpoint_interval_s": interval_s}}},
            **(tables or {}),
        }
    )  # fmt: skip
    table = JobTable.build(
        {"job_class": list(classes or ["c"]), "tenant": list(tenants)}, job_id=np.arange(len(jobs)),
        submit_s=submit_s.astype(float), runtime_s=runtime_s.astype(float), gpus=gpus, **columns,
    )  # fmt: skip
    result = gpusim.run(scenario, trace=table, processes=processes)
    assert check(result) == []
    return result


def ends(result):
    """End of every job [s]."""
    return result.jobs["end_s"].tolist()
