"""GPUs that are live over time, from a run of the fleet or from a build-out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.tables.record import Record

LIVE = ("site", "gpu_type", "time_s", "gpus")
ROUNDING = 1e-6  # of a mean of GPUs, relative


def of_run(result: Record) -> pd.DataFrame:
    """Live GPUs of a run, as ``allocate`` takes them: those energised, nodes that have failed among them.

    At sites that projects add to, from the moments at which the build-out brings them. Elsewhere, and where a process
    of the run's own switches GPUs on or off otherwise, as means of the record intervals.
    """
    recorded = result.pools.assign(gpus=np.floor(result.pools["energised_gpus"] + 1e-6).astype(np.int64))
    before = recorded.groupby(["site", "gpu_type"], observed=True)["gpus"].shift(fill_value=0)
    changes = recorded[recorded["gpus"] != before].rename(columns={"start_s": "time_s"})[list(LIVE)]
    if "build_live" not in result.tables:
        return changes.reset_index(drop=True)
    exact = of_build_out(result.build_live)
    exact = exact[exact["site"].isin(_as_built(result, exact))]
    return pd.concat([changes[~changes["site"].isin(exact["site"])], exact], ignore_index=True)


def of_build_out(live: pd.DataFrame) -> pd.DataFrame:
    """Live GPUs of a build-out, as ``allocate`` takes them.

    Parameters
    ----------
    live : DataFrame
        site, gpu_type, time_s, live_gpus: GPUs from each change on. Sites that it leaves out have none.
    """
    return live.rename(columns={"live_gpus": "gpus"})[list(LIVE)]


def _as_built(result: Record, exact: pd.DataFrame) -> set[str]:
    """Sites of a build-out whose GPUs in the run were, in the mean of every record interval, those that it brings."""
    courses, others = dict(tuple(exact.groupby(["site", "gpu_type"], observed=True))), set()
    for (site, kind), pool in result.pools.groupby(["site", "gpu_type"], observed=True):
        if (site, kind) in courses:
            edges_s = np.append(pool["start_s"].to_numpy(), pool["end_s"].iloc[-1])
            built = np.diff(_integral(courses[site, kind], edges_s)) / np.diff(edges_s)
            if not np.allclose(built, pool["energised_gpus"], rtol=ROUNDING, atol=ROUNDING):
                others.add(site)
    return set(exact["site"]) - others


def _integral(course: pd.DataFrame, at_s: np.ndarray) -> np.ndarray:
    """[GPU-s] Of the GPUs of a course of steps, from its first step to some times."""
    from_s, gpus = course["time_s"].to_numpy(float), course["gpus"].to_numpy(float)
    before = np.concatenate([[0.0], np.cumsum(gpus[:-1] * np.diff(from_s))])
    step = np.searchsorted(from_s, at_s, side="right") - 1
    return before[step] + gpus[step] * (at_s - from_s[step])
