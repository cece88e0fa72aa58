"""Silent corruption found late, beside a naive twin that marks each checkpoint with the faults that it carries."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gpusim
from gpusim.inputs.failures import draw_failures, found_after_s
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.units import DAY_S, HOUR_S
from gpusim.validation.failures import long_run, play

DAYS, LOAD_S, EVERY_S = 20.0, 120.0, 1800.0
REPAIRS = {"reset": {"mean_h": 0.0}}
SILENT = {"of": "node", "per_1000_days": 100.0, "found_after_h": 12.0, "repair": {"reset": 1.0}}
LOUD = {"of": "node", "per_1000_days": 100.0, "repair": {"reset": 1.0}}


def scenario(write_s: float, background_s: float, causes: dict) -> gpusim.Scenario:
    """Eight nodes, which are back at once, with one job on all of them."""
    return long_run(
        64, DAYS, {"causes": causes, "repairs": REPAIRS}, checkpoint_interval_s=EVERY_S, checkpoint_write_s=write_s,
        checkpoint_background_s=background_s, load_s=LOAD_S,
    )  # fmt: skip


def twin(made: gpusim.Scenario, seed: int, write_s: float, background_s: float, *, goes_back: bool = True):
    """(useful, lost) [s]: the job's state and each checkpoint carry the set of faults that have struck them."""
    table = draw_failures(made, DAYS * DAY_S, seed)
    found_s = found_after_s(table, made.failures.causes, seed)
    events = [(t, 0, i) for i, t in enumerate(table.time_s) if found_s[i] > 0.0]
    events += [(t + found_s[i], 1, i) for i, t in enumerate(table.time_s)]
    struck_s: dict[int, float] = {}  # in this run
    kept: list[frozenset[int]] = []  # the faults in each checkpoint that counts
    start_s = worked_s = 0.0
    for at_s, is_found, i in sorted(event for event in events if event[0] < DAYS * DAY_S):
        if not is_found:
            struck_s[i] = at_s
            continue
        carried = kept[-1] if kept else frozenset()
        written = math.floor(max(0.0, at_s - start_s - LOAD_S - background_s) / (EVERY_S + write_s))
        for k in range(1, written + 1):
            counts_s = start_s + LOAD_S + k * (EVERY_S + write_s) + background_s
            kept.append(carried | {fault for fault, hit_s in struck_s.items() if hit_s < counts_s})
        while goes_back and kept and i in kept[-1]:
            kept.pop()
        worked_s += max(0.0, at_s - start_s - LOAD_S)
        start_s, struck_s = at_s, {}
    last_s = DAYS * DAY_S - start_s - LOAD_S
    return len(kept) * EVERY_S + last_s, worked_s - len(kept) * (EVERY_S + write_s)


@pytest.mark.parametrize(
    ("write_s", "background_s", "seed", "causes"),
    [(0.0, 0.0, 1, {"silent": SILENT}), (0.0, 0.0, 2, {"silent": SILENT, "loud": LOUD}),
     (30.0, 600.0, 3, {"silent": SILENT, "loud": LOUD})],
)  # fmt: skip
def test_jobs_go_back_to_before_the_fault(write_s, background_s, seed, causes):
    made = scenario(write_s, background_s, causes)
    result = play(made, 64, seed)
    assert list(check(result)) == []
    useful_s, lost_s = twin(made, seed, write_s, background_s)
    ledger = result.tables["ledger"].groupby("cause")["gpu_s"].sum() / 64
    assert ledger["lost_work"] == pytest.approx(lost_s, rel=1e-9)
    assert result.tables["jobs"]["lost_gpu_s"].iloc[0] / 64 == pytest.approx(lost_s, rel=1e-9)
    if write_s == 0.0:
        assert ledger["training"] == pytest.approx(useful_s, rel=1e-9)
    # Were it enough to go back to the last checkpoint, much less would be lost.
    assert lost_s > 1.5 * twin(made, seed, write_s, background_s, goes_back=False)[1]


def test_jobs_that_moved_on_or_ended():
    """Jobs of a node and of two, on nodes that stay away for repairs: some are found elsewhere, some have ended."""
    causes = {"silent": SILENT | {"repair": {"swap": 1.0}}, "loud": LOUD | {"repair": {"swap": 1.0}}}
    failures = {"causes": causes, "repairs": {"swap": {"mean_h": 6.0}}}
    made = long_run(
        64, DAYS, failures, checkpoint_interval_s=EVERY_S, load_s=LOAD_S, min_gpus=8, after_failure="shrink"
    )
    sizes = np.tile([8, 16, 8], 12)
    jobs = JobTable.build(
        names={"tenant": ["lab"], "job_class": ["pretraining"]}, submit_s=np.zeros(36), gpus=sizes,
        runtime_s=np.linspace(10.0, 60.0, 36) * HOUR_S,
    )  # fmt: skip
    result = gpusim.run(made, 8, jobs=jobs)
    assert check(result) == []
    # Whatever was undone, each job does its work once.
    assert set(result.jobs["status"]) == {"done"}
    useful_h = result.jobs.set_index("job_id")["useful_gpu_s"].to_numpy() / HOUR_S
    assert useful_h == pytest.approx(sizes * np.linspace(10.0, 60.0, 36), rel=1e-9)
    told = result.events[result.events["detail"].str.contains("had ended")]
    assert set(told["detail"]) == {"silent: found after 1 corrupted job had ended"}
    assert result.failures["jobs"].sum() == len(result.interruptions)
    assert set(result.interruptions["cause"]) == {"silent", "loud"}
    elsewhere = result.failures[(result.failures["nodes"] == 0) & (result.failures["cause"] == "silent")]
    assert (elsewhere["jobs"] == 1).all()  # the node was in repair, the job that it had struck ran on another
    assert len(elsewhere) > 0


def test_found_at_once_by_default():
    plain, zero = (play(scenario(0.0, 0.0, {"any": cause}), 64, 1) for cause in (LOUD, LOUD | {"found_after_h": 0.0}))
    for name in plain.tables:
        assert plain.tables[name].equals(zero.tables[name]), name
    assert plain.manifest["scenario"] == zero.manifest["scenario"]
    assert "found_after_h" not in plain.manifest["scenario"]["failures"]["causes"]["any"]
