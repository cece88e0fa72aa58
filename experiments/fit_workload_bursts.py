"""Fit the bursts of the workload presets (bursts.csv) to published gaps and Fano factors; takes minutes.

    python experiments/fit_workload_bursts.py                        # published figures beside those of the presets
    python experiments/fit_workload_bursts.py gpusim/inputs/presets    # fit again

Nelder-Mead on log ratios, each evaluation the mean of three fixed seeds of 70 weeks. Needs no data: figures are below.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

from gpusim import rng
from gpusim.inputs.arrivals import Bursts, bursty_arrivals
from gpusim.inputs.presets.preset import preset
from gpusim.units import DAY_S

DURATION_S = 490 * DAY_S
LEVEL_DAYS = 2  # of 1, 2 and 3 days, 2 fits philly's gaps and Fano factors best

# (jobs a day, where from, {figure: (value, weight)}). Whole seconds; fano N is variance over mean of the counts in
# windows of N s, empty N their share without a job.
CUT = "philly.csv of siasosp23/artifacts before 2017-11-01"
EARTH = "GPU jobs entering three virtual clusters of Earth 2020-05-06 to 31 (S-Lab-System-Group/HeliosArtifact)"
PUBLISHED = {
    "philly": (
        918.0,
        CUT,
        {
            "fano 1": (1.25, 1.0), "fano 10": (2.88, 2.0), "fano 60": (12.16, 3.0), "fano 600": (72.0, 3.0),
            "fano 3600": (194.72, 3.0), "fano 86400": (1063.4, 3.0), "CV": (19.398, 3.0), "zero": (0.097, 0.7),
            "p25": (2.0, 0.2), "p50": (6.0, 0.7), "p75": (20.0, 0.3), "p95": (518.65, 0.1), "empty 3600": (0.318, 0.7),
        },
    ),
    "helios": (
        959.0,
        EARTH,
        {
            "fano 60": (9.07, 3.0), "fano 600": (24.26, 3.0), "fano 3600": (109.6, 3.0), "fano 86400": (1002.0, 3.0),
            "empty 60": (0.832, 1.0), "empty 600": (0.380, 1.0), "empty 3600": (0.157, 1.0),
        },
    ),
}  # fmt: skip
# Where the search begins: coarse values found by hand. From elsewhere it ends in worse minima.
FIRST = {
    "philly": [logit(0.043), np.log(67.0), np.log(7.35), 1.0, logit(0.15), np.log(1.65), np.log(0.9)],
    "helios": [logit(0.032), np.log(18.3), np.log(2.06), 1.0, logit(0.078), np.log(1.36), np.log(2.62)],
}


def bursts_at(free: np.ndarray, per_day: float) -> Bursts:
    share, jobs, gap, sigma, silent, level, hour = free
    return Bursts(
        per_day, expit(share), 1.0 + np.exp(jobs), np.exp(gap), abs(sigma), LEVEL_DAYS, expit(silent), np.exp(level),
        np.exp(hour),
    )  # fmt: skip


def figures(submit_s: np.ndarray, names, duration_s: float = DURATION_S) -> dict[str, float]:
    """The named figures of submission times [s]."""
    whole_s = np.floor(submit_s).astype(np.int64)
    gap_s = np.diff(whole_s)
    found = {"CV": gap_s.std() / gap_s.mean(), "zero": (gap_s == 0).mean()}
    for name in names:
        kind, _, window = name.partition(" ")
        if kind in ("fano", "empty"):
            counts = np.unique(whole_s // int(window), return_counts=True)[1]
            windows = duration_s / int(window)
            mean = len(whole_s) / windows
            fano = ((counts**2).sum() / windows - mean**2) / mean
            found[name] = fano if kind == "fano" else 1.0 - len(counts) / windows
        elif kind.startswith("p"):
            found[name] = np.quantile(gap_s, int(kind[1:]) / 100.0)
    return found


def fit(name: str) -> Bursts:
    """The bursts of a preset nearest to its published figures."""
    per_day, _, published = PUBLISHED[name]
    known = preset(name)

    def distance(free: np.ndarray) -> float:
        total = 0.0
        for seed in range(3):
            submit_s = bursty_arrivals(
                bursts_at(free, per_day), known.hours, known.weekdays, per_day, 0.0, DURATION_S,
                lambda part, seed=seed: rng.stream(seed, part),
            )  # fmt: skip
            if len(submit_s) < 1000:
                return np.inf
            found = figures(submit_s, published)
            total += sum(
                weight * np.log((found[key] + 1e-3) / (value + 1e-3)) ** 2 for key, (value, weight) in published.items()
            )
        return total

    best = minimize(distance, FIRST[name], method="Nelder-Mead", options={"maxfev": 250, "xatol": 0.01, "fatol": 0.003})
    print(name, "distance", round(best.fun, 3))
    return bursts_at(best.x, per_day)


def show(duration_s: float = 1001 * DAY_S) -> None:
    """Print published figures and the range of the presets' over three seeds."""
    for name, (per_day, _, published) in PUBLISHED.items():
        known = preset(name)
        names = dict.fromkeys([*PUBLISHED["philly"][2], *published])
        samples = []
        for seed in range(3):
            submit_s = bursty_arrivals(
                known.bursts, known.hours, known.weekdays, per_day, 0.0, duration_s,
                lambda part, seed=seed: rng.stream(seed, part),
            )  # fmt: skip
            samples.append(figures(submit_s, names, duration_s))
        for key in names:
            value = f"{published[key][0]:9.3f}" if key in published else f"{'-':>9}"
            found = [sample[key] for sample in samples]
            print(f"{name:8} {key:12} published {value}   preset {min(found):9.3f} to {max(found):9.3f}")


def main(folder: Path) -> None:
    rows = []
    for name, (_, source, _) in PUBLISHED.items():
        rows.append({"preset": name, **vars(fit(name)), "source": f"fitted to {source}"})
    rows += [{**rows[-1], "preset": name, "source": "helios (assumption)"} for name in ("seren", "kalos", "pai")]
    pd.DataFrame(rows).to_csv(folder / "bursts.csv", index=False, float_format="%.3g", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1])) if sys.argv[1:] else show()
