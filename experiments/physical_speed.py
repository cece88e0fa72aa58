"""What do failures, caps, limits below the site and quarter-hourly prices cost in time?
=====================================================================================

``mechanisms``: a million jobs on 1,000 nodes, with limits of racks, busways and halls, quarter-hourly prices, caps,
checkpoints and failures one after the other, then with all of them, beside a run without, each in a process of its own.
``year``: 5 million GPUs at ten sites (10 GW) over a year, with failures and 10 million jobs; ``tenth`` is a tenth of
that year, ``profile`` the same under Python's profiler. Times are processor time of one core, kernels compiled; results
must add up.

::

    python experiments/physical_speed.py                       # mechanisms
    python experiments/physical_speed.py tenth                 # or year, which takes ten times as long
    python experiments/physical_speed.py profile
"""

from __future__ import annotations

import cProfile
import pstats
import re
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import gpusim
from gpusim.results.conservation import check

FEW = {"1": 0.60, "2": 0.10, "4": 0.08, "8": 0.12, "16": 0.04, "32": 0.03, "64": 0.02, "128": 0.01}
MANY = {"8": 0.50, "64": 0.25, "256": 0.15, "1024": 0.07, "4096": 0.03}
CHECKPOINTS = {
    "checkpoint_interval_s": 900.0, "checkpoint_write_s": 1.0, "checkpoint_background_s": 60.0, "load_s": 30.0,
}  # fmt: skip
FEEDERS = {
    "rack": {"nodes": 4, "kw": 34.5}, "busway": {"nodes": 40, "kw": 330.0}, "hall": {"nodes": 1000, "kw": 8000.0},
}  # fmt: skip
MECHANISMS = {
    "nothing": {},
    "feeders": {"sites.one.pools.H100.feeders": FEEDERS},
    "prices": {"sites.one.price_file": "prices.csv"},
    "caps": {"sites.one.capping": "uniform", "sites.one.grid_mw": 8.4, "sites.one.oversubscription": 1.6},
    "checkpoints": {f"workload.classes.research.{key}": value for key, value in CHECKPOINTS.items()},
    "failures": {"failures.mix": "llama3"},
}


def million(days: float = 9.0, jobs: float = 1e6) -> gpusim.Scenario:
    """A million jobs on 8,000 GPUs in nine days, without anything that throttles or fails."""
    stream = {
        "tenant": "lab", "job_class": "research", "jobs_per_day": jobs / 9.0, "runtime_median_s": 300.0,
        "runtime_sigma": 1.5, "gpus": FEW,
    }  # fmt: skip
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 20.0, "pools": {"H100": {"gpus": 8000.0}},
        "cooling": {"medium": "liquid"},
    }  # fmt: skip
    return gpusim.Scenario.from_dict(
        {
            "name": "a million jobs", "run": {"start": "2026-06-01", "days": days}, "sites": {"one": site},
            "scheduler": {"backfill": "none"}, "tenants": {"lab": {}},
            "workload": {"classes": {"research": {}}, "streams": {"research": stream}},
        }
    )  # fmt: skip


def gigawatts(days: float = 365.0) -> gpusim.Scenario:
    """5 million H100 at ten sites; 10 million jobs in a year."""
    site = {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1000.0, "pools": {"H100": {"gpus": 500_000.0}}}
    stream = {
        "tenant": "lab", "job_class": "research", "jobs_per_day": 1e7 / 365.0, "runtime_median_s": 21_600.0,
        "runtime_sigma": 1.2, "gpus": MANY,
    }  # fmt: skip
    return gpusim.Scenario.from_dict(
        {
            "name": "10 GW", "run": {"start": "2026-01-01", "days": days, "record_s": 86_400.0},
            "sites": {f"site {i}": site for i in range(10)}, "scheduler": {"backfill": "none"}, "tenants": {"lab": {}},
            "workload": {"classes": {"research": CHECKPOINTS}, "streams": {"research": stream}},
            "failures": {"mix": "llama3"},
        }
    )  # fmt: skip


def write_prices(path: Path, days: float) -> None:
    """Quarter-hourly prices that rise and fall with the day."""
    times = pd.date_range("2026-06-01", periods=int((days + 1.0) * 96), freq="15min", tz="UTC")
    price = 45.0 + 25.0 * np.sin(2.0 * np.pi * np.arange(len(times)) / 96.0)
    pd.DataFrame({"timestamp_utc": times, "price (USD/MWh)": price.round(2)}).to_csv(path, index=False)


def peak_gb() -> float:
    """[GB] Most memory that this process has used so far (Linux)."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024 / 1e9


def measured(scenario: gpusim.Scenario) -> tuple[gpusim.Result, float]:
    """The result of a run, and its processor time [s], once a short one has compiled what it needs."""
    gpusim.run(scenario.with_({"run.days": 0.01}))
    began = time.process_time()
    result = gpusim.run(scenario)
    return result, time.process_time() - began


def play(name: str, changes: dict, days: float, jobs: float, plain_s: float, answer) -> None:
    """One case of ``mechanisms``; hands back its seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        write_prices(path, days)
        own = {key: str(path) if value == "prices.csv" else value for key, value in changes.items()}
        result, seconds = measured(million(days, jobs).with_(own))
    assert not check(result)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / result.ledger["gpu_s"].sum()
    felt = ", ".join(
        f"{cause} {booked[cause]:.2%}" for cause in ("throttled", "throttled_feeder", "down") if cause in booked
    )
    times = seconds / (plain_s or seconds)
    print(f"{name:<12} {len(result.jobs):>10,} jobs  {seconds:6.1f} s  {times:5.2f} times  {felt}", flush=True)
    answer.put(seconds)


def apart(target, *args: object) -> float:
    """What a function puts in a queue, in a process of its own."""
    context = get_context("spawn")
    answer = context.SimpleQueue()
    child = context.Process(target=target, args=(*args, answer))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit("a case failed")
    return answer.get()


def all_of_them() -> dict[str, object]:
    """What all mechanisms change."""
    return {key: value for changes in MECHANISMS.values() for key, value in changes.items()}


def mechanisms(days: float = 9.0, jobs: float = 1e6) -> float:
    """Each alone, then all; how many times as long all take as none."""
    plain_s = apart(play, "nothing", {}, days, jobs, 0.0)
    for name, changes in MECHANISMS.items():
        if changes:
            apart(play, name, changes, days, jobs, plain_s)
    return apart(play, "all", all_of_them(), days, jobs, plain_s) / plain_s


def year(days: float = 365.0) -> None:
    """The year of ten gigawatts."""
    result, seconds = measured(gigawatts(days))
    assert not check(result)
    print(
        f"year         {len(result.jobs):,} jobs, {len(result.failures):,} failures in {days:g} days: {seconds:.0f} s,"
        f" {peak_gb():.1f} GB",
        flush=True,
    )


def profile(days: float = 36.5) -> None:
    """A tenth of the year, by function."""
    scenario = gigawatts(days)
    gpusim.run(scenario.with_({"run.days": 0.01}))
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(gpusim.run, scenario)
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(40)


CASES = {"mechanisms": mechanisms, "year": year, "tenth": lambda: year(36.5), "profile": profile}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"unknown case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    for name in names or ["mechanisms"]:
        CASES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
