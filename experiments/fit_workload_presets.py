"""Fit the tables of the workload presets to published figures: sizes.csv, runtimes.csv and states.csv.

    python experiments/fit_workload_presets.py gpusim/inputs/presets

Needs no data: every figure it starts from is below, with its source. ``docs/workload.md`` explains the method.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq, least_squares
from scipy.stats import norm

from gpusim.inputs.presets.preset import QUANTILE_PCT, SCORES

ACME = "InternLM/AcmeTrace data/cluster_summary.csv"
CUT = "philly.csv of siasosp23/artifacts before 2017-11-01"


@dataclass(frozen=True)
class Published:
    """Figures of one cluster (``ACME``): GPU jobs, run times [s], GPUs per job, GPU time [GPU s]."""

    jobs: int
    mean_runtime_s: float
    median_runtime_s: float
    max_runtime_s: float
    mean_gpus: float
    states: dict[str, float]
    gpu_s: dict[str, float]


PUBLISHED = {
    "philly": Published(
        112956, 18006.055, 874.0, 4240676.0, 1.928,
        {"completed": 0.604, "cancelled": 0.090, "failed": 0.305},
        {"completed": 2210176414.0, "cancelled": 2025326056.0, "failed": 2659215061.0},
    ),
    "helios": Published(
        1580464, 6651.681, 206.0, 4320009.0, 3.716,
        {"completed": 0.624, "cancelled": 0.221, "failed": 0.155},
        {"completed": 39994296320.0, "cancelled": 30715109125.0, "failed": 7288334702.0},
    ),
    "seren": Published(
        663813, 1414.335, 122.0, 1209604.0, 5.68,
        {"completed": 0.497, "cancelled": 0.075, "failed": 0.429},
        {"completed": 4560592618.0, "cancelled": 14274584510.0, "failed": 2675447459.0},
    ),
    "kalos": Published(
        19907, 1259.689, 124.0, 625740.0, 26.77,
        {"completed": 0.541, "cancelled": 0.062, "failed": 0.397},
        {"completed": 1667685146.0, "cancelled": 3239202064.0, "failed": 426292851.0},
    ),
    "pai": Published(1037085, 4787.109, 480.667, 626371.0, 0.683, {}, {}),
}  # fmt: skip

# Shares of the jobs by GPUs, before the tilt that gives the published mean. philly: counts of the CUT, and 64 and 128
# (the published largest) carried on from there (assumption). The others are assumptions that keep what is published:
# the median (1; pai 0.5) and the largest job; recalled, not confirmed: seren and kalos have less than 7 % of their jobs
# above 8 GPUs (Hu et al., NSDI'24), and more than half of helios' jobs have 1 GPU (Hu et al., SC'21).
SIZES = {
    "philly": {1: 50188, 2: 904, 4: 945, 8: 713, 12: 7, 16: 65, 24: 4, 32: 23, 64: 5, 128: 0.4},
    "helios": {
        1: 0.69, 2: 0.08, 4: 0.08, 8: 0.11, 16: 0.02, 32: 0.01, 64: 0.005, 128: 0.002, 256: 6e-4, 512: 2e-4, 1024: 4e-5,
        2048: 1e-5,
    },
    "seren": {
        1: 0.61, 2: 0.06, 4: 0.06, 8: 0.205, 16: 0.03, 32: 0.016, 64: 0.010, 128: 0.005, 256: 0.0015, 512: 4e-4,
        1024: 1e-4,
    },
    "kalos": {
        1: 0.62, 2: 0.05, 4: 0.05, 8: 0.212, 16: 0.006, 32: 0.005, 64: 0.004, 128: 0.003, 256: 0.030, 512: 0.014,
        1024: 0.006,
    },
    "pai": {0.1: 0.06, 0.25: 0.30, 0.5: 0.24, 1: 0.35, 2: 0.03, 4: 0.013, 8: 0.007},
}  # fmt: skip

# Run times [s] of the CUT at the quantiles of QUANTILE_PCT, by least GPUs; the first is the trace's shortest, the last
# the longest of the class. The other presets take the shape of the 1-GPU jobs for all sizes (assumption): classes of
# a few hundred jobs of one cluster, one of them bimodal, say little about others.
CUT_RUNTIMES_S = {
    1: [1, 39, 53, 65, 275, 1477, 2753, 7233, 14783, 113708, 1042020, 3256045],
    2: [1, 7, 11, 13, 19, 689, 79708, 205524, 383374, 1122391, 2591735, 2750674],
    5: [1, 32, 183, 436, 5670, 106099, 231337, 502834, 706407, 2014349, 3225983, 4628226],
    9: [1, 41, 116, 181, 561, 47358, 130208, 477852, 612012, 1376691, 1677248, 1710643],
}
CLASSES = {
    "philly": [1, 2, 5, 9],
    "helios": [1, 2, 5, 9, 33, 129],
    "seren": [1, 2, 5, 9, 33, 129],
    "kalos": [1, 2, 5, 9, 33, 129],
    "pai": [1],
}
STATES = ["completed", "cancelled", "failed"]
CELLS = 20000  # quantile cells of a size class over which means are taken


# Shares are multiplied by exp(b ln(size)^k). For philly, k = 3 raises the largest sizes only: of k = 1, 1.5, 2, 3 it
# alone keeps the CUT's share of 1-GPU jobs (93 %) and its concentration of GPU time.
TILT = {"philly": 3.0, "helios": 1.0, "seren": 1.0, "kalos": 1.0, "pai": 1.0}


def tilted(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and shares, tilted so that their mean is the published one."""
    sizes, weight = np.array(list(SIZES[name])), np.array(list(SIZES[name].values()))

    def share(b: float) -> np.ndarray:
        tilt = weight * np.exp(b * np.log(sizes) ** TILT[name])
        return tilt / tilt.sum()

    return sizes, share(brentq(lambda b: share(b) @ sizes - PUBLISHED[name].mean_gpus, -1.0, 1.0))


def scores() -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of cells, finer in the upper tail, and their chances; shapes (CELLS,)."""
    edges = np.concatenate([np.linspace(0.0, 0.99, CELLS // 2), 1.0 - 0.01 * np.geomspace(1.0, 1e-6, CELLS // 2 + 1)])
    edges = np.unique(edges)
    return norm.ppf((edges[1:] + edges[:-1]) / 2), np.diff(edges)


class Mix:
    """All jobs of a preset: a grid of sizes and cells of run times."""

    def __init__(self, name: str):
        self.name, self.published = name, PUBLISHED[name]
        self.sizes, self.share = tilted(name)
        self.score, self.chance = scores()
        self.member = np.searchsorted(CLASSES[name], np.maximum(self.sizes, 1), side="right") - 1
        self.weight = (self.share[:, None] * self.chance).ravel()
        self.gpus = np.repeat(self.sizes, len(self.score))

    def table(self, level: float, stretch: float, growth: float) -> np.ndarray:
        """[ln s] quantiles by class: the CUT's shape around its median, its upper half times ``stretch``.

        Medians are at ``level + growth ln(size)``; only philly has the CUT's differences between classes on top.
        """
        rows = []
        for k, least in enumerate(CLASSES[self.name]):
            here = self.member == k
            size = np.exp(np.average(np.log(self.sizes[here]), weights=self.share[here]))
            shape = np.log(CUT_RUNTIMES_S[least if self.name == "philly" else 1])
            median = shape[SCORES == 0.0]
            around = (shape - median) * np.where(SCORES > 0.0, stretch, 1.0)
            row = level + growth * np.log(size) + around + (median if self.name == "philly" else 0.0)
            rows.append(np.clip(row, 0.0, np.log(self.published.max_runtime_s)))
        return np.array(rows)

    def runtime_s(self, table: np.ndarray) -> np.ndarray:
        return np.exp(np.concatenate([np.interp(self.score, SCORES, table[k]) for k in self.member]))

    def figures(self, table: np.ndarray) -> dict[str, float]:
        """Median [s], mean [s], mean GPU time [GPU s] and shares of the GPU time."""
        runtime_s = self.runtime_s(table)
        gpu_s = self.gpus * runtime_s * self.weight
        order = np.argsort(runtime_s)
        big = np.argsort(-self.gpus * runtime_s)
        held, jobs = np.cumsum(gpu_s[big]) / gpu_s.sum(), np.cumsum(self.weight[big])
        return {
            "median": np.interp(0.5, np.cumsum(self.weight[order]), runtime_s[order]),
            "mean": runtime_s @ self.weight,
            "gpu_s": gpu_s.sum(),
            "top 1 %": np.interp(0.01, jobs, held),
            "top 10 %": np.interp(0.10, jobs, held),
            "1 GPU": gpu_s[self.gpus <= 1].sum() / gpu_s.sum(),
            "from 8": gpu_s[self.gpus >= 8].sum() / gpu_s.sum(),
            "from 256": gpu_s[self.gpus >= 256].sum() / gpu_s.sum(),
        }

    def fit_runtimes(self) -> np.ndarray:
        """The table with the published median, mean and mean GPU time (pai: not published, no growth)."""
        wanted = np.log([self.published.median_runtime_s, self.published.mean_runtime_s])
        gpu_s = sum(self.published.gpu_s.values())
        if gpu_s:
            wanted = np.append(wanted, np.log(gpu_s / self.published.jobs))

        def miss(free: np.ndarray) -> np.ndarray:
            figures = self.figures(self.table(free[0], free[1], free[2] if gpu_s else 0.0))
            return np.log([figures["median"], figures["mean"], figures["gpu_s"]][: len(wanted)]) - wanted

        first = [0.0 if self.name == "philly" else wanted[0], 1.0, 0.1][: len(wanted)]
        free = least_squares(miss, first, diff_step=1e-3).x
        print(self.name, "level, stretch, growth:", free.round(3), "misses", miss(free).round(4))
        return self.table(free[0], free[1], free[2] if gpu_s else 0.0)

    def fit_states(self, runtime_s: np.ndarray) -> np.ndarray:
        """Log odds over completed, intercept and slope per ln(GPU-hour), that give both published shares."""
        hours = np.log(self.gpus * runtime_s / 3600.0)
        gpu_s = self.gpus * runtime_s * self.weight
        jobs = np.array(list(self.published.states.values()))
        time = np.array(list(self.published.gpu_s.values()))

        def miss(free: np.ndarray) -> np.ndarray:
            odds = np.exp(np.vstack([np.zeros_like(hours), *(a + b * hours for a, b in free.reshape(2, 2))]))
            chance = odds / odds.sum(axis=0)
            return np.concatenate(
                [
                    (chance @ self.weight)[1:] - (jobs / jobs.sum())[1:],
                    (chance @ gpu_s / gpu_s.sum() - time / time.sum())[1:],
                ]
            )

        fit = least_squares(miss, np.zeros(4))
        print(self.name, "states", fit.x.round(3), "misses", fit.fun.round(4))
        return np.vstack([[0.0, 0.0], fit.x.reshape(2, 2)])


def main(folder: Path) -> None:
    rows: dict[str, list[tuple]] = {"sizes": [], "runtimes": [], "states": []}
    odds: dict[str, np.ndarray] = {}
    for name, published in PUBLISHED.items():
        mix = Mix(name)
        origin = CUT if name == "philly" else "assumption"
        table = mix.fit_runtimes()
        odds[name] = mix.fit_states(mix.runtime_s(table)) if published.states else odds["helios"]
        print({key: round(float(value), 3) for key, value in mix.figures(table).items()})
        for gpus, share in zip(mix.sizes, mix.share):
            rows["sizes"].append((name, f"{gpus:g}", f"{share:.4g}", f"{origin}; mean of {ACME}"))
        for least, row in zip(CLASSES[name], np.exp(table)):
            origin = CUT if name == "philly" else "shape of philly's 1-GPU jobs (assumption)"
            source = f"{origin}; mean and median and GPU time of {ACME}"
            rows["runtimes"].append((name, least, *(f"{value:.4g}" for value in row), source))
        for state, (intercept, slope) in zip(STATES, odds[name]):
            source = ACME if published.states else "helios (assumption)"
            rows["states"].append((name, state, f"{intercept:.4f}", f"{slope:.4f}", source))
    columns = {
        "sizes": ["gpus", "share"],
        "runtimes": ["gpus_from", *QUANTILE_PCT],
        "states": ["state", "intercept", "slope"],
    }
    for table, names in columns.items():
        frame = pd.DataFrame(rows[table], columns=["preset", *names, "source"])
        frame.to_csv(folder / f"{table}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
