"""CPUs and memory of nodes: who starts where they are limited, by hand and in whole scenarios. At random:
``test_reference``."""

import numpy as np
import pytest

import gpusim
from gpusim.analysis.conservation import check
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.errors import ScenarioError
from gpusim.inputs.traces import read_trace
from gpusim.kernels.state.codes import Placement
from tests.engine.kit import play_case
from tests.engine.test_sharing import sharing, table
from tests.inputs.trace_samples import OPENB
from tests.reference.case import Case, Change, JobSpec

NODE = {"gpus.H100.cpus_per_node": 96.0, "gpus.H100.memory_gb_per_node": 1024.0, "scheduler.backfill": "none"}


def limited(**changes) -> gpusim.Scenario:
    """``sharing`` on nodes whose CPUs and memory are limited."""
    return sharing(**{**NODE, **changes})


def begins_s(
    jobs: list[JobSpec], cpu_memory: tuple[int, int], placement: Placement = Placement.BEST_FIT
) -> list[float]:
    """Starts of jobs on two nodes of 4 GPUs."""
    pool = PoolSpec(0, 0, 2, 4, cpu_memory=cpu_memory)
    case = Case(jobs, [pool], Scheduling(placement=placement), changes=[Change(0.0, "deliver", 0, 2)])
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


def test_cpus_that_are_short_leave_gpus_in_fragments():
    """Classes of 24 CPUs for each GPU fill 96 with four GPUs of eight: the others are fragmented while jobs wait."""
    small = {"workload.streams.train.gpus": {"0.5": 0.5, "1": 0.5}, "workload.streams.train.jobs_per_day": 1500.0}
    few = gpusim.run(limited(**small, **{"workload.classes.train.cpus_per_gpu": 24.0}))
    many = gpusim.run(limited(**small))
    assert check(few) == check(many) == []
    lost = [one.ledger.groupby("cause")["gpu_s"].sum()["idle_fragmented"] for one in (few, many)]
    assert lost[0] > 2.0 * lost[1]
    assert few.jobs["wait_s"].mean() > many.jobs["wait_s"].mean()


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
        ({"scheduler.backfill": "easy"}, 'scheduler.backfill: found "easy" with gpus.H100.cpus_per_node; give "none"'),
        (
            {"scheduler.order": "las"},
            "scheduler.order: found 'las' with gpus.H100.cpus_per_node; give one of fifo",
        ),
        ({"scheduler.preemption": "priority"}, 'scheduler.preemption: found "priority"'),
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
