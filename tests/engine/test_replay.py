"""Two months of Microsoft Philly replayed, against a separate calculation with pandas and a heap.

The scenario starts jobs first come, first served without backfill, within each virtual cluster's quota. Its 2,816 GPUs
are never short (the quotas bind before them), so that GPUs need only be counted: placement cannot bind. A second run
takes the quotas away and leaves 400 GPUs in nodes of one GPU, where counting is exact by construction.
"""

from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.engine.workload import jobs_of
from gpusim.errors import TraceError
from gpusim.scenario.scenario import Scenario

SEED = Path(__file__).parents[2] / "seeds" / "philly_replay.toml"


def fifo(submit_s: np.ndarray, gpus: np.ndarray, runtime_s: np.ndarray, size: float) -> np.ndarray:
    """Start times [s] of jobs in order of submission on ``size`` GPUs, none passing another."""
    ends, free, now_s = [], size, 0.0
    starts_s = np.empty(len(submit_s))
    for job, (submitted_s, needed) in enumerate(zip(submit_s, gpus)):
        now_s = max(now_s, submitted_s)
        while ends and (ends[0][0] <= now_s or free < needed):
            end_s, returned = heapq.heappop(ends)
            now_s, free = max(now_s, end_s), free + returned
        starts_s[job] = now_s
        free -= needed
        heapq.heappush(ends, (now_s + runtime_s[job], needed))
    return starts_s


@pytest.fixture(scope="module")
def philly(data_folder) -> pd.DataFrame:
    """The published table in order of submission (ties in order of the file)."""
    rows = pd.read_csv(data_folder / "philly/philly.csv.gz")
    submitted = pd.to_datetime(rows["timestamp"])
    rows["submit_s"] = (submitted - submitted.min()).dt.total_seconds()
    return rows.sort_values("submit_s", kind="stable")


def _replay(data_folder: Path, changes: dict[str, object]):
    from gpusim.engine.run import run

    scenario = Scenario.from_toml(SEED, {"workload.trace": str(data_folder / "philly/philly.csv.gz"), **changes})
    return run(scenario)


def _assert_agrees(result, philly: pd.DataFrame, starts_s: np.ndarray) -> None:
    jobs = result.jobs.sort_values(["submit_s", "job_id"])
    assert len(jobs) == 52_849
    assert (jobs["status"] == "done").all()
    assert jobs["gpus"].tolist() == philly["num_gpus"].tolist()
    assert jobs["tenant"].tolist() == philly["cluster"].tolist()
    gpu_hours = (jobs["gpus"] * (jobs["end_s"] - jobs["start_s"])).sum() / 3600
    assert gpu_hours == pytest.approx(philly["gpu_time"].sum() / 3600, rel=1e-12)
    assert gpu_hours == pytest.approx(642_409, abs=0.5)
    np.testing.assert_array_equal(jobs["start_s"], starts_s)
    np.testing.assert_array_equal(jobs["wait_s"], starts_s - philly["submit_s"])


def test_virtual_clusters(data_folder, philly):
    """Every start of 52,849 jobs; jobs of more than a node hold whole nodes."""
    sizes = 8 * pd.read_csv(data_folder / "helios/philly_vc.csv", index_col="vc")["node num"]
    assert sizes.sum() == 2816
    held = philly["num_gpus"].where(philly["num_gpus"] <= 8, np.ceil(philly["num_gpus"] / 8) * 8)
    starts_s = pd.Series(0.0, index=philly.index)
    for cluster, rows in philly.groupby("cluster"):
        columns = rows["submit_s"].to_numpy(), held[rows.index].to_numpy(), rows["duration"].to_numpy()
        starts_s[rows.index] = fifo(*columns, sizes.get(cluster, np.inf))
    waited = starts_s > philly["submit_s"]
    assert waited.sum() == 778  # the quotas do bind
    _assert_agrees(_replay(data_folder, {}), philly, starts_s.to_numpy())


def test_one_short_queue(data_folder, philly):
    """Without quotas on 400 GPUs nearly everybody waits."""
    changes = {"tenants": {}, "gpus.P40.gpus_per_node": 1, "sites.philly.pools.P40.gpus": 400}
    columns = philly["submit_s"].to_numpy(), philly["num_gpus"].to_numpy(), philly["duration"].to_numpy()
    starts_s = fifo(*columns, 400)
    assert (starts_s - philly["submit_s"]).mean() > 3600
    _assert_agrees(_replay(data_folder, changes), philly, starts_s)


def test_without_the_trace_the_error_says_how_to_give_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TraceError, match="--set workload.trace=PATH"):
        jobs_of(Scenario.from_toml(SEED), 0)
