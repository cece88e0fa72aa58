"""Placements that score nodes, in scenarios: what a run of one says, what goes with them, and what does not."""

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.layout import scored_nodes
from gpusim.engine.layout.fleet import allocate
from gpusim.errors import GpusimError, PolicyError, ScenarioError
from gpusim.kernels.state.codes import Placement, Status
from gpusim.report.catalogue import policy_tables
from gpusim.results.conservation import check
from gpusim.results.measure import Measure, absent
from gpusim.results.outcome import outcome
from gpusim.scenario.placements import PLACEMENTS, SCORED
from gpusim.scenario.scheduler import Scheduler
from tests.engine.kit import play, starts
from tests.engine.test_sharing import sharing


def scored(placement: str, **changes) -> gpusim.Scenario:
    """A busy day of parts of GPUs, of whole ones and of urgent jobs, on nodes with few CPUs, some of which fail."""
    return sharing(
        **{
            "scheduler.placement": placement,
            "scheduler.preemption": "priority",
            "gpus.H100.cpus_per_node": 64.0,
            "workload.classes.train.cpus_per_gpu": 7.5,
            "failures.causes": {"board": {"per_1000_days": 2000.0}},
            **changes,
        }
    )


@pytest.mark.parametrize("placement", SCORED)
def test_a_day(placement):
    """All GPU-time is accounted for, some GPUs are in fragments, and the same seed gives the same run."""
    result, again = (gpusim.run(scored(placement), seed=3) for _ in range(2))
    assert check(result) == []
    assert result.failures.shape[0] > 5
    assert 0.0 < result.pools["fragment_gpus"].mean() < 64.0
    assert (result.pools["fragment_gpus"] <= result.pools["energised_gpus"] + 1e-9).all()
    assert result.jobs.equals(again.jobs)
    assert result.pools.equals(again.pools)


def test_the_measure():
    """The mean over time of what the pools table says; a figure of placements that score nodes alone."""
    scenario = scored("fgd")
    result = gpusim.run(scenario)
    figures = outcome(result).set_index("measure")["value"]
    assert figures["fragment_gpus"] == pytest.approx(result.pools["fragment_gpus"].mean())
    plain = scenario.with_({"scheduler.placement": "best_fit"})
    assert "fragment_gpus" not in gpusim.run(plain).pools
    measure = Measure.parse("fragment_gpus")
    assert absent(measure, scenario) == ""
    assert "this one is best_fit" in absent(measure, plain)


def test_fragments_are_weighed_against_what_jobs_ask_for():
    """On [0.5, 0.3] of two GPUs a third of 0.3 goes on the second under FGD, since most jobs ask for 0.5."""
    jobs = [(0.0, 1, 100.0, 100.0), (0.0, 1, 100.0, 100.0), (1.0, 1, 100.0, 100.0), *[(2.0, 1, 50.0, 50.0)] * 7]
    milli = np.array([500, 700, 300, *[500] * 7])
    fleet = play(jobs, 1, 2, Scheduling(placement=Placement.FGD), milli=milli)
    assert starts(fleet)[:4] == [0.0, 0.0, 1.0, 2.0]
    spread = play(jobs, 1, 2, Scheduling(placement=Placement.SPREAD), milli=milli)
    assert starts(spread)[3] > 2.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheduler.placement": "fdg"}, r"did you mean 'fgd'"),
        (
            {"scheduler.backfill": "conservative"},
            'backfill = "conservative" with placement = "fgd"; give "none" or "easy"',
        ),
        ({"scheduler.preemption": "order"}, 'preemption = "order" with placement = "fgd"; give "none" or "priority"'),
        (
            {"scheduler.order": "las", "workload.share_gpus": False},
            "order = 'las' with placement = \"fgd\"; give one of fifo",
        ),
        (
            {"scheduler.order": "finish_time", "scheduler.mode": "cycle"},
            "order = 'finish_time' with placement = \"fgd\"; give one of fifo",
        ),
        ({"gpus.H100.gpus_per_node": 64}, "of more than 62 GPUs a node; give one of best_fit, first_fit, spread"),
        ({"scheduler.placement": "best_fit", "scheduler.dispatch": "best_node"}, "give one of random, dot_product"),
    ],
)
def test_what_does_not_go_with_them(changes, said):
    with pytest.raises(ScenarioError) as error:
        scored("fgd", **changes)
    assert said.replace("\\", "") in str(error.value)


def test_all_that_does_not_go_with_them_is_said_together():
    small = gpusim.Scenario.from_toml("seeds/small.toml")
    changes = {"placement": "fgd", "order": "las", "preemption": "order", "backfill": "conservative"}
    with pytest.raises(ScenarioError) as error:
        small.with_({f"scheduler.{key}": value for key, value in changes.items()})
    for said in ("order = 'las' with", 'backfill = "conservative" with', 'preemption = "order" with', "services.chat"):
        assert str(error.value).count(said) == 1
    assert len(str(error.value).splitlines()) == 5  # a heading, and a fault on each line


def test_services_do_not_go_with_them():
    small = gpusim.Scenario.from_toml("seeds/small.toml")
    with pytest.raises(
        ScenarioError, match=r"with services\.chat, whose replicas it does not place; give one of best_fit"
    ):
        small.with_({"scheduler.placement": "fgd"})


def test_sizes_stay():
    def grow(env):
        yield env.at(3600.0)
        env.set_job_gpus(int(np.flatnonzero(env.fleet.jobs["status"] == Status.RUNNING)[0]), 2)

    with pytest.raises(GpusimError, match=r"env\.set_job_gpus: .*give scheduler\.placement best_fit"):
        gpusim.run(scored("fgd"), processes=[grow])


def test_scores_have_bounds(monkeypatch):
    monkeypatch.setattr(scored_nodes, "MOST_SCORES", 5)
    columns = np.arange(1.0, 4.0)
    work = Work(columns, np.arange(1, 4), columns, columns, np.zeros(3, int), [([0], 0)])
    with pytest.raises(
        PolicyError, match='"fgd" keeps a score of each of 3 kinds of jobs on each of 2 nodes; at most 5'
    ):
        allocate([PoolSpec(0, 0, 2, 4)], 1, work, Scheduling(placement=Placement.FGD))


def test_no_jobs():
    """A run without jobs has no fragments: nothing is usual."""
    result = gpusim.run(scored("fgd", **{"workload.streams": {}}))
    assert (result.pools["fragment_gpus"] == 0.0).all()


def test_all_are_listed():
    """``gpusim policies`` has every placement with its rule and what it takes."""
    listed = policy_tables()[-1]
    assert {Scheduler(placement=name).placement for name in PLACEMENTS} == set(PLACEMENTS)
    assert [str(cell) for cell in listed.columns[0].cells] == list(PLACEMENTS)
    assert all(str(cell) for column in listed.columns[:3] for cell in column.cells)
    assert {Placement[name.upper()].by_score for name in SCORED} == {True}
    assert {Placement[name.upper()].by_score for name in PLACEMENTS if name not in SCORED} == {False}
