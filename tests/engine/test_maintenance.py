"""Planned maintenance: who is taken out when, what draining spares, and jobs that shrink and go on."""

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.units import HOUR_S
from gpusim.validation.failures import long_run

SWITCH = {"of": "block", "nodes": 2, "every_days": 10.0, "hours": 6.0}
NAMES = {"tenant": ["lab"], "job_class": ["pretraining"]}


def played(maintenance: dict, jobs: JobTable, days: float = 10.0, failures: dict | None = None, **kind: object):
    """Eight nodes of eight GPUs."""
    scenario = long_run(64, days, {"maintenance": maintenance} | (failures or {}), checkpoint_interval_s=0.0, **kind)
    return gpusim.run(scenario.with_({"scheduler.backfill": "none"}), 1, jobs=jobs)


def booked_h(result: gpusim.Result, cause: str) -> float:
    ledger = result.ledger
    return ledger.loc[ledger["cause"] == cause, "gpu_s"].sum() / HOUR_S


def test_every_unit_once_in_a_period_evenly_spread():
    """Four blocks of two nodes in ten days: the first after 30 h, then every 60 h; 6 of 240 h away."""
    result = played({"switch": SWITCH}, JobTable.build(submit_s=[]), days=20.0)
    assert result.failures["time_s"].tolist() == [(30.0 + 60.0 * k) * HOUR_S for k in range(8)]
    assert set(result.failures["cause"]) == {"switch"}
    assert set(result.failures["nodes"]) == {2}
    assert booked_h(result, "down") == pytest.approx(64 * 20 * 24.0 * 6.0 / 240.0)


def test_draining_spares_jobs_and_idles_nodes():
    """Jobs of a node each, 8 h long: without notice some are interrupted; with 8 h none, and nodes wait for their
    maintenance as long as they came free before it."""
    starts = np.repeat(np.arange(1.0, 9.0 * 24.0, 8.0), 8)
    jobs = JobTable.build(names=NAMES, submit_s=starts * HOUR_S, gpus=8, runtime_s=8.0 * HOUR_S)
    abrupt = played({"switch": SWITCH}, jobs)
    drained = played({"switch": SWITCH | {"drain_h": 8.0}}, jobs)
    check(abrupt)
    check(drained)
    assert len(abrupt.interruptions) > 0
    assert len(drained.interruptions) == 0
    assert drained.failures["nodes"].sum() == 8
    assert booked_h(drained, "down") > booked_h(abrupt, "down") == pytest.approx(8 * 8 * 6.0)
    back_s = drained.failures["time_s"] + drained.failures["repair_s"]
    assert set(np.round(back_s / HOUR_S, 6)) == {36.0, 96.0, 156.0, 216.0}


def test_a_job_shrinks_while_a_node_is_away_and_grows_when_it_is_back():
    """Eight nodes less two for 6 h, four times: 240 h less 4 x 6 x 2 / 8, loading taken as nothing."""
    jobs = JobTable.build(names=NAMES, submit_s=[0.0], gpus=64, runtime_s=(240.0 - 6.0) * HOUR_S)
    waits = played({"switch": SWITCH}, jobs, days=12.0)
    shrinks = played({"switch": SWITCH}, jobs, days=12.0, min_gpus=48, after_failure="shrink")
    check(shrinks)
    assert shrinks.jobs["end_s"].iloc[0] == pytest.approx(240.0 * HOUR_S)
    assert waits.jobs["end_s"].iloc[0] == pytest.approx((234.0 + 24.0) * HOUR_S)
    too_few = played({"switch": SWITCH}, jobs, days=12.0, min_gpus=49, after_failure="shrink")
    assert too_few.jobs["end_s"].iloc[0] == waits.jobs["end_s"].iloc[0]


def test_a_job_does_not_shrink_where_other_nodes_are_idle():
    jobs = JobTable.build(names=NAMES, submit_s=[0.0], gpus=48, runtime_s=239.0 * HOUR_S)
    shrinks = played({"switch": SWITCH}, jobs, min_gpus=8, after_failure="shrink")
    assert len(shrinks.interruptions) > 0
    assert shrinks.jobs["end_s"].iloc[0] == 239.0 * HOUR_S


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"failures.maintenance": {"m": {"every_days": 1.0, "hours": 20.0, "drain_h": 4.0}}}, "24 together, every 1 d"),
        ({"failures.maintenance": {"m": {"every_days": 9.0, "hours": 2.0, "sites": ["sit"]}}}, "unknown name \"sit\""),
        ({"workload.classes.pretraining": {"after_failure": "shrink"}}, "without min_gpus; give the fewest GPUs"),
    ],
)  # fmt: skip
def test_what_is_refused(changes, fault):
    with pytest.raises(ScenarioError, match=fault):
        long_run(64, 1.0, {}).with_(changes)
