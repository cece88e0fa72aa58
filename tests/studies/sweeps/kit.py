"""A scenario that takes some tens of milliseconds, sweeps of it, and what to look at in processes and stores."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gpusim.studies.sweeps.spec import SweepSpec

SCENARIO = """
name = "tiny"
[run]
start = 2026-06-01T00:00:00Z
days = 0.2
[sites.gb]
region = "GB"
jurisdiction = "UK"
grid_mw = 1.0
[sites.gb.pools.H100]
gpus = 8
[tenants.lab]
[workload.classes.batch]
[workload.streams.batch]
tenant = "lab"
job_class = "batch"
jobs_per_day = 200.0
runtime_median_s = 600.0
"""
SWEEP = """
scenario = "tiny.toml"
replications = 5
measures = ["goodput", "wait_mean_s"]
[axes.load]
key = "workload.streams.batch.jobs_per_day"
values = [100.0, 200.0]
[axes.order]
key = "scheduler.order"
values = ["fifo", "sjf"]
"""
MAIN = "from gpusim.cli import main; main()"


def study(folder: Path, text: str = SWEEP, scenario: str = SCENARIO) -> SweepSpec:
    """The files of a sweep in a folder, and what they mean: 20 runs."""
    (folder / "tiny.toml").write_text(scenario)
    (folder / "sweep.toml").write_text(text)
    return SweepSpec.from_toml(folder / "sweep.toml")


def policy_study(folder: Path, policy: str, replications: int = 2) -> SweepSpec:
    """A sweep of 2 points: first come, first served, and a policy of the module ``mine`` with this method's body."""
    (folder / "mine.py").write_text(
        f"import os, signal, sys, time\nclass P:\n    def order(self, queue, now_s):\n        {policy}\n"
    )
    scenario = SCENARIO + '[scheduler]\nmode = "cycle"\ncycle_s = 600.0\n'
    text = f"""scenario = "tiny.toml"
replications = {replications}
[axes.order]
key = "scheduler.order"
values = ["fifo", "mine:P"]
"""
    return study(folder, text, scenario)


def run_files(store: Path) -> dict[str, bytes]:
    """Content of all files of runs by their name."""
    return {file.name: file.read_bytes() for file in (store / "runs").iterdir()}


def start(folder: Path, *arguments: str, code: str = MAIN, **env: str) -> subprocess.Popen:
    """A process of Python that leads a session of its own, in which all that it starts is found."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, start_new_session=True, env={**os.environ, **env},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def session(pid: int) -> list[int]:
    """Processes that are alive in the session that a process leads or led."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


def wait_for(what: Callable[[], bool], seconds: float = 120.0) -> None:
    """Return when something has become true."""
    end_s = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)
