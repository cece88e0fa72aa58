"""How long jobs waited, and how much that slowed them: by class, size, tenant or any other column."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.results.groups import Groups
from gpusim.results.measure import QUANTILES, SIZE_CLASSES, SIZES
from gpusim.results.tables.record import Record
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


class Waits(NamedTuple):
    """What tells of the waiting of jobs, shape (n_jobs,) each; the same however they are grouped."""

    wait_s: np.ndarray
    delay_s: np.ndarray
    queued: np.ndarray  # still, without a start

    @classmethod
    def of(cls, jobs: pd.DataFrame) -> Waits:
        """Of a table of jobs."""
        delay_s = queue_delay_s(jobs).to_numpy()
        return cls(jobs["wait_s"].to_numpy(), delay_s, (jobs["status"] == "queued").to_numpy() & np.isnan(delay_s))

    def summed(self, groups: Groups, **more: np.ndarray) -> dict[str, np.ndarray]:
        """Sums of waits and delays by group, and of more columns."""
        return groups.sums(wait_s=self.wait_s, delay_s=self.delay_s, **more)

    def figures(self, groups: Groups, sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns of ``delays`` that tell of waiting, shape (n_groups,) each, from what is ``summed``."""
        n_started = groups.counts(~np.isnan(self.delay_s))
        quantiles = groups.quantiles(self.delay_s, [q / 100 for q in QUANTILES])
        with np.errstate(invalid="ignore"):  # 0 / 0: none has started
            mean_s = sums["delay_s"] / n_started
        return {
            "jobs": groups.sizes,
            "started": n_started,
            "waiting": groups.counts(self.queued),
            "job_hours_waited": sums["wait_s"] / HOUR_S,
            "wait_mean_s": mean_s,
            **{f"wait_p{q}_s": quantiles[:, i] for i, q in enumerate(QUANTILES)},
        }


def delays(result: Record, by: str) -> pd.DataFrame:
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
    waits = Waits.of(jobs)
    return pd.DataFrame({by: groups.labels, **waits.figures(groups, waits.summed(groups)), **slowdowns})
