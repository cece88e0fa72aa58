"""Rules of dispatch and placement of one's own, asked at events through the doors that the built-in ones have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.policies.loading import load_door, load_policy
from gpusim.results.conservation import check
from tests.policies import own_rules
from tests.studies.sweeps.kit import SCENARIO, run_files, study

RULES = "tests.policies.own_rules"
SITE = {"jurisdiction": "EU", "carbon_g_per_kwh": 300.0}
SITES = {
    "one": {**SITE, "region": "FR", "grid_mw": 0.05, "price_usd_per_mwh": 60.0, "pools": {"H100": {"gpus": 24}}},
    "two": {
        **SITE, "region": "GB", "grid_mw": 5.0, "price_usd_per_mwh": 90.0, "carbon_g_per_kwh": 100.0,
        "pools": {"H100": {"gpus": 16}, "A100": {"gpus": 40}},
    },
    "three": {**SITE, "region": "DE-LU", "grid_mw": 5.0, "price_usd_per_mwh": 40.0, "pools": {"H100": {"gpus": 32}}},
}  # fmt: skip
TENANTS = ("a", "b", "c")


def scenario(sites=SITES, tables=None, **scheduler) -> gpusim.Scenario:
    return gpusim.Scenario.from_dict(
        {
            "name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.2}, "scheduler": scheduler,
            "sites": sites, "tenants": {tenant: {} for tenant in TENANTS},
            "workload": {"trace": "jobs.csv", "classes": {"c": {"checkpoint_interval_s": 100.0, "load_s": 5.0}}},
            **(tables or {}),
        }
    )  # fmt: skip


def jobs(seed: int, count: int = 250) -> JobTable:
    """From a part of a node to several, of three tenants, two of whom have a home."""
    draw = np.random.default_rng(seed)
    runtime_s = draw.integers(20, 900, count).astype(float)
    tenant = draw.integers(0, 3, count)
    return JobTable.build(
        {"job_class": ["c"], "tenant": list(TENANTS), "home": ["FR", "GB", ""]},
        job_id=np.arange(count), submit_s=np.sort(draw.integers(0, 6000, count)).astype(float), runtime_s=runtime_s,
        estimate_s=runtime_s * draw.choice([1.0, 1.5, 4.0], count), gpus=draw.choice([1, 2, 3, 4, 8, 16, 24], count),
        tenant=tenant, home=tenant, priority=draw.integers(0, 3, count), preemptible=draw.random(count) < 0.7,
    )  # fmt: skip


def breakdowns(seed: int):
    """Nodes that fail and are repaired."""

    def play(env):
        draw = np.random.default_rng(seed)
        for _ in range(40):
            yield env.at(env.now + float(draw.exponential(150.0)))
            node = int(draw.integers(len(env.fleet.nodes)))
            if not env.fail_node(node):
                env.repair_node(node)

    return play


def played(seed: int = 1, sites=SITES, tables=None, **scheduler):
    result = gpusim.run(scenario(sites, tables, **scheduler), trace=jobs(seed), processes=[breakdowns(seed)])
    assert check(result) == []
    return result.jobs


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


@pytest.mark.parametrize("tables", [{}, LIMITED], ids=["GPUs", "CPUs and memory"])
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("rule", PLACEMENTS)
def test_a_placement_by_hand(rule, how, tables):
    if tables and how in ("greedy", "by the order"):
        return  # not with limits of nodes
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


# What goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "name", "told"),
    [
        ("dispatch", "two_rows", "dispatch returned int64 of shape (2,); return 1 whole number: the row of a pool"),
        ("dispatch", "in_parts", "dispatch returned float64 of shape (1,); return 1 whole number"),
        ("dispatch", "nothing", "dispatch returned None; return 1 whole number: the row of a pool"),
        ("dispatch", "nowhere", "dispatch sent job 0 to pool 7; it may wait in 0, 1, 2, 3"),
        ("dispatch", "writes", "dispatch raised ValueError: assignment destination is read-only"),
        ("dispatch", "asks_about_a_record", "TypeError: jobs: found no array of jobs; give jobs, jobs[mask]"),
        ("dispatch", "asks_about_no_job", "ValueError: jobs.job: found 1000000 to 1000000; the run has jobs 0 to 249"),
        ("dispatch", "raises", "dispatch raised KeyError: 'no such thing'"),
        ("dispatch", "leaves", "dispatch raised SystemExit: 3"),
        ("placement", "nothing", "place returned None; return whole numbers: positions of nodes"),
        ("placement", "a_number", "place returned int, no array; return whole numbers: positions of nodes"),
        ("placement", "NoRoomForAPool", "its attribute 'pool' cannot be set ("),
        ("placement", "none_at_all", "place gave job 0 the nodes []; give 1, on and with"),
        ("placement", "a_full_one", "but node 0 has not"),
        ("placement", "twice", "which is repeated or outside the nodes"),
        ("placement", "outside", "at place 0, which is repeated or outside the nodes; give each of 0 to"),
        ("placement", "too_many", "free GPUs each"),
        ("placement", "nodes_in_parts", "place returned float64 of shape (1,); return whole numbers"),
        ("placement", "raises", "place raised KeyError: 'no such thing'"),
        ("placement", "leaves", "place raised SystemExit: 3"),
    ],
)
def test_faulty_answers(door, name, told):
    with pytest.raises(PolicyError) as caught:
        played(3, **{door: f"{RULES}:{name}"})
    text = str(caught.value)
    assert told in text
    assert text.startswith(f"policy '{RULES}:{name}'")
    assert "s into the run: " in text
    assert door == "dispatch" or " at " in text.partition("s into")[0]
    assert "\n" not in text


def test_a_pool_that_cannot_hold_a_job_is_refused():
    first = jobs(3)
    gangs = JobTable.build(
        {}, **{name: first[name][:20] for name in ("job_id", "submit_s", "runtime_s")}, gpus=np.full(20, 24)
    )
    with pytest.raises(PolicyError, match="dispatch sent job 3 to pool 1; it may wait in 0, 2, 3"):
        gpusim.run(scenario(dispatch=f"{__name__}:second_for_the_fourth"), trace=gangs)


def second_for_the_fourth(jobs, pools, allowed, now_s):
    return [1] if jobs.job[0] == 3 else np.flatnonzero(allowed[0])[:1]


@pytest.mark.parametrize("door", ["dispatch", "placement"])
def test_an_interrupt_is_not_lost(door):
    with pytest.raises(KeyboardInterrupt):
        played(3, **{door: f"{RULES}:interrupts"})


def test_a_gangs_nodes_are_as_near_as_topology_demands():
    """Domains of 18 nodes of 4 GPUs: the last nodes of two domains are apart."""
    sites = {"one": {**SITES["three"], "pools": {"GB200": {"gpus": 144 * 4}}}}
    table = JobTable.build(
        {}, job_id=np.arange(3), submit_s=np.arange(3.0), gpus=np.array([64, 64, 64]), runtime_s=np.full(3, 100.0)
    )
    rules = {"placement": f"{__name__}:on_both_sides"}
    with pytest.raises(PolicyError, match=r"which are apart; scheduler.topology has it demand nodes of one domain of"):
        gpusim.run(scenario(sites, **rules), trace=table)
    result = gpusim.run(scenario(sites, **rules, topology="unconstrained"), trace=table)
    assert result.jobs["start_s"].tolist() == [0.0, 1.0, 2.0]


def test_the_example_of_the_guide_goes_with_domains(monkeypatch):
    """Each gang in one domain, the fullest that can hold it; and one that is larger than a domain."""
    guide = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
    example = {}
    exec(re.search(r"```python\n# my_rules.py\n(.*?)```", guide, re.DOTALL)[1], example)
    seen = []

    def place(job, nodes, now_s):
        found = example["fullest"](job, nodes, now_s)
        seen.append(sorted(set(nodes.domain[found].tolist())))
        return found

    monkeypatch.setattr(own_rules, "last_nodes", place)
    sites = {"one": {**SITES["three"], "pools": {"GB200": {"gpus": 144 * 4}}}}
    gpus = np.array([64, 4, 2, 64, 8, 80])
    table = JobTable.build({}, job_id=np.arange(6), submit_s=np.arange(6.0), gpus=gpus, runtime_s=np.full(6, 100.0))
    result = gpusim.run(scenario(sites, placement=f"{RULES}:last_nodes"), trace=table)
    assert result.jobs["start_s"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [len(domains) for domains in seen] == [1, 1, 1, 1, 1, 2]
    assert seen[0] == seen[1] == seen[2] != seen[3]


def on_both_sides(job, nodes, now_s):
    fit = np.flatnonzero(nodes.free)
    return np.concatenate([fit[:8], fit[-8:]])


# What is told before the run ---------------------------------------------------------------------------------------


def test_names_are_checked():
    with pytest.raises(ScenarioError, match=r"scheduler.dispatch: .*greenest.* \(did you mean 'cheapest'\?\), or the"):
        scenario(dispatch="cheapst")
    with pytest.raises(ScenarioError, match=r"scheduler.placement: .*fgd \(did you mean 'spread'\?\), or the import"):
        scenario(placement="spred")
    with pytest.raises(ScenarioError, match="scheduler.dispatch: found 3"):
        scenario(dispatch=3)


@pytest.mark.parametrize(
    ("path", "door", "told"),
    [
        ("no_such_module:nearest", "dispatch", "cannot import 'no_such_module'"),
        (f"{RULES}:cheapst", "dispatch", r"has no 'cheapst' \(did you mean 'cheapest'\?\); policies there: least_l"),
        (f"{RULES}:best_fits", "place", r"has no 'best_fits' \(did you mean 'best_fit'\?\)"),
        (f"{RULES}:of_two", "place", r"of_two is asked with \(job, nodes, now_s\); it takes \(job, nodes\)"),
        (f"{RULES}:InRounds", "dispatch", r"has no method 'dispatch\(self, jobs, pools, allowed, now_s\)'; add it"),
        (f"{RULES}:first", "place", "; policies there: least, "),  # not numpy, which has "place"
        (f"{RULES}:HOMES", "place", r"has no method 'place\(self, job, nodes, now_s\)'"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(path, door, told):
    with pytest.raises(PolicyError, match=told):
        load_door(path, door)


def test_doors_alone_are_no_order():
    with pytest.raises(PolicyError, match="scheduler.dispatch may name it for its 'dispatch'; scheduler.placement may"):
        load_policy(f"{RULES}:Doors")
    with pytest.raises(PolicyError, match=r"takes \(jobs, pools, allowed, now_s\); .* name it in scheduler.dispatch"):
        load_policy(f"{RULES}:home")
    with pytest.raises(PolicyError, match=r"takes \(job, nodes, now_s\); .* name it in scheduler.placement"):
        load_policy(f"{RULES}:spread")


class Holder:
    def allocate(self, jobs, now_s):
        return jobs.gpus

    def dispatch(self, jobs, pools, allowed, now_s):
        return jobs.pool

    def place(self, job, nodes, now_s):
        return nodes[:0]


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        ({"placement": f"{RULES}:spread", "backfill": "conservative"}, "its plan says on which nodes jobs start"),
        ({"order": f"{RULES}:LeastLoadedBestFit", "backfill": "conservative"}, "says on which nodes jobs start: sched"),
        ({"order": f"{RULES}:LeastLoadedBestFit", "placement": "packing"}, '"packing", which scores nodes; give best'),
        ({"order": f"{RULES}:LeastLoadedBestFit", "dispatch": f"{RULES}:home"}, "two that decide the same; remove one"),
        ({"order": f"{__name__}:Holder", "mode": "cycle", "placement": f"{RULES}:spread"}, "has a method 'place', and"),
        ({"order": f"{__name__}:Holder", "mode": "cycle", "dispatch": f"{RULES}:home"}, "has a method 'dispatch', and"),
        ({"dispatch": f"{RULES}:home", "options": {"near": 3}}, "options are of the order alone; of order 'fifo'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(scheduler, told):
    with pytest.raises((PolicyError, ScenarioError)) as caught:
        played(1, **scheduler)
    assert told in str(caught.value)


def test_jobs_that_share_gpus_have_none_of_their_own_placement():
    shared = {"workload": {"trace": "jobs.csv", "classes": {"c": {}}, "share_gpus": True}}
    with pytest.raises(
        ScenarioError, match="with workload.share_gpus: it says on which nodes jobs start, not on which"
    ):
        scenario(tables=shared, placement=f"{RULES}:spread")
    with pytest.raises(PolicyError, match="remove it, or workload.share_gpus"):
        played(1, tables=shared, order=f"{RULES}:LeastLoadedBestFit")


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
        "import pandas; from tests.policies import test_at_events as t\n"
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
