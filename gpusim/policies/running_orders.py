"""Orders of who waits and who runs, by a key that changes as jobs run: the first take GPUs, whoever holds them."""

from __future__ import annotations

import math

import numpy as np

from gpusim.policies.gittins import gittins_levels
from gpusim.policies.indices import RemainingTime, ServiceLevels


def srtf(_jobs: np.recarray) -> RemainingTime:
    """Key: the time that is left (Schrage 1968)."""
    return RemainingTime()


def srtf_gpu(_jobs: np.recarray) -> RemainingTime:
    """Key: the time that is left x GPUs (SRSF of Tiresias: Gu et al. NSDI'19)."""
    return RemainingTime(by_gpus=True)


def las(_jobs: np.recarray, limits: list[float], promote: float | None) -> ServiceLevels:
    """Key: the level of the time on GPUs so far (Nuyens and Wierman 2008)."""
    return _levels(limits, promote, by_gpus=False)


def las_2d(_jobs: np.recarray, limits: list[float], promote: float | None) -> ServiceLevels:
    """Key: the level of the GPU-time so far (discretised 2D-LAS of Tiresias: Gu et al. NSDI'19)."""
    return _levels(limits, promote, by_gpus=True)


def gittins(jobs: np.recarray, run_times_s: list[float] | None, levels: int) -> ServiceLevels:
    """Key: the Gittins index (1979) by the time on GPUs so far, of a sample of run times, or of those of the jobs."""
    known = jobs.runtime_s if run_times_s is None else run_times_s
    known = [time_s for time_s in known if time_s > 0.0] or [1.0]
    limits, index = gittins_levels(known, levels)
    return ServiceLevels(tuple(limits.tolist()), tuple((-index).tolist()))


def _levels(limits: list[float], promote: float | None, *, by_gpus: bool) -> ServiceLevels:
    keys = tuple(map(float, range(len(limits) + 1)))
    return ServiceLevels(tuple(limits), keys, by_gpus, math.inf if promote is None else promote)
