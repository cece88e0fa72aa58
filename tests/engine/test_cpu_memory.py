"""CPUs and memory of nodes: who starts where they are limited, by hand and in whole scenarios. At random:
``test_reference``."""

from dataclasses import replace

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.errors import ScenarioError
from gpusim.inputs.traces import read_trace
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.results.conservation import check
from tests.engine.kit import play_case
from tests.engine.test_sharing import sharing, table
from tests.inputs.trace_samples import OPENB
from tests.reference.case import Case, Change, JobSpec

NODE = {"gpus.H100.cpus_per_node": 96.0, "gpus.H100.memory_gb_per_node": 1024.0}


def limited(**changes) -> gpusim.Scenario:
    """``sharing`` on nodes whose CPUs and memory are limited."""
    return sharing(**{**NODE, **changes})


def begins_s(jobs: list[JobSpec], cpu_memory: tuple[int, int], nodes: int = 2, **rules) -> list[float]:
    """Starts of jobs on nodes of 4 GPUs."""
    pool = PoolSpec(0, 0, nodes, 4, cpu_memory=cpu_memory)
    case = Case(jobs, [pool], Scheduling(**rules), changes=[Change(0.0, "deliver", 0, nodes)])
    return [job.start_s for job in play_case(case, 1000.0)]


@pytest.mark.parametrize(("cpu_memory", "third"), [((0, 0), 0.0), ((8, 0), 10.0), ((0, 8), 10.0), ((12, 12), 0.0)])
def test_a_job_waits_for_cpus_or_memory(cpu_memory, third):
    """Two take 8 of a node's, each on one of its four GPUs: that leaves none for a third where nodes have 8 in all."""
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, asks=(asks, asks)) for asks in (8, 8, 4)]
    assert begins_s(jobs, cpu_memory) == [0.0, 0.0, third]


def test_a_job_goes_where_its_cpus_are():
    """The fullest node has too few CPUs left; who says nothing takes the share of its GPUs."""
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, asks=(7, -1)), JobSpec(0.0, 1, 20.0, 20.0), JobSpec(0.0, 4, 5.0, 5.0)]
    assert begins_s(jobs, (8, 0)) == [0.0, 0.0, 10.0]  # the share of 2 does not fit beside 7 of 8
    assert begins_s(jobs, (12, 0)) == [0.0, 0.0, 0.0]  # one of 3 fits beside 7 of 12: the other node stays whole


def test_parts_of_a_gpu_take_parts_of_the_share():
    """Four quarters of GPUs, of which each takes a quarter of the share of one, on a node of one GPU: all at once."""
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, milli=250) for _ in range(4)]
    case = Case(jobs, [PoolSpec(0, 0, 1, 1, cpu_memory=(8, 8))], changes=[Change(0.0, "deliver", 0, 1)])
    assert [job.start_s for job in play_case(case, 99.0)] == [0.0] * 4
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, milli=250, asks=(3, -1)) for _ in range(4)]
    case = Case(jobs, [PoolSpec(0, 0, 1, 1, cpu_memory=(8, 8))], changes=[Change(0.0, "deliver", 0, 1)])
    assert [job.start_s for job in play_case(case, 99.0)] == [0.0, 0.0, 10.0, 10.0]


def easy(*asks_and_runs: tuple[int, float], **rules) -> list[float]:
    """Starts of jobs of a GPU on one node of 8 CPUs: of (CPUs, run time [s]), a second apart."""
    jobs = [JobSpec(float(i), 1, run_s, run_s, asks=(asks, -1)) for i, (asks, run_s) in enumerate(asks_and_runs)]
    return begins_s(jobs, (8, 0), nodes=1, backfill=Backfill.EASY, **rules)


def test_easy_keeps_cpus_for_the_head():
    """The head needs 6 CPUs, which are there at 10 s, when the first job ends: until then a job of 4 s may take the two
    that are left, as may one of 99 s that takes no more than the head leaves, but not one that takes more."""
    assert easy((6, 10.0), (6, 5.0), (2, 4.0)) == [0.0, 10.0, 2.0]
    assert easy((6, 10.0), (6, 5.0), (2, 99.0)) == [0.0, 10.0, 2.0]
    assert easy((5, 10.0), (6, 5.0), (3, 99.0)) == [0.0, 10.0, 15.0]
    assert easy((5, 10.0), (6, 5.0), (3, 8.0)) == [0.0, 10.0, 2.0]  # it is over when the first is
    assert easy((5, 10.0), (6, 5.0), (1, 99.0), (1, 99.0), (1, 99.0)) == [0.0, 10.0, 2.0, 3.0, 15.0]


def test_preemption_frees_cpus():
    """GPUs are free, CPUs are not: the last to start leaves, and only as many as must."""
    jobs = [JobSpec(float(i), 1, 50.0, 50.0, preemptible=True, asks=(3, -1)) for i in range(2)]
    urgent = JobSpec(5.0, 1, 9.0, 9.0, priority=1, asks=(5, -1))
    case = Case([*jobs, urgent], [PoolSpec(0, 0, 1, 4, cpu_memory=(8, 0))], Scheduling(preempts=True))
    played = play_case(replace(case, changes=[Change(0.0, "deliver", 0, 1)]), 1000.0)
    assert [(job.start_s, job.evictions) for job in played] == [(0.0, 0), (14.0, 1), (5.0, 0)]


SMALL = {"workload.streams.train.gpus": {"0.5": 0.5, "1": 0.5}, "workload.streams.train.jobs_per_day": 1500.0}


@pytest.mark.parametrize("rules", [{}, {"scheduler.backfill": "none"}, {"scheduler.preemption": "priority"}])
def test_gpus_that_idle_for_lack_of_cpus_are_told(rules):
    """Classes of 24 CPUs for each GPU fill 96 with four GPUs of eight: the others idle for that, and jobs wait for it,
    as long as they wait. Without limits nobody does."""
    few = gpusim.run(limited(**SMALL, **rules, **{"workload.classes.train.cpus_per_gpu": 24.0}))
    none = gpusim.run(sharing(**SMALL, **rules, **{"workload.classes.train.cpus_per_gpu": 24.0}))
    assert check(few) == check(none) == []
    waited = few.job_waits.groupby("cause", observed=True)["wait_s"].sum()
    assert waited["cpu_memory"] > 0.9 * waited.sum()
    lost = few.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert lost["idle_cpu_memory"] > 5.0 * lost["idle_fragmented"]
    assert "too few CPUs or too little memory left for the next job" in few.bottlenecks()["sentence"].iloc[0]
    assert "idle_cpu_memory" not in set(none.ledger["cause"])
    assert "cpu_memory" not in set(none.job_waits["cause"])
    assert few.jobs["wait_s"].mean() > none.jobs["wait_s"].mean()


def test_parts_of_a_shared_gpu_idle_for_lack_of_cpus():
    """Two quarters take all CPUs of a node of one GPU; half of it is idle while a third waits, fragmented when not."""
    node = {"sites.here.pools.H100.gpus": 1, "gpus.H100.gpus_per_node": 1, "gpus.H100.cpus_per_node": 8.0}
    scenario = limited(**node, **{"workload.classes.train.cpus_per_gpu": 4.0})
    result = gpusim.run(scenario, jobs=table((0.0, 0.25, 3600.0), (0.0, 0.25, 3600.0), (0.0, 0.25, 3600.0)))
    assert check(result) == []
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["idle_cpu_memory"] == pytest.approx(1800.0)
    assert booked["idle_fragmented"] == pytest.approx(2700.0)  # of the third, alone
    assert result.job_waits.groupby("cause", observed=True)["wait_s"].sum()["cpu_memory"] == pytest.approx(3600.0)


def test_without_limits_what_jobs_ask_for_is_idle():
    asks = {"workload.classes.train.cpus_per_gpu": 24.0}
    free, as_ever = (gpusim.run(sharing(**changes)) for changes in (asks, {}))
    assert free.jobs["start_s"].equals(as_ever.jobs["start_s"])


def test_a_trace_says_what_its_jobs_take(tmp_path):
    path = tmp_path / "openb_pod_list_default.csv"
    path.write_text(OPENB)
    jobs = read_trace(str(path))
    assert jobs["cpus"].tolist() == [12.0, 88.0, 6.0]
    np.testing.assert_allclose(jobs["memory_gb"], np.array([16384, 327680, 12288]) * 2**20 / 1e9)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"scheduler.backfill": "conservative"},
            'found "conservative" with gpus.H100.cpus_per_node; give "none" or "easy"',
        ),
        (
            {"scheduler.order": "las"},
            "scheduler.order: found 'las' with gpus.H100.cpus_per_node; give one of fifo",
        ),
        ({"scheduler.preemption": "order"}, 'found "order" with gpus.H100.cpus_per_node; give "none" or "priority"'),
        ({"workload.classes.train.cpus_per_gpu": -1.0}, "workload.classes.train.cpus_per_gpu: found -1"),
        ({"gpus.H100.cpus_per_node": 0.0004}, "gpus.H100.cpus_per_node: found 0.0004"),  # 0 thousandths: no limit
        ({"gpus.H100.memory_gb_per_node": 0.0004}, "gpus.H100.memory_gb_per_node: found 0.0004"),
    ],
)
def test_what_does_not_go_together_is_told(changes, says):
    with pytest.raises(ScenarioError) as error:
        limited(**changes)
    assert says in str(error.value)


def test_a_job_that_no_node_could_hold_is_told():
    scenario = limited(**{"workload.classes.train.cpus_per_gpu": 97.0})
    with pytest.raises(ScenarioError) as error:
        gpusim.run(scenario, jobs=table((0.0, 0.5, 60.0)))
    assert "gpus.H100: no empty node of H100 has room for 1 job with up to 97 CPUs on one node" in str(error.value)


def test_a_job_that_asks_for_all_of_a_node_has_room():
    """64.1 CPUs are 64,100 thousandths, for the node as for the job, whatever binary fractions make of them."""
    scenario = limited(**{"gpus.H100.cpus_per_node": 64.1, "workload.classes.train.cpus_per_gpu": 64.1})
    assert gpusim.run(scenario, jobs=table((0.0, 1.0, 60.0))).jobs["status"].tolist() == ["done"]


@pytest.mark.parametrize("cpus", [1e9, 1e16, 1e18])
def test_cpus_that_would_overflow_are_more_than_a_node_has(cpus, tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(f"submit_s,runtime_s,gpus,cpus\n0,60,1,{cpus}\n")
    with pytest.raises(ScenarioError, match="no empty node of H100 has room for 1 job with up to 1,000,000,000"):
        gpusim.run(limited(), jobs=read_trace(str(path)))


def test_a_job_goes_to_the_types_whose_nodes_hold_it():
    """The large one is never sent to nodes on which it would wait for ever, however idle they are."""
    larger = {"sites.here.pools.H200": {"gpus": 8}, "gpus.H200.cpus_per_node": 192.0}
    scenario = limited(**larger, **{"workload.classes.train.cpus_per_gpu": 97.0})
    result = gpusim.run(scenario, jobs=table((0.0, 1.0, 60.0), (1.0, 1.0, 60.0), (2.0, 1.0, 60.0)))
    assert result.jobs["gpu_type"].tolist() == ["H200"] * 3
    assert (result.jobs["status"] == "done").all()


@pytest.mark.parametrize("kept", [{"residency": ["US"]}, {"sites": ["here"]}])
def test_larger_nodes_where_a_job_may_not_run_are_no_room(kept):
    """Told as a fault, not as jobs whose data no link leads from."""
    there = {"sites.there": {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 1.0, "pools": {"H200": {"gpus": 8}}}}
    key = "workload.streams.train." if "residency" in kept else "workload.classes.train."
    changes = {"workload.classes.train.cpus_per_gpu": 97.0, **{key + name: value for name, value in kept.items()}}
    with pytest.raises(ScenarioError, match="gpus.H100: no empty node of H100 has room for"):
        gpusim.run(limited(**there, **changes))


@pytest.mark.parametrize(
    ("cpu_memory", "shares", "tasks"),
    [
        ((9, 18), (1.0, 1.0), (2, 3)),  # two thirds each: 6 of 9 CPUs, 12 of 18 GB
        ((900, 18), (1.0, 1.0), (8, 2)),  # by memory: 8 of 16 GPUs, 8 of 18 GB
        ((9, 18), (1.0, 4.0), (1, 4)),
        ((0, 0), (1.0, 1.0), (8, 8)),  # by GPUs alone
    ],
)
def test_tenants_get_equal_dominant_shares(cpu_memory, shares, tasks):
    """The example of Ghodsi et al. (NSDI 2011), of tasks that take 3 CPUs and 1 GB, or 1 CPU and 4 GB, and others. By
    GPUs alone the second tenant would have two tasks of its three."""
    takes = [(3, 1), (1, 4)]
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, tenant=tenant, asks=takes[tenant]) for _ in range(9) for tenant in range(2)]
    pool = PoolSpec(0, 0, 1, 16, cpu_memory=cpu_memory)
    case = Case(
        jobs, [pool], Scheduling(order=Order.FAIR_SHARE), changes=[Change(0.0, "deliver", 0, 1)], shares=list(shares)
    )
    started = [job.tenant for job, played in zip(jobs, play_case(case, 9.0), strict=True) if played.start_s == 0.0]
    assert (started.count(0), started.count(1)) == tasks


def test_a_gang_holds_all_that_its_nodes_have():
    """Of six nodes of four GPUs, a gang and a job that takes all CPUs of a node hold half of the CPUs, though with nine
    GPUs only: the other tenant, with eleven, has the GPU that comes free. The gang asks for no CPUs."""
    held = [(8, 0, (0, -1)), (1, 0, (12, -1)), (8, 1, (-1, -1)), (3, 1, (-1, -1))]
    jobs = [JobSpec(0.0, gpus, 99.0, 99.0, tenant=tenant, asks=asks) for gpus, tenant, asks in held]
    jobs.append(JobSpec(1.0, 1, 9.0, 9.0, tenant=2))
    jobs += [JobSpec(2.0, 1, 9.0, 9.0, tenant=tenant) for tenant in (0, 1)]
    pool, opening = PoolSpec(0, 0, 6, 4, cpu_memory=(12, 0)), [Change(0.0, "deliver", 0, 6)]
    case = Case(jobs, [pool], Scheduling(order=Order.FAIR_SHARE), changes=opening, shares=[1.0] * 3)
    assert [job.start_s for job in play_case(case, 1000.0)] == [0.0] * 4 + [1.0, 19.0, 10.0]
