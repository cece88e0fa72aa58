"""How long jobs waited, and how much that slowed them: by class, size, tenant or any other column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.groups import Groups
from gpusim.model.measure import QUANTILES, SIZE_CLASSES, SIZES
from gpusim.record.result import Result
from gpusim.units import HOUR_S

BOUND_S = 10.0  # [s] of the bounded slowdown


def queue_delay_s(jobs: pd.DataFrame) -> pd.Series:
    """Queue delay [s]: submission to first start; NaN for jobs that never started."""
    return jobs["start_s"] - jobs["submit_s"]


def bounded_slowdown(jobs: pd.DataFrame) -> pd.Series:
    """max(1, (wait + run) / max(run, 10 s)) of jobs that have run (Feitelson et al. 1997)."""
    return np.maximum((jobs["wait_s"] + jobs["run_s"]) / np.maximum(jobs["run_s"], BOUND_S), 1.0)


def size_class(gpus: pd.Series) -> pd.Series:
    """Size classes of jobs as ordered text: ``"1"``, ``"2-8"``, ... ``"over 4096"`` GPUs."""
    codes = np.searchsorted(SIZES, gpus.to_numpy(), side="left")
    return pd.Series(pd.Categorical.from_codes(codes, SIZE_CLASSES, ordered=True), index=gpus.index, name=gpus.name)


def job_groups(jobs: pd.DataFrame, by: str) -> Groups:
    """Jobs by a column of their table, or by ``size``."""
    return Groups(size_class(jobs["gpus"]) if by == "size" else jobs[by])


def waits(jobs: pd.DataFrame, groups: Groups) -> dict[str, np.ndarray]:
    """The columns of ``delays`` that tell of waiting, shape (n_groups,) each."""
    delay_s = queue_delay_s(jobs).to_numpy()
    started = ~np.isnan(delay_s)
    queued = (jobs["status"] == "queued").to_numpy() & ~started
    n_started, sums = groups.counts(started), groups.sums(wait_s=jobs["wait_s"].to_numpy(), delay_s=delay_s)
    quantiles = groups.quantiles(delay_s, [q / 100 for q in QUANTILES])
    with np.errstate(invalid="ignore"):  # 0 / 0: none has started
        mean_s = sums["delay_s"] / n_started
    return {
        "jobs": groups.sizes,
        "started": n_started,
        "waiting": groups.counts(queued),
        "job_hours_waited": sums["wait_s"] / HOUR_S,
        "wait_mean_s": mean_s,
        **{f"wait_p{q}_s": quantiles[:, i] for i, q in enumerate(QUANTILES)},
    }


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
    groups = job_groups(jobs, by)
    slowdown = bounded_slowdown(jobs).where(jobs["status"].isin(["done", "timed_out"]))
    quantiles = groups.quantiles(slowdown.to_numpy(), [q / 100 for q in QUANTILES])
    slowdowns = {f"slowdown_p{q}": quantiles[:, i] for i, q in enumerate(QUANTILES)}
    return pd.DataFrame({by: groups.labels, **waits(jobs, groups), **slowdowns})
