"""Anchors of a cluster in production: what the GPUs of Acme's Seren drew, beside jobs of its preset on as many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.run import run
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED

# InternLM/AcmeTrace (Hu et al., NSDI 2024): power of the GPUs of Seren in August 2023, by percentile [W], its mean, and
# the share of GPUs between bounds; GPU jobs and the time that they held of 2,288 A100 from March to August 2023.
PERCENTILES_W = {10: 63.0, 25: 66.0, 90: 395.0, 95: 408.0}
MEAN_W, NOT_HELD_W = 168.4, 66.0
BANDS_W = {"below 75 W": (0.0, 75.0), "75 to 350 W": (75.0, 350.0), "above 350 W": (350.0, np.inf)}
BANDS = {"below 75 W": 0.339, "75 to 350 W": 0.479, "above 350 W": 0.182}
GPUS, CLUSTER_DAYS, JOBS, HELD_GPU_S = 2288, 184.0, 663_813, 4.5606e9 + 14.2746e9 + 2.6754e9
HELD = HELD_GPU_S / (GPUS * CLUSTER_DAYS * DAY_S)
HELD_W = NOT_HELD_W + (MEAN_W - NOT_HELD_W) / HELD  # of a GPU that a job holds: 239 W
DAYS = 40.0


def seren_scenario(stalled: float) -> Scenario:
    """Its jobs at their rate on as many A100; ``stalled``: share of a run in which it draws as in an exchange."""
    cooling = {"base_overhead": 0.0, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0}
    here = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 10.0, "pools": {"A100": {"gpus": float(GPUS)}},
        "cooling": cooling, "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0,
    }  # fmt: skip
    stream = {"tenant": "lab", "job_class": "mixed", "preset": "seren", "jobs_per_day": JOBS / CLUSTER_DAYS}
    classes = {"mixed": {"communication_share": stalled, "load_s": 0.0, "checkpoint_write_s": 0.0}}
    return Scenario.from_dict(
        {
            "name": "seren", "run": {"start": "2026-03-01", "days": DAYS, "record_s": DAY_S}, "sites": {"here": here},
            "tenants": {"lab": {}},
            "workload": {"reference_gpu": "A100", "classes": classes, "streams": {"all": stream}},
        }
    )  # fmt: skip


def levels(result: Record, scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """What a GPU draws in each state [W], increasing, and the share of all GPU-time in it."""
    gpu, power = scenario.gpus["A100"], result.power
    drawn_w = np.array([gpu.communication_fraction, gpu.compute_fraction]) * gpu.tdp_w
    above_j = power[["communication_j", "compute_j"]].sum().to_numpy()
    shares = above_j / (drawn_w - gpu.idle_w) / (GPUS * float((power["end_s"] - power["start_s"]).sum()))
    return np.append(gpu.idle_w, drawn_w), np.append(1.0 - shares.sum(), shares)


def seren(_effort: Effort, stalled: float | None = None) -> Iterator[Row]:
    """63: idle GPUs and those that train draw as measured, to 10%. In between nobody is: who holds a GPU computes all
    the time, unless its class says something else, and draws 380 W where the mean of GPUs held in Seren was 239 W. With
    stalls for so much of their time as brings the mean about, the shares of GPUs that draw little, much and something
    in between come near what was measured, and are off by up to a half: 15% of GPUs drew 150 to 350 W, where the model
    has no state.

    ``stalled``: another share of their time.
    """
    plain = seren_scenario(0.0)
    watts, shares = levels(run(plain, SEED), plain)
    held = 1.0 - shares[0]
    yield Row(63, "Seren: share of GPU-time held by jobs", HELD, held, 0.2)
    for percent, theirs_w in PERCENTILES_W.items():
        ours_w = float(watts[np.searchsorted(np.cumsum(shares), percent / 100.0)])
        yield Row(63, f"Seren: {percent}% of GPUs draw at most [W]", theirs_w, ours_w, 0.1)
    yield Row(63, "Seren: mean of a GPU that is held, always at work [W]", HELD_W, float(watts[2]), 0.6)
    slower = seren_scenario((watts[2] - HELD_W) / (watts[2] - watts[1]) if stalled is None else stalled)
    watts, shares = levels(run(slower, SEED), slower)
    held_w = float(watts[1:] @ shares[1:]) / (1.0 - shares[0])
    yield Row(63, "Seren: mean of a GPU that is held, with stalls [W]", HELD_W, held_w, 1e-9)
    for band, (low_w, high_w) in BANDS_W.items():
        ours = float(shares[(watts >= low_w) & (watts < high_w)].sum())
        yield Row(63, f"Seren, with stalls: share of GPUs that draw {band}", BANDS[band], ours, 0.5)
