"""How long jobs waited, and how much that slowed them: by class, size, tenant or any other column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.record.result import Result
from gpusim.units import HOUR_S

BOUND_S = 10.0  # [s] of the bounded slowdown
QUANTILES = (50, 90, 95, 99)  # [%]
SIZES = (1, 8, 64, 512, 4096)  # GPUs: upper ends of the size classes; a node holds 8 or 4


def queue_delay_s(jobs: pd.DataFrame) -> pd.Series:
    """Queue delay [s]: submission to first start; NaN for jobs that never started."""
    return jobs["start_s"] - jobs["submit_s"]


def bounded_slowdown(jobs: pd.DataFrame) -> pd.Series:
    """max(1, (wait + run) / max(run, 10 s)) of jobs that have run (Feitelson et al. 1997)."""
    return ((jobs["wait_s"] + jobs["run_s"]) / jobs["run_s"].clip(lower=BOUND_S)).clip(lower=1.0)


def size_class(gpus: pd.Series) -> pd.Series:
    """Size classes of jobs as ordered text: ``"1"``, ``"2-8"``, ... ``"over 4096"`` GPUs."""
    edges = [0, *SIZES, np.inf]
    names = ["1", *(f"{low + 1}-{high}" for low, high in zip(SIZES[:-1], SIZES[1:], strict=True)), f"over {SIZES[-1]}"]
    return pd.cut(gpus, edges, labels=names)


def delays(result: Result, by: str) -> pd.DataFrame:
    """Queue delay and slowdown by a column of the jobs table, or by ``size``.

    Returns
    -------
    DataFrame
        The column; jobs (submitted), started, waiting (queued at the end and never started), job_hours_waited (all
        waiting, also of evicted jobs for their next start); wait_mean_s and
        wait_p50_s to wait_p99_s [s] of jobs that started; slowdown_p50 to slowdown_p99 (bounded) of jobs that ended.
        Jobs that never started are in none of the percentiles: where there are many, the true delays are longer.
    """
    jobs = result.jobs
    keys = size_class(jobs["gpus"]).rename("size") if by == "size" else jobs[by]
    queued = (jobs["status"] == "queued") & jobs["start_s"].isna()
    delay_s = queue_delay_s(jobs)
    ended = jobs["status"].isin(["done", "timed_out"])
    slowdown = bounded_slowdown(jobs).where(ended)
    table = pd.DataFrame(
        {
            "jobs": keys.groupby(keys, observed=True).size(),
            "started": delay_s.groupby(keys, observed=True).count(),
            "waiting": queued.groupby(keys, observed=True).sum(),
            "job_hours_waited": jobs["wait_s"].groupby(keys, observed=True).sum() / HOUR_S,
            "wait_mean_s": delay_s.groupby(keys, observed=True).mean(),
        }
    )
    shares = [q / 100 for q in QUANTILES]
    for name, values in (("wait_p{}_s", delay_s), ("slowdown_p{}", slowdown)):
        quantiles = values.groupby(keys, observed=True).quantile(shares).unstack()
        table[[name.format(q) for q in QUANTILES]] = quantiles.reindex(columns=shares)
    return table.rename_axis(by).reset_index()
