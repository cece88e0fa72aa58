"""Rules of dispatch and placement of one's own, asked at events through the doors that the built-in ones have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from tests.policies import own_rules
from tests.policies.at_events_kit import RULES, SITES, jobs, played, scenario
from tests.studies.sweeps.kit import SCENARIO, run_files, study

LIMITED = {"gpus": {"H100": {"cpus_per_node": 40.0}, "A100": {"memory_gb_per_node": 500.0}}}
HOWS = {
    "easy": {},
    "in cycles": {"mode": "cycle", "cycle_s": 30.0},
    "without backfill": {"backfill": "none", "redispatch": False},
    "preempting": {"preemption": "priority", "order": "priority"},
    "greedy": {"order": "srtf"},
    "by the order": {"order": "sjf", "preemption": "order"},
    "in fair shares": {"order": "fair_share"},
}
DISPATCHES = ("least_loaded", "home", "earliest_start", "cheapest", "greenest")
PLACEMENTS = ("best_fit", "first_fit", "spread")


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("rule", DISPATCHES)
def test_a_rule_of_dispatch_by_hand(rule, how):
    """The same jobs table as the built-in rule; and other rules give others."""
    seed = DISPATCHES.index(rule) + 10 * list(HOWS).index(how)
    scheduler = HOWS[how] | ({"redispatch": False} if rule == "home" else {})  # which keeps jobs at home under it alone
    built_in = played(seed, **scheduler, dispatch=rule)
    assert played(seed, **scheduler, dispatch=f"{RULES}:{rule}").equals(built_in)
    other = played(seed, **scheduler, dispatch=f"{RULES}:last_allowed")
    assert not other["site"].equals(built_in["site"])


WITH_LIMITS = [(how, LIMITED) for how in HOWS if how not in ("greedy", "by the order")]  # these two, without


@pytest.mark.parametrize(("how", "tables"), [*((how, {}) for how in HOWS), *WITH_LIMITS])
@pytest.mark.parametrize("rule", PLACEMENTS)
def test_a_placement_by_hand(rule, how, tables):
    if tables:
        classes = {"c": {"checkpoint_interval_s": 100.0, "cpus_per_gpu": 7.0, "memory_gb_per_gpu": 30.0}}
        tables = {**tables, "workload": {"trace": "jobs.csv", "classes": classes}}
    seed = 1 + PLACEMENTS.index(rule) + 10 * list(HOWS).index(how)
    built_in = played(seed, tables=tables, **HOWS[how], placement=rule)
    assert played(seed, tables=tables, **HOWS[how], placement=f"{RULES}:{rule}").equals(built_in)
    other = "spread" if rule != "spread" else "best_fit"
    assert not played(seed, tables=tables, **HOWS[how], placement=f"{RULES}:{other}").equals(built_in)


def test_both_doors_beside_a_key():
    """A class with three methods, against three built-in rules; and a class at each of two keys."""
    built_in = played(5, order="sjf")
    assert played(5, order=f"{RULES}:LeastLoadedBestFit").equals(built_in)
    two = played(5, dispatch=f"{RULES}:Doors", placement=f"{RULES}:Doors")
    assert two.equals(played(5, dispatch=f"{RULES}:last_allowed", placement=f"{RULES}:last_nodes"))


@pytest.mark.parametrize("policy", ["InRounds", "Assigned"])
def test_place_beside_rounds_is_asked_at_starts(policy):
    """Of an order or an assignment in rounds, as under the built-in placement."""
    scheduler = {"mode": "cycle", "cycle_s": 20.0}
    asked = played(6, order=f"{RULES}:{policy}", **scheduler)
    path = {"InRounds": f"{__name__}:PlainOrder", "Assigned": f"{__name__}:PlainAssignment"}[policy]
    assert asked.equals(played(6, order=path, **scheduler))
    named = played(6, order=path, placement=f"{RULES}:best_fit", **scheduler)
    assert named.equals(asked)


class PlainOrder:
    def order(self, queue, now_s):
        return np.arange(len(queue))


class PlainAssignment:
    def assign(self, jobs, pools, allowed, speeds, now_s):
        return jobs.pool


def test_allocation_in_rounds_on_nodes_of_ones_own():
    """A placement that the scenario names is asked for what ``allocate`` starts."""
    scheduler = {"mode": "cycle", "cycle_s": 20.0, "order": "finish_time"}
    built_in = played(6, **scheduler)
    assert played(6, placement=f"{RULES}:best_fit", **scheduler).equals(built_in)
    assert not played(6, placement=f"{RULES}:last_nodes", **scheduler).equals(built_in)


# What is shown -----------------------------------------------------------------------------------------------------


def test_what_a_dispatch_sees(monkeypatch):
    seen = []

    def curious(jobs, pools, allowed, now_s):
        seen.append((int(jobs.job[0]), now_s, allowed[0].tolist(), int(jobs.pool[0]), float(jobs.submit_s[0])))
        assert len(jobs) == 1
        assert [pool.site for pool in pools] == ["one", "two", "two", "three"]
        assert [pool.gpu_type for pool in pools] == ["H100", "H100", "A100", "H100"]
        assert pools[0].speed_of(jobs)[0] == 1.0
        assert pools[0].can_start(jobs[jobs.gpus > 0])[0] == pools[0].can_start(jobs)[0]
        assert len(pools[0].starts_in_s(jobs[:0])) == 0
        pools[0].tenant_shares[:] = 0.0  # its own
        assert pools[1].tenant_shares.tolist() == [1.0, 1.0, 1.0]
        with pytest.raises(ValueError, match="read-only"):
            jobs.gpus[0] = 1
        return np.flatnonzero(allowed[0])[:1]

    monkeypatch.setattr(f"{RULES}.last_allowed", curious)
    table = played(2, dispatch=f"{RULES}:last_allowed", redispatch=False)
    asked = [job for job, *_rest in seen]
    assert asked == sorted(set(asked))
    assert set(asked) >= set(table.index[table["gpus"] == 1])  # others may have one pool only, while nodes are down
    assert all(now_s == submit_s for _job, now_s, _allowed, _pool, submit_s in seen)
    assert {pool for *_others, pool, _submit_s in seen} == {-1}
    for job, _now_s, allowed, *_rest in seen:
        assert sum(allowed) > 1
        assert not (table["gpus"][job] == 24 and allowed[1])  # which has 16
        assert table["gpus"][job] > 1 or job > 3 or allowed == [True] * 4  # before any node fails


def test_where_only_one_pool_is_possible_nobody_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(f"{RULES}.last_allowed", lambda jobs, pools, allowed, now_s: asked.append(1))
    result = gpusim.run(scenario({"one": SITES["three"]}, dispatch=f"{RULES}:last_allowed"), trace=jobs(1))
    assert result.jobs["start_s"].notna().any()
    assert asked == []


def test_what_a_placement_sees(monkeypatch):
    """GPUs that the job may take: not of nodes that are off, nor what is kept for the head of the queue."""
    seen = []

    def curious(job, nodes, now_s):
        seen.append((int(job.job), nodes.free.tolist(), nodes.reserved.tolist()))
        with pytest.raises(ValueError, match="read-only"):
            nodes.free[0] = 1
        return np.flatnonzero(nodes.free)[: job.n_nodes]

    monkeypatch.setattr(f"{RULES}.last_nodes", curious)
    submit_s, gpus, runtime_s = zip((0, 8, 100), (1, 6, 200), (2, 16, 50), (3, 8, 90), (4, 2, 150), (5, 2, 50))
    table = JobTable.build(
        {}, job_id=np.arange(6), submit_s=np.array(submit_s, float), gpus=np.array(gpus),
        runtime_s=np.array(runtime_s, float),
    )  # fmt: skip
    sites = {"one": {**SITES["three"], "pools": {"H100": {"gpus": 24}}}}
    # The third needs two of three nodes: those of the first and the last, from 100 s on; it is promised these. The
    # fourth would be over by then, and may run there; the fifth not, but may beside the second; so may the sixth later.
    result = gpusim.run(scenario(sites, placement=f"{RULES}:last_nodes"), trace=table)
    assert result.jobs["start_s"].tolist() == [0.0, 1.0, 100.0, 3.0, 4.0, 150.0]
    assert seen[:4] == [
        (0, [8, 8, 8], [False] * 3),
        (1, [0, 8, 8], [False] * 3),
        (3, [0, 0, 8], [True, False, True]),
        (4, [0, 2, 0], [True, False, True]),
    ]


# The same everywhere -----------------------------------------------------------------------------------------------


def test_sweeps_are_the_same_in_other_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("rules_of_mine.py").write_text(Path(own_rules.__file__).read_text())
    more = '[sites.gb.pools.A100]\ngpus = 8\n[scheduler]\ndispatch = "rules_of_mine:cheapest"\n'
    scenario = SCENARIO + more + 'placement = "rules_of_mine:spread"\n'
    spec = study(tmp_path, 'scenario = "tiny.toml"\nreplications = 2\n', scenario)
    gpusim.sweep(spec, "serial", executor="serial")
    gpusim.sweep(spec, "processes", workers=2)
    serial = run_files(tmp_path / "serial")
    assert len(serial) == 2
    assert run_files(tmp_path / "processes") == serial


def test_the_source_is_in_the_manifest():
    result = gpusim.run(scenario(dispatch=f"{RULES}:home", placement=f"{RULES}:spread"), trace=jobs(1))
    assert {f"{RULES}:home", f"{RULES}:spread"} <= set(result.manifest["inputs_sha256"])


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is it")
def test_plain_python_asks_too():
    """Kernels that are not compiled ask the same: the same jobs, the same error."""
    code = (
        "import pandas; from tests.policies import at_events_kit as t\n"
        "rules = {'dispatch': f'{t.RULES}:earliest_start', 'placement': f'{t.RULES}:spread'}\n"
        "print(pandas.util.hash_pandas_object(t.played(4, **rules).astype(str)).sum())\n"
        "try: t.played(4, placement=f'{t.RULES}:raises')\n"
        "except Exception as error: print(error)\n"
    )
    root = Path(__file__).parents[2]
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "NUMBA_DISABLE_JIT": jit}, cwd=root, check=True,
            capture_output=True, text=True,
        ).stdout
        for jit in ("0", "1")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert "place raised KeyError" in told[0]
