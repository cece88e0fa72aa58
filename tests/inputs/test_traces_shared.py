"""A trace that many runs share: the same jobs as read, in memory that nobody copies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.engine.run import run
from gpusim.engine.workload import jobs_of
from gpusim.errors import TraceError
from gpusim.inputs.jobtable import COLUMNS
from gpusim.inputs.traces import read_trace
from gpusim.inputs.traces.shared import open_shared, share
from gpusim.scenario.scenario import Scenario
from tests.inputs.trace_samples import HELIOS


def own_csv(n: int = 400, seed: int = 1) -> str:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "submit_s": np.sort(draw.uniform(0.0, 2 * 86_400.0, n)),
            "runtime_s": draw.exponential(7200.0, n),
            "gpus": draw.choice([1, 8, 16], n),
            "preemptible": draw.uniform(size=n) < 0.5,
            "tenant": draw.choice(["lab", "øther"], n),
        }
    )
    return frame.to_csv(index=False)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(own_csv(), encoding="utf-8")
    return path


def test_shared_and_read_are_the_same_jobs(trace, tmp_path):
    shared, read = open_shared(share(trace, tmp_path / "shared")), read_trace(trace)
    assert (shared.names, shared.notes) == (read.names, read.notes)
    assert list(shared.columns) == list(COLUMNS)
    for name, column in read.columns.items():
        assert shared[name].dtype == column.dtype
        np.testing.assert_array_equal(shared[name], column)
    assert 0 < shared["preemptible"].sum() < len(shared)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory map of the process from /proc")
def test_columns_lie_in_the_mapped_file_and_cannot_be_written(trace, tmp_path):
    file = share(trace, tmp_path / "shared")
    shared = open_shared(file)
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(file.name)]
    spans = [tuple(int(end, 16) for end in line[0].split("-")) for line in maps]

    def mapped(column: np.ndarray) -> bool:
        first = column.__array_interface__["data"][0]
        return any(low <= first and first + column.nbytes <= high for low, high in spans)

    assert all(mapped(column) for column in shared.columns.values())
    assert not mapped(read_trace(trace)["submit_s"])
    assert not any(column.flags.writeable for column in shared.columns.values())


def scenario(trace: Path, **changes) -> Scenario:
    seed = Path(__file__).parents[2] / "seeds" / "small.toml"
    return Scenario.from_toml(seed, {"workload.trace": str(trace), "run.days": 1.0, **changes})


@pytest.mark.parametrize("streams", [{}, None], ids=["trace alone", "trace and streams"])
@pytest.mark.parametrize("kinds", [[], ["H200"]])
def test_runs_from_shared_and_from_read_traces_are_the_same(trace, tmp_path, streams, kinds):
    changes = {"workload.trace_gpu_types": kinds} | ({} if streams is None else {"workload.streams": streams})
    spec, shared = scenario(trace, **changes), open_shared(share(trace, tmp_path / "shared"))
    once, again = run(spec, trace=shared), run(spec, trace=shared)
    read = run(spec)
    assert len(read.jobs) > 100
    assert (read.jobs["gpu_type"].dropna() == "H200").mean() > 0.1
    for name, table in read.tables.items():
        for other in (once, again):
            pd.testing.assert_frame_equal(other.tables[name], table, check_exact=True)


def test_a_run_takes_its_part_of_a_shared_trace_without_a_copy(trace, tmp_path):
    shared = open_shared(share(trace, tmp_path / "shared"))
    jobs = jobs_of(scenario(trace, **{"workload.streams": {}}), 0, shared)
    assert 0 < len(jobs) < len(shared)
    assert jobs["submit_s"].max() < 86_400.0 <= shared["submit_s"][len(jobs)]
    assert all(np.shares_memory(jobs[name], shared[name]) for name in COLUMNS)


def test_a_changed_trace_is_another_file_and_an_unchanged_one_is_left_alone(trace, tmp_path):
    first = share(trace, tmp_path / "shared")
    os.utime(first, (1, 1))
    assert share(trace, tmp_path / "shared") == first
    assert first.stat().st_mtime == 1
    trace.write_text(own_csv(seed=2), encoding="utf-8")
    second = share(trace, tmp_path / "shared")
    assert second != first
    assert open_shared(second)["runtime_s"].tolist() == read_trace(trace)["runtime_s"].tolist()
    assert sorted(tmp_path.glob("shared/.*")) == []  # nothing half written


def test_other_formats_are_shared_too(tmp_path):
    path = tmp_path / "cluster_log.csv"
    path.write_text(HELIOS)
    shared = open_shared(share(path, tmp_path / "shared"))
    assert shared.labels("tenant").tolist() == read_trace(path).labels("tenant").tolist()
    assert shared.notes == read_trace(path).notes != {}


def test_what_cannot_be_shared_says_why(trace, tmp_path):
    with pytest.raises(TraceError, match="no such file"):
        share(tmp_path / "absent.csv", tmp_path / "shared")
    with pytest.raises(TraceError, match="cannot be written: "):
        share(trace, trace / "folder")
    file = share(trace, tmp_path / "shared")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(TraceError, match=r"not a shared trace \(.*\); remove it and share the trace again"):
        open_shared(file)
    with pytest.raises(TraceError, match="not a shared trace"):
        open_shared(tmp_path / "absent.arrow")
