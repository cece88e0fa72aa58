"""Validations that find silent corruption, beside a naive twin that carries faults from checkpoint to checkpoint."""

from __future__ import annotations

import math

import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.failures import draw_failures, found_after_s
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.units import DAY_S
from gpusim.validation.failures import long_run, play

DAYS, LOAD_S, EVERY_S, WRITE_S, BACKGROUND_S = 20.0, 120.0, 1800.0, 30.0, 600.0
REPAIRS = {"reset": {"mean_h": 0.0}}
SILENT = {"of": "node", "per_1000_days": 100.0, "found_after_h": 2000.0, "repair": {"reset": 1.0}}
LOUD = {"of": "node", "per_1000_days": 100.0, "repair": {"reset": 1.0}}


def scenario(every: int | None, causes: dict) -> gpusim.Scenario:
    """Eight nodes, which are back at once, with one job on all of them."""
    return long_run(
        64, DAYS, {"causes": causes, "repairs": REPAIRS}, checkpoint_interval_s=EVERY_S, checkpoint_write_s=WRITE_S,
        checkpoint_background_s=BACKGROUND_S, load_s=LOAD_S, validate_every=every,
    )  # fmt: skip


def stored(every: int | None, causes: dict) -> gpusim.Scenario:
    """The same, whose checkpoints take the same time on storage that jobs share: the job is alone there."""
    beside = {"checkpoint_background_s": 0.0, "parameters_b": BACKGROUND_S / 16.0}
    storage = {"write_gb_s": 1.0, "read_gb_s": 1e9, "shared": True}
    kind = {f"workload.classes.pretraining.{key}": value for key, value in beside.items()}
    return scenario(every, causes).with_({"sites.site.storage": storage, **kind})


def twin(made: gpusim.Scenario, seed: int, every: float) -> tuple[float, int]:
    """Lost [s], and how often the job was stopped: faults go from the job's state to its checkpoints."""
    end_s = DAYS * DAY_S
    table = draw_failures(made, end_s, seed)
    found_s = found_after_s(table, made.failures.causes, seed)
    events = {(t, "hit" if found_s[i] > 0.0 else "stop", i) for i, t in enumerate(table.time_s)}
    events |= {(t + found_s[i], "stop", i) for i, t in enumerate(table.time_s) if found_s[i] > 0.0}
    kept: list[frozenset[int]] = []  # the faults in each checkpoint that counts
    state: set[int] = set()
    start_s, n, lost_s, stops, in_run = 0.0, 0, 0.0, 0, 0

    def counts_s(k: int) -> float:
        return start_s + LOAD_S + k * (EVERY_S + WRITE_S) + BACKGROUND_S

    todo = sorted(events)
    over: set[int] = set()
    while True:
        at_s, what, i = todo[n] if n < len(todo) else (end_s, "end", -1)
        if counts_s(in_run + 1) <= min(at_s, end_s):  # the next checkpoint counts first
            in_run += 1
            kept.append(frozenset(state))
            if in_run % every or not state:
                continue
            at_s, what, found = counts_s(in_run), "stop", set(state)
        else:
            n += 1
            if at_s >= end_s:
                break
            found = {i}
        if what == "hit":
            state.add(i)
            continue
        stops += not found <= over
        for fault in sorted(found - over):
            over.add(fault)
            before = len(kept)
            while kept and fault in kept[-1]:
                kept.pop()
            fresh = start_s == at_s
            since_s = 0.0 if fresh else max(0.0, at_s - start_s - LOAD_S) - in_run * (EVERY_S + WRITE_S)
            lost_s += since_s + (before - len(kept)) * (EVERY_S + WRITE_S)
            start_s, in_run, state = at_s, 0, set(kept[-1]) if kept else set()
    return lost_s, stops


@pytest.mark.parametrize(("every", "seed"), [(1, 1), (4, 2), (12, 3)])
@pytest.mark.parametrize("causes", [{"silent": SILENT}, {"silent": SILENT, "loud": LOUD}])
@pytest.mark.parametrize("late_s", [0.0, 1.0])
def test_found_at_the_next_validation(every, seed, causes, late_s):
    """At that moment; where shared storage says when a checkpoint counts, at most a second later."""
    made = stored(every, causes) if late_s else scenario(every, causes)
    result = play(made, 64, seed)
    assert check(result) == []
    lost_s, stops = twin(made, seed, every)
    ledger = result.tables["ledger"].groupby("cause")["gpu_s"].sum() / 64
    assert ledger["lost_work"] == pytest.approx(lost_s, rel=1e-7, abs=late_s * stops)
    assert len(result.interruptions) == stops
    # Nobody validates: it is found in vain, months later.
    assert twin(made, seed, math.inf)[1] < stops


def test_runs_that_are_slowed():
    """At rates that change at odd times, each is found right when a fourth checkpoint of its run counts."""
    made = scenario(4, {"silent": SILENT})
    period_s, since_s = 4 * (EVERY_S + WRITE_S), LOAD_S + BACKGROUND_S
    changes = [(0.0, 1.0)] + [(k * 4321.0, (0.7, 1.0, 0.0, 0.3)[k % 4]) for k in range(1, 400)]

    def slow(env):
        for at_s, rate in changes[1:]:
            yield env.at(at_s)
            env.set_site_rate(0, rate)

    def moved_s(from_s, to_s):
        edges = [at_s for at_s, _rate in changes] + [math.inf]
        return sum(
            rate * max(0.0, min(to_s, after_s) - max(from_s, at_s))
            for (at_s, rate), after_s in zip(changes, edges[1:], strict=True)
        )

    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    jobs = JobTable.build(names=names, submit_s=[0.0], gpus=64, runtime_s=2.0 * DAYS * DAY_S)
    result = gpusim.run(made, 2, jobs=jobs, processes=[slow])
    found_s = result.interruptions["time_s"].tolist()
    assert len(found_s) > 5
    for began_s, at_s in zip([0.0, *found_s], found_s):
        validations = (moved_s(began_s, at_s) - since_s) / period_s
        assert validations == pytest.approx(round(validations), abs=1e-6)
        assert validations > 0.5


def test_faults():
    with pytest.raises(ScenarioError, match="validate_every without an interval"):
        long_run(64, 1.0, {}, validate_every=2)
