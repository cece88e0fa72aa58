"""What does a sweep cost beyond its runs, and what do more processes bring?
=========================================================================

Kernels are compiled before the clock starts. Every line says what was checked.

::

    python experiments/sweep_speed.py                     # overhead, processes, replications
    python experiments/sweep_speed.py replications 1000   # all of 1,000 replications instead of 100
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from gpusim.engine.run import run as simulate
from gpusim.results.outcome import outcome
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.studies.run_file import to_bytes
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend, open_backend
from gpusim.studies.sweeps.execution import execute
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.worker import load_kernels, work

SMALL = Path(__file__).parents[1] / "seeds" / "small.toml"
# Two sites without services, 2,000 jobs a day for 10 days.
JOBS_20000 = """
name = "20,000 jobs"
run = { start = 2026-06-01T00:00:00Z, days = 10.0 }
tenants.lab = {}
workload.classes.batch = {}
sites.texas = { region = "US-TEX-ERCO", jurisdiction = "US", grid_mw = 1.0, pools.H100.gpus = 512 }
sites.frankfurt = { region = "DE-LU", jurisdiction = "EU", grid_mw = 1.0, pools.H200.gpus = 256 }
[workload.streams.batch]
tenant = "lab"
job_class = "batch"
jobs_per_day = 2000.0
runtime_median_s = 3600.0
runtime_sigma = 1.5
gpus = { "1" = 0.7, "2" = 0.1, "4" = 0.1, "8" = 0.1 }
"""
T = TypeVar("T")


def timed(call: Callable[[], T], times: int = 10) -> tuple[float, T]:
    """The least CPU seconds of some calls, and what the last one gave."""
    least_s, found = float("inf"), None
    for _ in range(times):
        began_s = time.process_time()
        found = call()
        least_s = min(least_s, time.process_time() - began_s)
    return least_s, found


def overhead(scenario: Scenario, folder: Path) -> float:
    """Print every part of what a sweep adds to ``gpusim.run``; their sum [s]."""
    turns = [(Lever(keys=["sites.*.grid_mw"], how="scale"), 0.9)]
    store = Store.create(folder, {"study": "sweep"})
    parts = {}
    parts["turning the scenario"], changed = timed(lambda: turned(scenario, turns))
    parts["its key"], run = timed(lambda: Run(changed, 1))
    parts["pickling"], there = timed(lambda: pickle.loads(pickle.dumps(run)))
    run_s, result = timed(lambda: simulate(changed, 1))
    parts["outcome"], figures = timed(lambda: outcome(result))
    parts["bytes"], content = timed(lambda: to_bytes(run.key, figures))
    parts["store"], _none = timed(lambda: store.put(run.key, content))
    assert there == run
    assert work(there, None) == content, "a worker makes other bytes"
    assert store.outcomes().drop(columns="run").astype(figures.dtypes).equals(figures)
    added_s = sum(parts.values())
    beyond = f"a run {1e3 * run_s:.0f} ms, beyond it {1e3 * added_s:.1f} ms of CPU"
    print(f"{scenario.name}: {len(result.jobs):,} jobs, {beyond}:")
    print("   ", ", ".join(f"{name} {1e3 * s:.2f}" for name, s in parts.items()))
    print("    checked: a worker's bytes are these; the store gives back these figures")
    return added_s


def runs_of(scenario: Scenario, first: int, count: int) -> list[Run]:
    """Replications with other seeds than those before ``first``."""
    return [Run(scenario, seed) for seed in range(first, first + count)]


def execution_s(backend: Backend, runs: list[Run], folder: Path) -> float:
    """Seconds that the execution of runs into a new store takes, all of which must finish."""
    store = Store.create(folder, {"study": "sweep"})
    began = time.perf_counter()
    state = execute(runs, store, backend)
    seconds = time.perf_counter() - began
    assert (state.done, state.failed) == (len(runs), 0), {error["message"] for error in store.failures().values()}
    assert store.finished().keys() == {run.key for run in runs}
    return seconds


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "runs").iterdir()}


def processes(scenario: Scenario, folder: Path, count: int = 200, times: int = 3) -> float:
    """Print how many times as fast two processes are as one, repetitions of both in turn; the ratio of the best."""
    best, cpu_s = {1: float("inf"), 2: float("inf")}, {1: float("inf"), 2: float("inf")}
    parent_s, runs, weights = float("inf"), runs_of(scenario, 1_000, count), []
    for repetition in range(times):
        for workers in best:
            with open_backend("processes", workers) as backend:
                execution_s(backend, runs_of(scenario, 0, 8), folder / f"start-{repetition}-{workers}")
                pids = [process.pid for process in active_children() if process.daemon]
                before_s, parent_before_s = sum(map(cpu_s_of, pids)), time.process_time()
                seconds = execution_s(backend, runs, folder / f"{repetition}-{workers}")
                best[workers] = min(best[workers], seconds)
                cpu_s[workers] = min(cpu_s[workers], sum(map(cpu_s_of, pids)) - before_s)
                parent_s = min(parent_s, time.process_time() - parent_before_s)
                weights += map(weigh, pids)
    assert files(folder / "0-1") == files(folder / "0-2")
    ratio = best[1] / best[2]
    print(f"{scenario.name}: {count} runs, one process {best[1]:.1f} s, two {best[2]:.1f} s: {ratio:.2f} times as fast")
    print(f"    start-up excluded, best of {times} in turn; checked: all finished, both with the same bytes")
    one, two, parent = (1e3 * seconds / count for seconds in (cpu_s[1], cpu_s[2], parent_s))
    print(f"    CPU of a run: {one:.0f} ms in one process, {two:.0f} in either of two; {parent:.1f} ms in the parent")
    private_mb, all_mb = max(weights)
    print(f"    a worker holds {private_mb:.0f} MB for itself, {all_mb:.0f} MB with what it shares")
    return ratio


def cpu_s_of(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def commands(folder: Path, count: int = 200) -> float:
    """Print the same of the command as a whole, from its start to the summary and the report."""
    (folder / "sweep.toml").write_text(f'scenario = "{SMALL}"\nreplications = {count}\n')
    best = {1: float("inf"), 2: float("inf")}
    for repetition in range(2):
        for workers in best:
            out = folder / f"command-{repetition}-{workers}"
            command = [sys.executable, "-c", "from gpusim.cli import main; main()", "sweep", "sweep.toml"]
            command += ["--out", str(out), "--workers", str(workers)]
            began = time.perf_counter()
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
            best[workers] = min(best[workers], time.perf_counter() - began)
            assert f"{count} of {count} runs finished" in done.stdout
    ratio = best[1] / best[2]
    print(f"gpusim sweep of {count} runs of {SMALL.name}: --workers 1 {best[1]:.1f} s, 2 {best[2]:.1f} s:")
    print(f"    {ratio:.2f} times as fast, start-up and report included, best of 2 alternating; checked: all finished")
    return ratio


def replications(scenario: Scenario, folder: Path, count: int = 100) -> float:
    """Print what 1,000 replications on two processes take, start-up included; seconds."""
    began = time.perf_counter()
    with open_backend("processes", 2) as backend:
        execution_s(backend, runs_of(scenario, 0, count), folder / f"replications-{count}")
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    table = Store(folder / f"replications-{count}").outcomes()
    table_s = time.perf_counter() - began
    assert table.query("kind == 'fleet' and measure == 'jobs'")["value"].between(19_000, 21_000).sum() == count
    told = "" if count == 1000 else f", so {seconds * 1000 / count:.0f} s for 1,000"
    print(
        f"{scenario.name}: {count:,} replications on two processes {seconds:.1f} s{told}; reading them {table_s:.1f} s"
    )
    print("    checked: all finished, each with 20,000 jobs +- 5%")
    return seconds * 1000 / count


def weigh(pid: int) -> tuple[float, float]:
    """Memory of a process [MB]: its own, and with what it shares (Linux)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = sum(int(kb) for kb in re.findall(r"Private_\w+:\s+(\d+) kB", rollup))
    return own / 1e3, int(re.search(r"Rss:\s+(\d+) kB", rollup)[1]) / 1e3


def main(what: list[str]) -> None:
    """All parts, or those that are named; a number is that of replications."""
    load_kernels()
    small, large = Scenario.from_toml(SMALL), Scenario.from_dict(tomllib.loads(JOBS_20000))
    counts = [int(word) for word in what if word.isdigit()]
    named = [word for word in what if not word.isdigit()] or ["overhead", "processes", "replications"]
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        if "overhead" in named:
            overhead(small, folder / "small")
            overhead(large, folder / "large")
        if "processes" in named:
            processes(small, folder)
            commands(folder)
        if "replications" in named:
            replications(large, folder, *counts)


if __name__ == "__main__":
    main(sys.argv[1:])
