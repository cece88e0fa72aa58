"""Conservation laws that every result must keep: GPU-seconds, waiting, jobs, joules."""

from __future__ import annotations

import numpy as np

from gpusim.record.result import Result

RELATIVE = 1e-9  # room for rounding in sums


def check(result: Result) -> list[str]:
    """Laws that the result breaks, as sentences; none if all is well."""
    return [fault for law in (_gpu_seconds, _waits, _queue, _jobs, _joules) for fault in law(result)]


def _gpu_seconds(result: Result):
    keys = ["site", "gpu_type", "start_s", "end_s"]
    booked = result.ledger.groupby(keys, observed=True)["gpu_s"].sum()
    pools = result.pools.set_index(keys)
    planned = pools["planned"] * (pools.index.get_level_values("end_s") - pools.index.get_level_values("start_s"))
    wrong = (booked.reindex(planned.index).fillna(0.0) - planned).abs() > RELATIVE * planned.clip(lower=1.0)
    if wrong.any():
        yield f"{int(wrong.sum())} intervals whose causes do not add up to planned GPUs x time, first {wrong.idxmax()}"
    if (result.ledger["gpu_s"] < -1e-6 * planned.max()).any():
        yield "negative GPU-seconds in the ledger"


def _waits(result: Result):
    by_cause = result.job_waits.groupby("job_id")["wait_s"].sum()
    jobs = result.jobs.set_index("job_id")["wait_s"]
    wrong = (by_cause.reindex(jobs.index).fillna(0.0) - jobs).abs() > RELATIVE * jobs.clip(lower=1.0)
    if wrong.any():
        yield f"{int(wrong.sum())} jobs whose causes of waiting do not add up to their wait"


def _queue(result: Result):
    """Little's law as an identity: the queue's integral is the sum of the waits."""
    queue, jobs = result.waits["job_s"].sum(), result.jobs["wait_s"].sum()
    if abs(queue - jobs) > 1e-8 * max(jobs, 1.0):
        yield f"queues hold {queue:.6f} job-seconds, jobs waited {jobs:.6f} s"


def _jobs(result: Result):
    jobs = result.jobs
    ended = jobs["status"].isin(["done", "timed_out"])
    if not np.array_equal(ended, jobs["end_s"].notna()):
        yield "jobs that have ended and jobs with an end are not the same"


def _joules(result: Result):
    phases = result.power[[c for c in result.power if c.endswith("_j")]].sum().sum()
    it_j = result.sites["energy_it_j"].sum()
    if abs(phases - it_j) > RELATIVE * max(it_j, 1.0):
        yield f"phases hold {phases:.3f} J, sites {it_j:.3f} J"
