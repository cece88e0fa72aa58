"""What a worker holds: traces once for all, and nothing that grows from run to run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gpusim.inputs.traces.shared import share
from gpusim.scenario.scenario import Scenario
from gpusim.studies.sweeps.processes import Processes
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.worker import load_kernels, work
from tests.studies.sweeps.kit import SCENARIO


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def private_mb() -> float:
    """Memory of this process that no other one shares [MB]."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"Private_\w+:\s+(\d+) kB", rollup)) / 1e3


def peak_mb() -> float:
    """The most memory that this process ever held [MB], mapped pages that it looked at included."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3


def work_and_peak(run: Run, trace: Path | None) -> float:
    """[MB] at the most of a worker that makes one run."""
    assert isinstance(work(run, trace), bytes)
    return peak_mb()


def work_and_weigh(runs: list[Run]) -> float:
    """[MB] that a worker holds for itself after some runs."""
    for run in runs:
        assert isinstance(work(run, None), bytes)
    return private_mb()


def test_a_trace_is_mapped(tmp_path: Path) -> None:
    """Of a trace of which the run replays the beginning, a worker holds no copy; a control that reads it does."""
    text = SCENARIO.partition("[workload.streams")[0]
    text = text.replace("[workload.classes.batch]", '[workload]\ntrace = "trace.csv"\n[workload.classes.batch]')
    (tmp_path / "s.toml").write_text(text)
    weights = {}
    for jobs in (1_000, 600_000):
        (tmp_path / "trace.csv").write_text(
            "job_id,submit_s,runtime_s,gpus\n" + "".join(f"{i},{60 * i},300,1\n" for i in range(jobs))
        )
        run, shared = Run(Scenario.from_toml("s.toml"), 0), share(tmp_path / "trace.csv", tmp_path / "traces")
        for how in (shared, None):
            executor = Processes(1)
            executor.submit(load_kernels).result(120)
            weights[jobs, how is None] = executor.submit(work_and_peak, run, how).result(120)
            executor.shutdown()
    size_mb = shared.stat().st_size / 1e6
    assert size_mb > 30.0
    assert weights[600_000, False] - weights[1_000, False] < 0.2 * size_mb
    assert weights[600_000, True] - weights[1_000, True] > 0.5 * size_mb


def test_nothing_grows(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO.replace("days = 0.2", "days = 0.05"))
    scenario = Scenario.from_toml("s.toml")
    executor = Processes(1)
    seeds = iter(range(1_000))
    weights = [
        executor.submit(work_and_weigh, [Run(scenario, next(seeds)) for _ in range(25)]).result(120)
        for _round in range(4)
    ]
    executor.shutdown()
    assert np.ptp(weights[1:]) < 4.0, weights
    assert weights[-1] < 250.0
