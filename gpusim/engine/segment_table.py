"""The table of parts of runs: when each job that did not run in one go ran where, with how many GPUs, at what rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.runs import parts_of_runs
from gpusim.kernels.state.fleet import Fleet


def segments_table(fleet: Fleet, jobs: pd.DataFrame, names: Names, now_s: float) -> pd.DataFrame:
    """One row per part of a run at one rate, by job and time; of jobs that ran in one go, their own row says it all.

    ``jobs``: the table of jobs, in the order of the state.
    """
    noted = fleet.segments[: int(fleet.clock[0].n_segments)]
    changed = np.zeros(len(fleet.jobs), bool)
    changed[noted["job"]] = True
    taken = ("job", "runs_before", "pool", "gpus", "held", "start_s", "end_s", "rate")
    parts = [[getattr(part, name) for name in taken] for part in parts_of_runs(fleet, now_s, changed)]
    job, run, pool, gpus, held, start_s, end_s, rate = (np.concatenate(of) for of in zip(*parts, strict=True))
    if not fleet.jobs["milli"].any():
        gpus, held = gpus.astype("i8"), held.astype("i8")
    lasts_s = end_s - start_s
    # What is noted of a job comes first, with the power it drew; to the last part, what is left of its energy falls.
    power_w = np.concatenate([noted["power_w"], np.zeros(len(job) - len(noted))])
    left_j = jobs["energy_j"].to_numpy() - np.bincount(job, power_w * lasts_s, len(jobs))
    last = slice(len(noted), None)
    power_w[last] = np.divide(left_j[job[last]], lasts_s[last], out=power_w[last], where=lasts_s[last] > 0.0)
    order = np.lexsort((start_s, run, job))
    order = order[lasts_s[order] > 0.0]
    sites, kinds = (pd.Categorical(of, categories=list(dict.fromkeys(of))) for of in zip(*names.pools, strict=True))
    return pd.DataFrame(
        {
            "job_id": jobs["job_id"].to_numpy()[job[order]],
            "run": run[order],
            "site": sites[pool[order]],
            "gpu_type": kinds[pool[order]],
            "gpus": gpus[order],
            "held_gpus": held[order],
            "start_s": start_s[order],
            "end_s": end_s[order],
            "rate": rate[order],
            "power_w": power_w[order],
        }
    )
