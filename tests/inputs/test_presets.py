"""Presets against published figures, with controls that must fail the same comparison.

Sources: ACME is InternLM/AcmeTrace data/cluster_summary.csv (jobs, run times, GPUs, final states, GPU time); CUT is
philly.csv of siasosp23/artifacts before 2017-11-01 (52,849 jobs), from which gaps, Fano factors, profiles, quantiles
and concentration were computed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gpusim import rng
from gpusim.inputs.arrivals import bursty_arrivals
from gpusim.inputs.presets.preset import SCORES, preset
from gpusim.inputs.synthetic import synthesize
from gpusim.scenario.workload import Workload
from gpusim.units import DAY_S

DAYS = 1001.0  # 143 weeks
JOBS_PER_DAY = 918.0  # of CUT: 52,849 jobs in 57.56 days

# ACME: mean and median run time [s], mean GPUs, GPU time per job [GPU s], largest job, longest run time [s].
ACME = {
    "philly": (18006.055, 874.0, 1.928, 6894717684 / 112956, 128, 4240676.0),
    "helios": (6651.681, 206.0, 3.716, 77997740131 / 1580464, 2048, 4320009.0),
    "seren": (1414.335, 122.0, 5.68, 21510624587 / 663813, 1024, 1209604.0),
    "kalos": (1259.689, 124.0, 26.77, 5333180061 / 19907, 1024, 625740.0),
}
# ACME: completed, cancelled, failed by jobs and by GPU time.
STATES = {
    "philly": ((0.604, 0.090, 0.305), (0.321, 0.294, 0.386)),
    "helios": ((0.624, 0.221, 0.155), (0.513, 0.394, 0.093)),
    "seren": ((0.497, 0.075, 0.429), (0.212, 0.664, 0.124)),
    "kalos": ((0.541, 0.062, 0.397), (0.313, 0.607, 0.080)),
}
# Relative tolerances. Means of GPU time hang on few jobs: 0.1 % of the jobs hold 70 % of the GPU time of helios.
TOLERANCE = {"mean": 0.04, "median": 0.01, "gpus": 0.02, "gpu_s": 0.06, "top 1 %": 0.04, "top 10 %": 0.03}
HELIOS_TOLERANCE = {**TOLERANCE, "mean": 0.08, "gpu_s": 0.15}
# CUT: gaps between submissions in whole seconds, and variance over mean of the counts in windows of so many seconds.
GAPS = {"CV": 19.398, "zero share": 0.097, "median gap": 6.0}
FANO = {10: 2.88, 60: 12.16, 600: 72.00, 3600: 194.72, 86400: 1063.4}
GAP_TOLERANCE = {"CV": 0.25, "zero share": 0.15, "median gap": 0.01}
FANO_TOLERANCE = 0.25  # 58-day samples of the model spread as much
HOURS = (
    "5.68 5.10 5.58 3.78 2.04 5.09 7.06 10.16 4.32 4.05 4.07 3.07 "
    "3.56 2.43 2.56 2.21 4.04 2.78 2.42 2.13 4.79 3.60 5.08 4.40"
)
WEEKDAYS = "12.18 15.60 14.67 17.81 20.20 9.93 9.62"


def jobs_of(name: str, days: float = DAYS, **fields):
    stream = {"tenant": "t", "job_class": "c", "preset": name, "jobs_per_day": JOBS_PER_DAY, **fields}
    return synthesize(Workload.model_validate({"streams": {name: stream}}), days * DAY_S, seed=1)


@pytest.fixture(scope="module")
def tables():
    return {name: jobs_of(name) for name in ACME}


def mix_of(gpus: np.ndarray, runtime_s: np.ndarray) -> dict[str, float]:
    gpu_s = np.sort(gpus * runtime_s)[::-1]
    return {
        "mean": runtime_s.mean(),
        "median": np.median(runtime_s),
        "gpus": gpus.mean(),
        "gpu_s": gpu_s.mean(),
        "top 1 %": gpu_s[: len(gpu_s) // 100].sum() / gpu_s.sum(),
        "top 10 %": gpu_s[: len(gpu_s) // 10].sum() / gpu_s.sum(),
    }


def arrivals_of(submit_s: np.ndarray, duration_s: float) -> dict[str, float]:
    whole_s = np.floor(submit_s).astype(np.int64)
    gap_s = np.diff(whole_s)
    found = {"CV": gap_s.std() / gap_s.mean(), "zero share": (gap_s == 0).mean(), "median gap": np.median(gap_s)}
    for window_s in FANO:
        counts = np.unique(whole_s // window_s, return_counts=True)[1]
        windows = duration_s / window_s
        mean = counts.sum() / windows
        found[window_s] = ((counts**2).sum() / windows - mean**2) / mean
    return found


def misses(found: dict, published: dict, tolerance: dict) -> set:
    """Figures further from the published ones than their relative tolerance."""
    return {key for key, value in published.items() if abs(found[key] / value - 1.0) > tolerance[key]}


def published_mix(name: str) -> dict[str, float]:
    return dict(zip(("mean", "median", "gpus", "gpu_s"), ACME[name][:4]))


ARRIVALS = {**GAPS, **FANO}
ARRIVAL_TOLERANCE = {**GAP_TOLERANCE, **dict.fromkeys(FANO, FANO_TOLERANCE)}


@pytest.mark.parametrize("name", ACME)
def test_tables_have_the_published_figures(name):
    """Without sampling: the mean over the normal scores of each size class, to the four digits of the tables."""
    known = preset(name)
    edges = np.linspace(-8.0, 8.0, 80_001)
    score = (edges[1:] + edges[:-1]) / 2
    chance = np.exp(-(score**2) / 2) / np.sqrt(2.0 * np.pi) * np.diff(edges)
    by_class = [np.exp(np.interp(score, SCORES, row)) @ chance for row in known.log_runtime]
    mean_s = np.array(by_class)[np.searchsorted(known.class_from, known.sizes, side="right") - 1]
    mean, _, gpus, gpu_s, _, _ = ACME[name]
    assert known.size_share @ mean_s == pytest.approx(mean, rel=0.003)
    assert known.size_share @ known.sizes == pytest.approx(gpus, rel=0.001)
    assert known.size_share @ (known.sizes * mean_s) == pytest.approx(gpu_s, rel=0.003)


def test_figures_of_the_cut(data_folder):
    """The numbers this file calls CUT, from the file itself; its day windows begin at the first submission."""
    jobs = pd.read_csv(data_folder / "philly" / "philly.csv.gz", parse_dates=["timestamp"]).dropna()
    submit = jobs["timestamp"].sort_values()
    submit_s = (submit - submit.iloc[0]).dt.total_seconds().to_numpy()
    assert len(jobs) == 52_849
    published = {**GAPS, **FANO, "top 1 %": 0.724, "top 10 %": 0.964}
    found = arrivals_of(submit_s, submit_s[-1]) | mix_of(jobs["num_gpus"].to_numpy(), jobs["duration"].to_numpy())
    assert not misses(found, published, dict.fromkeys(published, 0.02)), found
    hours = np.bincount(submit.dt.hour, minlength=24) / len(submit) * 100.0
    assert hours == pytest.approx([float(share) for share in HOURS.split()], abs=0.006)


@pytest.mark.parametrize("name", ACME)
def test_sizes_and_run_times(tables, name):
    table = tables[name]
    found = mix_of(table["gpus"], table["runtime_s"])
    assert not misses(found, published_mix(name), HELIOS_TOLERANCE if name == "helios" else TOLERANCE), found
    assert np.median(table["gpus"]) == 1
    assert table["gpus"].max() == preset(name).sizes.max() == ACME[name][4]
    assert table["runtime_s"].max() <= ACME[name][5] * 1.001  # tables have four digits
    assert table["runtime_s"].min() >= 0.999


def test_concentration_of_gpu_time(tables):
    found = mix_of(tables["philly"]["gpus"], tables["philly"]["runtime_s"])
    assert not misses(found, {"top 1 %": 0.724, "top 10 %": 0.964}, TOLERANCE), found  # CUT


def test_one_size_fits_all_lognormal_fails():
    """Negative control: a lognormal with the published mean and median, whatever the size."""
    known, generator = preset("philly"), np.random.default_rng(1)
    mean_s, median_s = ACME["philly"][:2]
    gpus = generator.choice(known.sizes, 1_000_000, p=known.size_share)
    runtime_s = median_s * np.exp(np.sqrt(2.0 * np.log(mean_s / median_s)) * generator.standard_normal(len(gpus)))
    published = {**published_mix("philly"), "top 10 %": 0.964}
    assert misses(mix_of(gpus, runtime_s), published, TOLERANCE) == {"gpu_s", "top 10 %"}


def test_share_of_single_gpu_jobs(tables):
    assert (tables["philly"]["gpus"] == 1).mean() == pytest.approx(0.932, abs=0.006)  # of all 82,247 jobs of philly.csv


@pytest.mark.parametrize(
    ("least", "ratios"),
    [
        (1, {-2.326348: 39 / 1477, -1.281552: 65 / 1477, -0.674490: 275 / 1477}),
        (2, {-2.326348: 7 / 689, -1.281552: 13 / 689, -0.674490: 19 / 689}),
        (5, {-1.281552: 436 / 106099, -0.674490: 5670 / 106099}),
    ],
)
def test_lower_quantiles_by_size(tables, least, ratios):
    """Below the median each size class keeps the quantiles of CUT over its median (p1, p10, p25), 8 GPUs from p10."""
    known = preset("philly")
    row = known.log_runtime[list(known.class_from).index(least)]
    for score, ratio in ratios.items():
        assert np.exp(np.interp(score, SCORES, row) - np.interp(0.0, SCORES, row)) == pytest.approx(ratio, rel=0.02)
    gpus, runtime_s = tables["philly"]["gpus"], tables["philly"]["runtime_s"]
    member = (gpus >= least) & (gpus < {1: 2, 2: 5, 5: 9}[least])
    drawn = np.quantile(runtime_s[member], 0.25) / np.median(runtime_s[member])
    assert drawn == pytest.approx(ratios[-0.674490], rel=0.12)


def test_pai():
    """Fractions of GPUs (mean 0.683, median 0.5) are asked for in whole GPUs; ACME gives no GPU time."""
    known, table = preset("pai"), jobs_of("pai")
    assert known.sizes @ known.size_share == pytest.approx(0.683, rel=0.005)
    assert known.sizes[np.searchsorted(np.cumsum(known.size_share), 0.5)] == 0.5
    assert sorted(set(table["gpus"])) == [1, 2, 4, 8]
    assert table["runtime_s"].mean() == pytest.approx(4787.109, rel=0.04)
    assert np.median(table["runtime_s"]) == pytest.approx(480.667, rel=0.01)


@pytest.mark.parametrize("name", ACME)
def test_final_states(tables, name):
    table = tables[name]
    states, gpu_s = table.labels("final_state"), table["gpus"] * table["runtime_s"]
    by_jobs = [(states == state).mean() for state in ("completed", "cancelled", "failed")]
    by_time = [gpu_s[states == state].sum() / gpu_s.sum() for state in ("completed", "cancelled", "failed")]
    assert by_jobs == pytest.approx(STATES[name][0], abs=0.003)
    assert by_time == pytest.approx(STATES[name][1], abs=0.10 if name == "helios" else 0.03)


def test_final_states_regardless_of_gpu_time_fail(tables):
    """Negative control: states drawn by their shares of the jobs alone miss the shares of the GPU time."""
    table = tables["seren"]
    gpu_s = table["gpus"] * table["runtime_s"]
    cancelled = np.random.default_rng(1).uniform(size=len(gpu_s)) < 0.075
    assert abs(gpu_s[cancelled].sum() / gpu_s.sum() - 0.664) > 0.3


def test_bursts(tables):
    found = arrivals_of(tables["philly"]["submit_s"], DAYS * DAY_S)
    assert not misses(found, ARRIVALS, ARRIVAL_TOLERANCE), found
    assert len(tables["philly"]) / DAYS == pytest.approx(JOBS_PER_DAY, rel=0.10)


def test_poisson_arrivals_fail():
    """Negative control: the same week without sessions and levels."""
    known = preset("philly")
    calm = replace(known.bursts, sweep_share=0.0, silent_share=0.0, level_shape=1e6, hour_shape=1e6)
    submit_s = bursty_arrivals(
        calm, known.hours, known.weekdays, JOBS_PER_DAY, 0.0, DAYS * DAY_S, lambda part: rng.stream(1, part)
    )
    found = arrivals_of(submit_s, DAYS * DAY_S)
    assert misses(found, ARRIVALS, ARRIVAL_TOLERANCE) == set(ARRIVALS)
    assert found[60] == pytest.approx(1.14, abs=0.05)  # 1 + what the profile of the week adds


def test_fano_factors_stay_with_more_jobs():
    """Five clusters side by side: the same Fano factors up to the hour; by the day the profile of the week adds."""
    found = arrivals_of(jobs_of("philly", 203.0, jobs_per_day=5 * JOBS_PER_DAY)["submit_s"], 203.0 * DAY_S)
    fano = {window_s: FANO[window_s] for window_s in (60, 600, 3600)}
    assert not misses(found, fano, dict.fromkeys(fano, 0.25)), found


def test_profile_of_the_week():
    """Shares [%] by hour and by weekday of CUT, with the bursts' noise taken out."""
    known = preset("philly")
    calm = replace(known.bursts, sweep_share=0.0, silent_share=0.0, level_shape=1e6, hour_shape=1e6)
    submit_s = bursty_arrivals(
        calm, known.hours, known.weekdays, 20000.0, 0.0, 70 * DAY_S, lambda part: rng.stream(2, part)
    )
    hours = np.bincount((submit_s // 3600.0).astype(int) % 24) / len(submit_s) * 100.0
    weekdays = np.bincount((submit_s // DAY_S).astype(int) % 7) / len(submit_s) * 100.0
    assert hours == pytest.approx([float(share) for share in HOURS.split()], abs=0.08)
    assert weekdays == pytest.approx([float(share) for share in WEEKDAYS.split()], abs=0.12)


def test_burstiness_of_helios():
    """Jobs entering three virtual clusters of Earth, 6 to 31 May 2020: 959 a day; per minute, 10 minutes, hour, day."""
    found = arrivals_of(jobs_of("helios", jobs_per_day=959.0)["submit_s"], DAYS * DAY_S)
    published = {60: 9.07, 600: 24.26, 3600: 109.6, 86400: 1002.0}
    assert not misses(found, published, dict.fromkeys(published, 0.30)), found
