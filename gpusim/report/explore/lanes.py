"""Jobs of each pool in lanes, as many as a chart can show: those of the most GPU-hours."""

from __future__ import annotations

import pandas as pd

from gpusim.report.timeline import pack
from gpusim.results.jobs import last_s
from gpusim.results.tables.record import Record
from gpusim.units import DAY_S, HOUR_S, number_of

MOST_JOBS = 8_000  # of all pools
MOST_OF_POOL = 600
MOST_LANES = 48
COLUMNS = ["site", "pool", "from", "to", "lane", "job", "tenant", "class", "gpus", "submitted", "waited", "status"]


def lanes(result: Record) -> tuple[pd.DataFrame, dict[str, str]]:
    """Bars of jobs, and what each pool shows of its own.

    Returns
    -------
    table : DataFrame
        site, pool, from, to, submitted [days], lane (from 0), job, tenant, class, gpus, waited [h], status; of jobs
        that were evicted, as if they had run in one go.
    said : dict of str to str
        By pool, the most GPU-hours first: its name, with how many of its jobs these are.
    """
    jobs = placed(result)
    pools = jobs.groupby("pool")["work"].sum().sort_values(ascending=False, kind="stable").index
    most = min(MOST_OF_POOL, MOST_JOBS // max(len(pools), 1))
    own = {pool: jobs[jobs["pool"] == pool] for pool in pools}
    shown = {pool: bars(part, most) for pool, part in own.items()}
    said = {pool: f"{pool}: {shown_of(len(shown[pool]), len(part))}" for pool, part in own.items()}
    return pd.concat(shown.values()) if shown else pd.DataFrame(columns=COLUMNS), said


def placed(result: Record) -> pd.DataFrame:
    """Jobs that started, with their ``pool``, end ``last_s`` and ``work`` [GPU-s]."""
    jobs = result.jobs[result.jobs["start_s"].notna()]
    last = last_s(jobs, float(result.manifest["duration_s"]))
    pool = jobs["site"].astype(str) + " " + jobs["gpu_type"].astype(str)
    return jobs.assign(pool=pool, last_s=last, work=jobs["gpus"] * (last - jobs["start_s"]))


def bars(jobs: pd.DataFrame, most: int = MOST_OF_POOL) -> pd.DataFrame:
    """Bars of the largest of some jobs that are ``placed``."""
    return _bars(_largest(jobs, most))


def shown_of(shown: int, jobs: int) -> str:
    """How many of the jobs are shown."""
    return number_of(jobs, "job") if shown == jobs else f"{shown:,} largest of {jobs:,} jobs"


def _largest(jobs: pd.DataFrame, most: int) -> pd.DataFrame:
    """Those of the most GPU-hours, so many that their lanes can be told apart, in order of their starts."""
    ranked = jobs.sort_values("work", ascending=False, kind="stable")
    while True:
        part = ranked.head(most).sort_values("start_s", kind="stable")
        part = part.assign(lane=[lane - 1 for lane in pack(part["start_s"], part["last_s"])])
        if most <= MOST_LANES or part["lane"].max() < MOST_LANES:
            return part
        most = min(most, len(part)) * 3 // 4


def _bars(jobs: pd.DataFrame) -> pd.DataFrame:
    day_of = {"from": "start_s", "to": "last_s", "submitted": "submit_s"}
    days = {name: jobs[column] / DAY_S for name, column in day_of.items()}
    bars = jobs.assign(**days, waited=jobs["wait_s"] / HOUR_S)
    return bars.rename(columns={"job_id": "job", "job_class": "class"})[COLUMNS]
