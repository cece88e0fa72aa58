"""What is asked for in vain, against sums over moments of a fleet of one pool; and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.engine.description import Scheduling
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import Backfill, Cause, Wait
from gpusim.results.conservation import check
from gpusim.results.ledger import both_sides
from tests.engine.kit import play
from tests.engine.random_cases import ORDERS
from tests.engine.test_scheduling import _jobs

NODES, SIZE = 4, 4
GPUS = NODES * SIZE


@settings(max_examples=100, deadline=None)
@given(_jobs(GPUS), st.sampled_from(ORDERS), st.sampled_from(list(Backfill)))
def test_every_moment_by_itself(jobs, order, backfill):
    """Asked: GPUs of those who wait. First the free GPUs, then those that gangs hold unasked, then those at work."""
    fleet = play(jobs, NODES, SIZE, Scheduling(**order, backfill=backfill))
    pool = fleet.pools[0]
    rows = fleet.jobs
    asked = rows["gpus"]
    held = np.array([g if g <= SIZE else math.ceil(g / SIZE) * SIZE for g in asked])
    edges = np.unique(np.concatenate([rows["submit_s"], rows["first_start_s"], rows["end_s"]]))
    sums = dict.fromkeys(("asked", "free", "padding", "work", "no demand"), 0.0)
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        waits = (rows["submit_s"] <= start) & (rows["first_start_s"] > start)
        runs = (rows["first_start_s"] <= start) & (rows["end_s"] > start)
        wanted, busy, padding = held[waits].sum(), held[runs].sum(), (held - asked)[runs].sum()
        free = GPUS - busy
        left = max(wanted - free, 0)
        sums["asked"] += wanted * (end - start)
        sums["free"] += min(wanted, free) * (end - start)
        sums["padding"] += min(left, padding) * (end - start)
        sums["work"] += min(max(left - padding, 0), busy - padding) * (end - start)
        sums["no demand"] += max(free - wanted, 0) * (end - start)
    # Before the first submission, and behind the last end, nobody asks.
    sums["no demand"] += GPUS * float(edges[0])
    assert pool.asked_s.sum() == pytest.approx(sums["asked"])
    assert pool.free_s.sum() == pytest.approx(sums["free"])
    assert pool.padding_s.sum() == pytest.approx(sums["padding"])
    assert pool.ledger[Cause.IDLE_NO_DEMAND] == pytest.approx(sums["no demand"])
    if pool.asked_s[Wait.FRAGMENTED] == 0.0:
        assert pool.short_s.sum() == pytest.approx(sums["work"])
    assert (pool.free_s + pool.padding_s + pool.short_s <= pool.asked_s + 1e-6).all()
    assert not pool.asked.any()  # nobody waits at the end


def hours(jobs: list[tuple[float, float, int]], changes: dict[str, object]) -> dict[str, tuple[float, ...]]:
    """Jobs of (submit [h], run [h], GPUs) for a day on 16 GPUs, recorded once: lost, asked, held by cause [GPU-h]."""
    submit, run, gpus = (np.array(column, dtype=float) for column in zip(*jobs, strict=True))
    table = JobTable.build(
        job_id=np.arange(len(jobs)), submit_s=submit * 3600, runtime_s=run * 3600, estimate_s=run * 3600,
        gpus=gpus.astype(int),
    )  # fmt: skip
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "unmet",
            "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0, "record_s": 86_400.0},
            "sites": {
                "here": {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 16}}}
            },
            "workload": {"trace": "jobs.csv"},
            **changes,
        }
    )
    result = gpusim.run(scenario, trace=table)
    assert check(result) == []
    table = both_sides(result).set_index("cause")[["lost_s", "asked_s", "held_s"]] / 3600.0
    return {cause: tuple(row.round(6)) for cause, row in table.iterrows()}


def test_idle_and_asked_for_at_different_times():
    """One record a day: 16 GPUs idle for 12 h before anybody asks, then 8 of them for 2 h; means would have held 16."""
    quota = {"tenants": {"default": {"quota_gpus": {"H100": 8}}}}
    found = hours([(12.0, 2.0, 8), (12.0, 2.0, 8)], quota)
    assert found["idle_quota"] == (16.0, 16.0, 16.0)  # the second job, for the 2 h of the first
    assert found["idle_no_demand"] == (16 * 24 - 32 - 16.0, 0.0, 0.0)


def test_a_tenant_at_its_quota_asks_for_no_more_than_its_jobs():
    """8 GPUs are free for 10 h, and the job that waits for the quota asks for one."""
    found = hours([(0.0, 10.0, 8), (0.0, 1.0, 1)], {"tenants": {"default": {"quota_gpus": {"H100": 8}}}})
    assert found["idle_quota"] == (10.0, 10.0, 10.0)


def test_a_full_pool_is_asked_for_no_more_than_it_has():
    """48 GPUs wait for 16 at work for 5 h, then 32 for 5 h, then 16: asked 480 GPU-h, at work for others 240."""
    found = hours([(0.0, 5.0, 16)] * 4, {})
    assert found["busy"] == (0.0, 5.0 * (48 + 32 + 16), 5.0 * (16 + 16 + 16))


def test_a_large_job_is_set_against_free_gpus_first():
    """8 run for 4 h, the job of 16 waits: 8 are free for it, 8 are at work."""
    found = hours([(0.0, 4.0, 8), (0.0, 1.0, 16)], {"scheduler": {"backfill": "none"}})
    assert found["idle_reserved"] == (32.0, 32.0, 32.0)
    assert found["busy"] == (0.0, 32.0, 32.0)


def test_gpus_that_a_gang_holds_unasked():
    """A gang of 9 holds 16 for 6 h; who waits for 8 meanwhile is set against the 7 that it did not ask for first."""
    found = hours([(0.0, 6.0, 9), (0.0, 1.0, 8)], {})
    assert found["idle_fragmented"] == (42.0, 42.0, 42.0)
    assert found["busy"] == (0.0, 6.0, 6.0)
    alone = hours([(0.0, 6.0, 9)], {})
    assert alone["idle_fragmented"] == (42.0, 0.0, 0.0)


def test_waiting_for_the_cycle_is_not_without_demand():
    found = hours([(0.5, 1.0, 8)], {"scheduler": {"mode": "cycle", "cycle_s": 3600.0}})
    assert found["idle_cycle"] == (4.0, 4.0, 4.0)


def test_missing_replicas_ask():
    """40 GPUs of replicas wanted, 16 there: 24 missing, and a job of one GPU waits; all set against the 16 at work."""
    service = {
        "tenant": "lab", "gpus_per_replica": 2, "tokens_per_s_per_gpu": {"H100": 500.0}, "target_utilisation": 1.0,
        "control_s": 3600.0, "mean_tokens_per_s": 20_000.0, "deployments": [{"site": "here", "gpu_type": "H100"}],
    }  # fmt: skip
    found = hours([(0.0, 1.0, 1)], {"services": {"chat": service}, "tenants": {"lab": {}}})
    assert found["busy"] == (0.0, 24.0 * 25, 24.0 * 16)
