"""Odd but allowed scenarios run to their end, and keep the conservation laws."""

import pytest

import gpusim
from gpusim.results.conservation import check

SCENARIO = gpusim.Scenario.from_toml("seeds/small.toml").with_(
    {"run.days": 0.2, "workload.streams.research.jobs_per_day": 2000.0}
)
TEXAS, RESEARCH, JOBS, CHAT = "sites.texas", "workload.classes.research", "workload.streams.research", "services.chat"
ODD = {
    "the only tenant may hold nothing": {"tenants.lab.quota_gpus": {"H100": 0, "H200": 0}},
    "no power": {f"{TEXAS}.grid_mw": 0.0},
    "power that goes away": {f"{TEXAS}.grid_mw": [{"at": 0.0, "value": 1.0}, {"at": 0.1, "value": 0.0}]},
    "power that comes late": {f"{TEXAS}.grid_mw": [{"at": 0.1, "value": 1.0}]},
    "GPUs that go away": {f"{TEXAS}.pools.H100.gpus": [{"at": 0.0, "value": 512}, {"at": 0.1, "value": 8}]},
    "a checkpoint every second": {
        f"{RESEARCH}.checkpoint_interval_s": 1.0,
        f"{RESEARCH}.checkpoint_write_s": 9.0,
        f"{RESEARCH}.checkpoint_background_s": 0.0,
    },
    "loading for ever": {f"{RESEARCH}.load_s": 1e300},
    "jobs of no time": {f"{JOBS}.runtime_median_s": 1e-12},
    "jobs without end": {f"{JOBS}.runtime_median_s": 1e8},
    "killed at exact estimates": {"scheduler.overrun": "kill", f"{JOBS}.estimate_factor_max": 1.0},
    "nobody may wait": {"scheduler.queue_limit": 0},
    "a cycle longer than the run": {"scheduler.mode": "cycle", "scheduler.cycle_s": 1e300},
    "everybody preempts": {"scheduler.preemption": "priority", "scheduler.order": "priority", f"{JOBS}.priority": 1000},
    "demand without end": {f"{CHAT}.mean_tokens_per_s": 1e9},
    "demand that explodes": {f"{CHAT}.growth_per_day": 10.0, f"{CHAT}.control_s": 7.0},
    "replicas over many nodes": {f"{CHAT}.gpus_per_replica": 64},
    "negative prices": {f"{TEXAS}.price_usd_per_mwh": -50.0},
    "conservative, with domains": {"gpus.H100.nodes_per_domain": 16, "scheduler.backfill": "conservative"},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD.keys())
def test_runs_and_conserves(changes):
    result = gpusim.run(SCENARIO.with_(changes))
    assert check(result) == []
    assert len(result.jobs) > 300
    assert result.power["end_s"].max() == pytest.approx(0.2 * 86_400.0)
    result.bottlenecks()
    result.metrics()
