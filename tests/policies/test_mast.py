"""One queue for all sites: against the same rule written plainly, one pool of all GPUs, and the nearest site."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import NODE
from gpusim.kernels.state.codes import ON
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.mast import Mast
from gpusim.policies.policy import PoolView
from gpusim.results.conservation import check

NAMES = {
    "job_class": ["c"], "tenant": ["t", "u"], "home": ["FR"], "residency": ["", "EU"], "gpu_types": [""],
}  # fmt: skip
TWO = {
    "paris": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": 16}}},
    "austin": {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 5.0, "pools": {"H100": {"gpus": 16}}},
}


def play(jobs, order="mast", sites=TWO, days=0.2, options=None, cycle_s=30.0, **columns):
    """Jobs (submit [s], run time [s], GPUs) of a fleet; ``columns``: codes of ``NAMES``."""
    submit_s, runtime_s, gpus = (np.array(column, float) for column in zip(*jobs, strict=True))
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "m", "run": {"start": "2026-06-01T00:00:00Z", "days": days}, "sites": sites,
            "scheduler": {
                "order": order, "mode": "cycle", "cycle_s": cycle_s, "dispatch": "home", "redispatch": False,
                "options": options or {},
            },
            "tenants": {"t": {}, "u": {}}, "workload": {"trace": "jobs.csv", "classes": {"c": {}}},
        }
    )  # fmt: skip
    table = JobTable.build(
        NAMES, job_id=np.arange(len(jobs)), submit_s=submit_s, runtime_s=runtime_s, gpus=gpus.astype("i8"), **columns
    )
    result = gpusim.run(scenario, trace=table)
    assert check(result) == []
    return result.jobs


# Against the rule written plainly ----------------------------------------------------------------------------------


def plainly(pools, running, waiting, away_s, quotas):
    """Pools of the jobs that wait, by row.

    ``pools``: (site, size, free GPUs of each node); ``running``: (pool, held, seconds left, tenant); ``waiting``: (row,
    priority, gpus, home, allowed pools, work [s], speed by pool, tenant).
    """
    nodes = [list(free) for _site, _size, free in pools]
    ends = [[(left_s, held) for q, held, left_s, _t in running if q == p] for p in range(len(pools))]
    claims = [[] for _ in pools]
    used = [(pools[p][0], tenant, held) for p, held, _left_s, tenant in running]
    answer = {}
    turn = sorted(waiting, key=lambda job: (-job[1], job[0]))
    for row, _priority, gpus, home, allowed, work_s, speed, tenant in turn:
        answer[row] = -1
        if sum(map(sum, nodes)) == 0:
            continue
        best = None
        for p in allowed:
            site, size, _free = pools[p]
            count = -(-gpus // size)
            held = gpus if count == 1 else count * size
            if sum(h for s, t, h in used if (s, t) == (site, tenant)) + held > quotas.get((site, tenant), 1e9):
                continue
            run_s = work_s / speed[p]
            room = [n for n, free in enumerate(nodes[p]) if free >= min(gpus, size)]
            fits = len(room) >= count and run_s <= min((wait for wait, _h in claims[p]), default=1e9)
            wait_s = 0.0
            if not fits:
                wait_s, have = 1e18, sum(nodes[p]) - sum(h for _wait, h in claims[p])
                for left_s, gone in sorted(ends[p]):
                    have += gone
                    if have >= held:
                        wait_s = max(left_s, 1.0)
                        break
            over_s = wait_s + run_s + (away_s if site != home else 0.0)
            if wait_s < 1e18 and (best is None or over_s < best[0]):
                best = over_s, p, wait_s, run_s, held, room
        if best is None:
            continue
        _over_s, p, wait_s, run_s, held, room = best
        if wait_s > 0.0:
            claims[p].append((wait_s, held))
            continue
        answer[row] = p
        used.append((pools[p][0], tenant, held))
        ends[p].append((run_s, held))
        for n in sorted(room, key=lambda n: nodes[p][n])[: -(-gpus // pools[p][1])]:
            nodes[p][n] -= min(gpus, pools[p][1])
    return answer


@st.composite
def moments(draw):
    """Three pools at two sites, who runs there, and who waits."""
    seconds = st.integers(1, 40).map(lambda n: 100.0 * n)
    pools, running = [], []
    for p, site in enumerate(("a", "a", "b")):
        size = draw(st.sampled_from([1, 4]))
        free = [size] * draw(st.integers(1, 4))
        for n in range(len(free)):
            taken = draw(st.integers(0, size))
            if taken:
                free[n] -= taken
                running.append((p, taken, draw(seconds), draw(st.integers(0, 1))))
        pools.append((site, size, free))
    waiting = [
        (
            row, draw(st.integers(0, 1)), draw(st.integers(1, 9)), draw(st.sampled_from("ab")),
            sorted(draw(st.sets(st.integers(0, 2), min_size=1))), draw(seconds),
            draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=3, max_size=3)), draw(st.integers(0, 1)),
        )
        for row in range(draw(st.integers(1, 8)))
    ]  # fmt: skip
    quotas = draw(st.dictionaries(st.tuples(st.sampled_from("ab"), st.integers(0, 1)), st.integers(0, 8), max_size=3))
    return pools, running, waiting, draw(st.sampled_from([0.0, 500.0, 3000.0])), quotas


def asked(pools, running, waiting, away_s, quotas, mast=None):
    """The same of the policy; of one that remembers, if given."""
    views = []
    for site, size, free in pools:
        nodes = records(NODE, len(free))
        nodes["free"], nodes["state"] = free, ON
        views.append(PoolView(site, "H100", nodes, size, 0, 0, sum(free), 0, 0, 0, 0, np.ones(2), np.zeros(2),
                              tenants=("0", "1")))  # fmt: skip
    jobs = records(QUEUE, len(waiting) + len(running))
    allowed, speeds = np.zeros((len(jobs), 3), bool), np.ones((len(jobs), 3))
    mast = mast or Mast(away_s / 3600.0, {s: {str(t): n for (q, t), n in quotas.items() if q == s} for s in "ab"})
    for i, (row, priority, gpus, home, may, work_s, speed, tenant) in enumerate(waiting):
        jobs[i].job, jobs[i].submit_s, jobs[i].priority, jobs[i].gpus, jobs[i].tenant = row, row, priority, gpus, tenant
        jobs[i].pool = may[0]
        jobs[i].estimate_s = work_s / speed[may[0]]
        allowed[i, may], speeds[i] = True, speed
        mast._home[row] = home
    for i, (pool, held, left_s, tenant) in enumerate(running, len(waiting)):
        jobs[i].job, jobs[i].pool, jobs[i].held, jobs[i].gpus = 100 + i, pool, held, held
        jobs[i].estimate_s, jobs[i].tenant, jobs[i].running = left_s, tenant, True
        allowed[i, pool] = True
    found = mast.assign(jobs, views, allowed, speeds, 0.0)
    assert found[len(waiting) :].tolist() == [pool for pool, *_ in running]
    return {row: int(found[i]) for i, (row, *_) in enumerate(waiting)}


@settings(max_examples=100, deadline=None)
@given(moments())
def test_against_the_rule_written_plainly(moment):
    """The same pool for every job."""
    assert asked(*moment) == plainly(*moment)


def test_a_pool_that_did_not_start_a_job_is_passed_over_once():
    """Power may lack where GPUs are free: a job that still waits is sent elsewhere, and back in the round after."""
    pools = [("a", 1, [1]), ("b", 1, [1])]
    waiting = [(0, 0, 1, "a", [0, 1], 100.0, [1.0, 1.0, 1.0], 0)]
    mast = Mast()
    sent = [asked(pools, [], waiting, 0.0, {}, mast)[0] for _round in range(3)]
    assert sent == [0, 1, 0]
    assert asked(pools, [], [(0, 0, 1, "a", [0], 100.0, [1.0, 1.0, 1.0], 0)], 0.0, {}, mast)[0] == -1


# In a fleet --------------------------------------------------------------------------------------------------------


def crowd(n=80, seed=3):
    """Jobs of a GPU at 1.2 times what one site can do."""
    draw = np.random.default_rng(seed)
    return list(zip(np.cumsum(draw.exponential(1000.0 / 16 / 1.2, n)), draw.exponential(1000.0, n) + 1.0, [1] * n))


def test_two_sites_are_one_pool():
    """Without a price on being away, jobs of one GPU start at two sites when they would in one pool of both; the
    control: if away costs a day, they do not."""
    one = {"paris": {**TWO["paris"], "pools": {"H100": {"gpus": 32}}}}
    apart = {name: {**site, "pools": {"H100": {"gpus": 16}}} for name, site in TWO.items()}
    jobs = crowd(160)
    pooled = play(jobs, sites=one)["start_s"]
    assert play(jobs, sites=apart)["start_s"].tolist() == pooled.tolist()
    assert play(jobs, sites=apart, options={"away_h": 24.0})["start_s"].tolist() != pooled.tolist()


def test_it_beats_the_nearest_site():
    """All data are in Paris, which has too little: the nearest site has jobs wait while Austin is idle. Spilling over
    when that is 10 minutes sooner, they wait at most so long more than where they start at once."""
    jobs = crowd()
    nearest = play(jobs, "multifactor", options={"fair_share": 0.0})
    spilled = play(jobs, options={"away_h": 1 / 6})
    assert set(nearest["site"]) == {"paris"}
    wait_s = {name: (table["start_s"] - table["submit_s"]).mean() for name, table in (("n", nearest), ("s", spilled))}
    assert wait_s["s"] < wait_s["n"] / 2
    away = spilled["site"] == "austin"
    assert 0 < away.sum() < len(jobs) / 2  # no more than must
    assert (spilled["start_s"] - spilled["submit_s"]).max() <= 600.0 + 30.0


def test_residency_binds():
    """Who may run in the EU only stays, however long that takes; the others go where it is over first."""
    jobs = crowd()
    bound = np.arange(len(jobs)) % 2
    found = play(jobs, residency=bound)
    assert set(found["site"][bound == 1]) == {"paris"}
    assert set(found["site"][bound == 0]) == {"paris", "austin"}


def most_held(table, site, tenant):
    """GPUs that a tenant held at a site at most."""
    mine = table[(table["site"] == site) & (table["tenant"] == tenant)]
    return max(int(((mine["start_s"] <= t) & (mine["end_s"] > t)).sum()) for t in mine["start_s"])


def test_quotas_by_site():
    """With 4 GPUs in Paris a tenant has the others in Austin; without, more."""
    jobs, tenant = crowd(), np.arange(80) % 2
    free = play(jobs, tenant=tenant)
    kept = play(jobs, tenant=tenant, options={"quotas": {"paris": {"u": 4}}})
    assert most_held(free, "paris", "u") > 4
    assert most_held(kept, "paris", "u") == 4
    assert most_held(kept, "austin", "u") > 4
    assert kept["end_s"].notna().all()


def test_unknown_names_get_a_suggestion():
    """Sites and tenants of quotas are those of the scenario."""
    with pytest.raises(ScenarioError, match=r"(?s)quotas.*pari.*paris.*x"):
        play([(0, 1, 1)], options={"quotas": {"pari": {"t": 1}, "paris": {"x": 1}}})
