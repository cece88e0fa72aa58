"""What a trace is like: counts, quantiles, sizes, burstiness, rhythm, ends, concentration, and its file's faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces.trace import Trace
from gpusim.units import DAY_S, HOUR_S, number_of

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
WINDOWS_S = {"minute": 60.0, "hour": HOUR_S, "day": DAY_S}


@dataclass(frozen=True)
class Description:
    """Figures of one trace.

    Attributes
    ----------
    format : str
    origin : datetime or None
        Calendar time (UTC) at which the trace begins.
    jobs : int
    span_days : float
        From the first to the last submission [days].
    gpu_hours : float
        Sum of GPUs x runtime [GPU-hours].
    quantiles : DataFrame
        Columns ``runtime_s``, ``gpus``; rows p1 .. p99.9, mean, std (of the sample), max.
    sizes : DataFrame
        Per GPU count: ``jobs``, ``job_share``, ``gpu_time_share``.
    interarrival_cv : float
        Standard deviation / mean of the times between submissions; 1 for a Poisson process, NaN without two.
    fano : dict of str to float
        Variance / mean of the submissions per minute, hour, day; 1 for a Poisson process, NaN where the trace is
        shorter than two of them. Only whole windows count, the first begins with the first submission.
    hourly, weekly : ndarray, shape (24,), (7,)
        Share of submissions by hour of the day and weekday (Monday first) in UTC; by hour and day since the first
        submission where ``origin`` is None.
    final_states, tenants : Series
        Share of jobs by final state, and of GPU-time by tenant, greatest first.
    top_shares : dict of float to float
        Share of GPU-time that the largest 1 % and 10 % of jobs (rounded up) hold.
    notes : dict of str to int
        What was odd in the file, and how often.
    """

    format: str
    origin: datetime | None
    jobs: int
    span_days: float
    gpu_hours: float
    quantiles: pd.DataFrame
    sizes: pd.DataFrame
    interarrival_cv: float
    fano: dict[str, float]
    hourly: np.ndarray
    weekly: np.ndarray
    final_states: pd.Series
    tenants: pd.Series
    top_shares: dict[float, float]
    notes: dict[str, int]

    def __repr__(self) -> str:
        hours = number_of(round(self.gpu_hours), "GPU-hour")
        return f"<Description {self.format}: {number_of(self.jobs, 'job')}, {hours}>"


def describe(trace: Trace) -> Description:
    """Figures of ``trace``; quantiles are interpolated linearly."""
    table = trace.table
    submit_s = table["submit_s"]
    gaps_s = np.diff(submit_s)
    gpu_s = table["gpus"] * table["runtime_s"]
    start = trace.origin or datetime(2024, 1, 1)  # a Monday: without an origin, day 1 is the first
    since_monday_s = submit_s + (start.hour * 60 + start.minute) * 60.0 + start.second + start.weekday() * DAY_S
    hours = (since_monday_s // HOUR_S).astype("i8")
    return Description(
        format=trace.format,
        origin=trace.origin,
        jobs=len(table),
        span_days=float(submit_s[-1] - submit_s[0]) / DAY_S,
        gpu_hours=float(gpu_s.sum()) / HOUR_S,
        quantiles=pd.DataFrame({name: _quantiles(table[name]) for name in ("runtime_s", "gpus")}),
        sizes=_sizes(table, gpu_s),
        interarrival_cv=float(gaps_s.std() / gaps_s.mean()) if gaps_s.sum() > 0 else np.nan,
        fano={name: _fano(submit_s - submit_s[0], window_s) for name, window_s in WINDOWS_S.items()},
        hourly=np.bincount(hours % 24, minlength=24) / len(table),
        weekly=np.bincount(hours // 24 % 7, minlength=7) / len(table),
        final_states=_shares(table.labels("final_state"), np.ones(len(table))),
        tenants=_shares(table.labels("tenant"), gpu_s),
        top_shares={share: _top_share(gpu_s, share) for share in (0.01, 0.1)},
        notes=table.notes,
    )


def _quantiles(values: np.ndarray) -> pd.Series:
    figures = {f"p{100 * q:g}": float(value) for q, value in zip(QUANTILES, np.quantile(values, QUANTILES))}
    std = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return pd.Series({**figures, "mean": float(values.mean()), "std": std, "max": float(values.max())})


def _sizes(table: JobTable, gpu_s: np.ndarray) -> pd.DataFrame:
    by_size = pd.DataFrame({"gpus": table["gpus"], "gpu_s": gpu_s}).groupby("gpus")["gpu_s"].agg(["size", "sum"])
    return pd.DataFrame(
        {
            "jobs": by_size["size"],
            "job_share": by_size["size"] / len(table),
            "gpu_time_share": by_size["sum"] / (gpu_s.sum() or 1.0),
        }
    )


def _fano(since_first_s: np.ndarray, window_s: float) -> float:
    """Variance / mean of the counts in the whole windows of the trace."""
    n_windows = int(since_first_s[-1] // window_s)
    if n_windows < 2:
        return np.nan
    window, times = np.unique((since_first_s // window_s).astype("i8"), return_counts=True)
    counts = times[window < n_windows]  # of the windows that are not empty
    mean = counts.sum() / n_windows
    return float(((counts**2).sum() / n_windows - mean**2) / mean)


def _shares(labels: np.ndarray, weights: np.ndarray) -> pd.Series:
    sums = pd.Series(weights).groupby(labels).sum()
    return (sums / (sums.sum() or 1.0)).sort_values(ascending=False, kind="stable")


def _top_share(gpu_s: np.ndarray, share: float) -> float:
    count = int(np.ceil(share * len(gpu_s)))
    return float(np.sort(gpu_s)[-count:].sum() / (gpu_s.sum() or 1.0))
