"""Waiting by tenant where tenants share a queue: the result then has it by job and by interval, but not by both."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.tables.record import Record

ROUNDS = 30  # of scaling rows and columns by turns
LEAST = 1e-6  # of a tenant's share: any step may have some of it, so that both sums can be met


def split(result: Record, waits: pd.DataFrame, edges_s: np.ndarray) -> pd.DataFrame:
    """Rows of ``waits``, those without a tenant split by tenant.

    By site and cause, a tenant's waiting adds up to that of its jobs, and that of all tenants in a step to what is
    recorded. In between, each job is taken to wait evenly, scaled until both hold (iterative proportional fitting).
    """
    shared = waits["tenant"] == ""
    if not shared.any() or not len(result.job_waits):
        return waits
    jobs = result.job_waits.merge(result.jobs[["job_id", "site", "tenant", "submit_s"]], on="job_id")
    jobs = jobs.assign(end_s=jobs["submit_s"] + jobs.groupby("job_id")["wait_s"].transform("sum")).astype(
        {"cause": str}
    )
    of_jobs = dict(list(jobs.groupby(["site", "cause"], observed=True)))
    parts = [waits[~shared]]
    for key, rows in waits[shared].astype({"cause": str}).groupby(["site", "cause"], observed=True):
        parts.append(_split(rows, of_jobs.get(key, jobs), edges_s))
    return pd.concat(parts, ignore_index=True)


def _split(rows: pd.DataFrame, jobs: pd.DataFrame, edges_s: np.ndarray) -> pd.DataFrame:
    """Rows of one site and cause, one for each tenant."""
    step = np.searchsorted(edges_s, rows["start_s"].to_numpy(), side="right") - 1
    recorded_s = np.bincount(step, weights=rows["job_s"], minlength=len(edges_s) - 1)
    by_tenant = dict(list(jobs.groupby("tenant", observed=True)))
    totals_s = np.array([one["wait_s"].sum() for one in by_tenant.values()])
    waited_s = np.array([_evenly(one, edges_s) for one in by_tenant.values()]) + LEAST * np.outer(
        totals_s, recorded_s > 0.0
    )
    for _round in range(ROUNDS if len(by_tenant) > 1 else 1):
        waited_s *= (totals_s / waited_s.sum(axis=1))[:, None]
        waited_s *= recorded_s / np.maximum(waited_s.sum(axis=0), np.finfo(float).tiny)
    shares = waited_s / np.maximum(waited_s.sum(axis=0), np.finfo(float).tiny)
    return pd.concat(
        [rows.assign(tenant=name, job_s=rows["job_s"] * share[step], gpu_s=rows["gpu_s"] * share[step])
         for name, share in zip(by_tenant, shares)]
    )  # fmt: skip


def _evenly(jobs: pd.DataFrame, edges_s: np.ndarray) -> np.ndarray:
    """[s] waited in each step, if every job's wait were spread evenly from its submission on."""
    start_s, end_s, wait_s = (jobs[name].to_numpy(float) for name in ("submit_s", "end_s", "wait_s"))
    rate = wait_s / (end_s - start_s)
    at_s = np.concatenate([start_s, end_s])
    order = np.argsort(at_s, kind="stable")
    at_s, rates = at_s[order], np.cumsum(np.concatenate([rate, -rate])[order])
    total_s = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(at_s))])
    return np.diff(np.interp(edges_s, at_s, total_s)).clip(min=0.0)
