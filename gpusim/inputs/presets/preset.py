"""A published cluster as tables: sizes, run times by size, final states, profile of the week, bursts.

The tables are the CSV files beside this module; ``docs/workload.md`` tells how they were fitted and where each
figure comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.inputs.arrivals import Bursts

# Normal scores of the columns of runtimes.csv: quantiles in per cent, the last one the longest run time.
QUANTILE_PCT = {
    "p0.01": -3.719016, "p1": -2.326348, "p5": -1.644854, "p10": -1.281552, "p25": -0.674490, "p50": 0.0,
    "p75": 0.674490, "p90": 1.281552, "p95": 1.644854, "p99": 2.326348, "p99.9": 3.090232, "p99.999": 4.264891,
}  # fmt: skip
SCORES = np.array(list(QUANTILE_PCT.values()))


@dataclass(frozen=True)
class Preset:
    """What one published cluster's jobs look like.

    Attributes
    ----------
    sizes, size_share : ndarray, shape (n_sizes,)
        GPUs of a job (fractions where GPUs were shared) and the share of the jobs.
    class_from : ndarray, shape (n_classes,)
        Least GPUs of each size class, ascending, the first 1.
    log_runtime : ndarray, shape (n_classes, n_quantiles)
        [ln s] quantiles of the run time at the normal scores ``SCORES``.
    states : list of str
        Final states.
    state_logit : ndarray, shape (n_states, 2)
        Intercept and slope of the log odds of a state over ln(GPU time / 1 GPU-hour).
    hours, weekdays : ndarray, shapes (24,) and (7,)
        Relative submission rates, mean 1; Monday first.
    bursts : Bursts
        How arrivals cluster.
    """

    sizes: np.ndarray
    size_share: np.ndarray
    class_from: np.ndarray
    log_runtime: np.ndarray
    states: list[str]
    state_logit: np.ndarray
    hours: np.ndarray
    weekdays: np.ndarray
    bursts: Bursts

    def runtimes_s(self, gpus: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Run times [s] of jobs of ``gpus`` GPUs, shape (n_jobs,): piecewise lognormal, by size class."""
        score = generator.standard_normal(len(gpus))
        row = np.searchsorted(self.class_from, np.maximum(gpus, 1), side="right") - 1
        log_runtime = np.empty(len(gpus))
        for k, quantiles in enumerate(self.log_runtime):
            member = row == k
            log_runtime[member] = np.interp(score[member], SCORES, quantiles)
        return np.exp(log_runtime)

    def final_states(self, gpu_s: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Codes (into ``states``) of how jobs of ``gpu_s`` [GPU s] end, shape (n_jobs,)."""
        hours = np.log(gpu_s / 3600.0)
        odds = np.exp(self.state_logit[:, :1] + self.state_logit[:, 1:] * hours)
        upto = np.cumsum(odds, axis=0)
        return (generator.uniform(size=len(gpu_s)) * upto[-1] >= upto).sum(axis=0).astype("i4")


@cache
def preset(name: str) -> Preset:
    """The preset called ``name``: philly, helios, seren, kalos or pai."""
    sizes, runtimes, states = (_rows(table, name) for table in ("sizes", "runtimes", "states"))
    week = _rows("week", name)
    bursts = _rows("bursts", name).drop(columns="source").iloc[0]
    return Preset(
        sizes=sizes["gpus"].to_numpy(float),
        size_share=sizes["share"].to_numpy() / sizes["share"].sum(),
        class_from=runtimes["gpus_from"].to_numpy(),
        log_runtime=np.log(runtimes[list(QUANTILE_PCT)].to_numpy(float)),
        states=states["state"].tolist(),
        state_logit=states[["intercept", "slope"]].to_numpy(),
        hours=_relative(week, "hour"),
        weekdays=_relative(week, "weekday"),
        bursts=Bursts(**{**bursts, "level_days": int(bursts["level_days"])}),
    )


def _rows(table: str, name: str) -> pd.DataFrame:
    with (files("gpusim.inputs.presets") / f"{table}.csv").open() as file:
        rows = pd.read_csv(file)
    return rows[rows["preset"] == name].drop(columns="preset")


def _relative(week: pd.DataFrame, kind: str) -> np.ndarray:
    share = week.loc[week["kind"] == kind, "share_pct"].to_numpy()
    return share / share.mean()
