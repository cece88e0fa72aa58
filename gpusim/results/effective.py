"""Effective training time: what share of a run was work that lasted, as measured and as expected of its failures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from gpusim.errors import GpusimError, did_you_mean
from gpusim.results.delays import job_groups
from gpusim.results.groups import Groups
from gpusim.results.jobs import classes_of
from gpusim.results.tables.record import Record
from gpusim.scenario.checkpoints import effective_time, mttf_s
from gpusim.scenario.scenario import Scenario
from gpusim.units import HOUR_S

BY = ("job", "tenant", "job_class", "size", "run")


def effective_times(result: Record, by: str = "run") -> pd.DataFrame:
    """Effective training time of the jobs that have run, by job, tenant, class, size or in all.

    Returns
    -------
    DataFrame
        ``by``, jobs, gpus (of the largest job), interruptions (by failures), mttf_hours (job-hours on GPUs to one of
        these), elapsed_gpu_hours (from first start to end, waits for nodes between included), ettr (of that: useful,
        that is neither loading nor checkpoints nor lost nor slowed), goodput (useful over what was held), and
        expected_ettr: what a job that never waits for nodes is expected to have, by the exact formula for exponential
        failures (``scenario/checkpoints.py``). NaN where it does not hold: rates that depend on age, lemons, faults
        found late or by tests before starts, maintenance. Nor does the first-order bound there: no one mean time to
        failure is that of all jobs of a size, and what a failure costs depends on those before.

    Raises
    ------
    GpusimError
        If ``by`` is none of these.
    """
    if by not in BY:
        raise GpusimError(f"effective_times: found {by!r}{did_you_mean(by, BY)}; give one of {', '.join(BY)}")
    jobs = result.tables["jobs"]
    jobs = jobs[jobs["start_s"].notna()].reset_index(drop=True)
    end_s = jobs["end_s"].fillna(result.manifest["duration_s"]).to_numpy()
    gpus = jobs["gpus"].to_numpy(dtype=float)
    elapsed = gpus * (end_s - jobs["start_s"].to_numpy())
    expected = _expected(result, jobs)
    hits = result.tables["interruptions"]["job_id"].value_counts() if "interruptions" in result.tables else pd.Series()
    columns = {
        "interruptions": jobs["job_id"].map(hits).fillna(0.0).to_numpy(dtype=float),
        "run_s": jobs["run_s"], "elapsed": elapsed, "useful": jobs["useful_gpu_s"], "held": jobs["gpu_s"],
        "expected": expected * elapsed, "known": np.where(np.isnan(expected), 0.0, elapsed),
    }  # fmt: skip
    keys = {"job": jobs["job_id"], "run": pd.Series("all", index=jobs.index)}
    groups = Groups(keys[by]) if by in keys else job_groups(jobs, by)
    sums = groups.sums(**columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame(
            {
                by: groups.labels,
                "jobs": groups.sizes,
                "gpus": groups.quantiles(gpus, [1.0])[:, 0].astype("i8"),
                "interruptions": sums["interruptions"].astype("i8"),
                "mttf_hours": np.where(
                    sums["interruptions"] > 0, sums["run_s"] / HOUR_S / sums["interruptions"], np.nan
                ),
                "elapsed_gpu_hours": sums["elapsed"] / HOUR_S,
                "ettr": sums["useful"] / sums["elapsed"],
                "goodput": sums["useful"] / sums["held"],
                "expected_ettr": np.where(sums["known"] > 0.0, sums["expected"] / sums["known"], np.nan),
            }
        )


def _expected(result: Record, jobs: pd.DataFrame) -> np.ndarray:
    """Expected effective time of each job, NaN where no formula holds, shape (jobs,)."""
    scenario = Scenario.from_dict(result.manifest["scenario"])
    failures = scenario.failures
    is_steady = all(cause.is_steady and cause.found_after_h == 0.0 for cause in failures.causes.values())
    if not is_steady or failures.lemon_share > 0.0 or failures.maintenance or failures.start_check_finds > 0.0:
        return np.full(len(jobs), np.nan)

    class_of = classes_of(result)

    @cache
    def of(name: str, gpus: int, site: str, kind: str) -> float:
        spec, own_s = class_of(name, gpus), mttf_s(scenario, gpus, [(site, kind)])
        return effective_time(
            float(spec.checkpoint_interval_s),
            spec.checkpoint_write_s,
            spec.checkpoint_background_s,
            spec.startup_s,
            own_s,
        )

    rows = zip(*(jobs[name].tolist() for name in ("job_class", "gpus", "site", "gpu_type")), strict=True)
    return np.array([of(*row) for row in rows], dtype=float)
