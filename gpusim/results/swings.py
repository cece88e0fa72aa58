"""Swings of power as a grid sees them: ramps, bands of frequency, and what smooths them at which cost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d
from scipy.signal import periodogram

WINDOWS_S = (0.1, 1.0, 10.0, 60.0)  # over which ramps are told
BANDS_HZ = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # what utilities limit lies between (arXiv 2508.14318)
LOOK_BACK_S = 10.0  # what smooths power knows so much of what was before
EFFICIENCY = 0.9  # of a battery, in and out: assumption


def ramps(power_w: np.ndarray, step_s: float) -> pd.DataFrame:
    """Greatest change over windows, as a rate.

    Returns
    -------
    DataFrame
        window_s, up_mw_per_s, down_mw_per_s; windows shorter than a sample, or longer than the series, are left out.
    """
    rows = []
    for window_s in WINDOWS_S:
        lag = round(window_s / step_s)
        if 1 <= lag < len(power_w):
            change_w = power_w[lag:] - power_w[:-lag]
            per_s = 1.0 / (lag * step_s) / 1e6
            rows.append((lag * step_s, max(change_w.max(), 0.0) * per_s, max(-change_w.min(), 0.0) * per_s))
    return pd.DataFrame(rows, columns=["window_s", "up_mw_per_s", "down_mw_per_s"])


def bands(power_w: np.ndarray, step_s: float) -> pd.DataFrame:
    """Root mean square of the swings in bands from 0.1 to 20 Hz.

    By Parseval, the squares of all bands, with those of what is slower and faster, add up to the variance.

    Returns
    -------
    DataFrame
        from_hz, to_hz, rms_mw; bands above half the rate of the samples are left out.
    """
    hz, density = periodogram(power_w, 1.0 / step_s, detrend="constant", scaling="spectrum")
    rows = []
    for low, high in zip(BANDS_HZ, BANDS_HZ[1:]):
        if high <= 0.5 / step_s + 1e-9:
            inside = (hz >= low) & (hz < high)
            rows.append((low, high, float(np.sqrt(density[inside].sum())) / 1e6))
    return pd.DataFrame(rows, columns=["from_hz", "to_hz", "rms_mw"])


class Smoothed(NamedTuple):
    """Power that the grid sees [W], and the energy [J] that smoothing cost, stored or burnt, and at most held."""

    power_w: np.ndarray
    lost_j: float
    held_j: float


def by_storage(power_w: np.ndarray, step_s: float, storage_w: float) -> Smoothed:
    """A battery or capacitors of ``storage_w`` give what is above the mean of the last 10 s, and take what is below.

    A swing of 2 ``storage_w`` about its mean goes away. Of what is given, 1 - ``EFFICIENCY`` more is lost.
    """
    mean_w = _mean_before(power_w, _look_back(power_w, step_s))
    given_w = np.clip(power_w - mean_w, -storage_w, storage_w)
    level_j = np.cumsum(given_w) * step_s
    given_j = given_w.clip(min=0.0).sum() * step_s
    held_j = level_j.max(initial=0.0) - level_j.min(initial=0.0)
    return Smoothed(power_w - given_w, given_j * (1.0 / EFFICIENCY - 1.0), held_j)


def by_dummy_load(power_w: np.ndarray, step_s: float, load_w: float) -> Smoothed:
    """GPUs burn up to ``load_w`` where work stalls, so that power stays at its highest of the last 10 s."""
    size = _look_back(power_w, step_s)
    highest_w = maximum_filter1d(power_w, size, mode="nearest", origin=(size - 1) // 2)
    kept_w = np.minimum(highest_w, power_w + load_w)
    return Smoothed(kept_w, float((kept_w - power_w).sum() * step_s), 0.0)


def _look_back(power_w: np.ndarray, step_s: float) -> int:
    """Samples of ``LOOK_BACK_S``, as many as there are at most; odd."""
    size = min(round(LOOK_BACK_S / step_s), len(power_w))
    return max(size - (size + 1) % 2, 1)


def _mean_before(power_w: np.ndarray, size: int) -> np.ndarray:
    """Mean of each sample and those before it, ``size`` in all, or as many as there are."""
    sums = np.append(0.0, np.cumsum(power_w))
    last = np.arange(1, len(power_w) + 1)
    first = np.maximum(last - size, 0)
    return (sums[last] - sums[first]) / (last - first)
