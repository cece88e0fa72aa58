"""Jobs that share GPUs: by hand, in whole scenarios, and what does not go with them. At random: ``test_reference``."""

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.errors import PolicyError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces import read_trace
from gpusim.kernels.state.codes import Backfill, Placement
from gpusim.policies.indices import RemainingTime
from gpusim.results.conservation import check
from tests.engine.kit import play, play_case, starts
from tests.engine.one_site import one_site
from tests.inputs.trace_samples import OPENB
from tests.reference.case import Case, Change, JobSpec

ROUNDED = "fractions of a GPU rounded up to whole GPUs"


def sharing(**changes) -> gpusim.Scenario:
    """A busy day on which two thirds of the jobs ask for a part of a GPU."""
    sizes = {"0.25": 0.4, "0.5": 0.2, "0.7": 0.1, "1": 0.1, "8": 0.2}
    changes = {"workload.share_gpus": True, "workload.streams.train.gpus": sizes, **changes}
    return one_site("shared", 1.0, {}, grid_mw=1.0).with_({"workload.streams.train.jobs_per_day": 600.0, **changes})


def table(*jobs: tuple[float, float, float], job_class: str = "train") -> JobTable:
    """Jobs of (submission [s], parts of a GPU, run time [s])."""
    submit_s, part, runtime_s = np.array(jobs).T
    milli = np.where(part < 1.0, part * 1000, 0)
    return JobTable.build({"job_class": [job_class]}, submit_s=submit_s, gpu_milli=milli, runtime_s=runtime_s)


def test_parts_of_a_gpu_run_side_by_side():
    """Two halves fill a GPU; a third waits until one of them leaves; a whole one until both have."""
    jobs = [(0.0, 1, 10.0, 10.0), (0.0, 1, 20.0, 20.0), (1.0, 1, 5.0, 5.0), (2.0, 1, 5.0, 5.0)]
    fleet = play(jobs, 1, 1, Scheduling(), milli=np.array([500, 500, 500, 0]))
    assert starts(fleet) == [0.0, 0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("rule", "begins_s"), [(Placement.BEST_FIT, 10.0), (Placement.FIRST_FIT, 20.0), (Placement.SPREAD, 20.0)], ids=str
)
def test_which_shared_gpu_a_job_joins(rule, begins_s):
    """That with the least room (the second), the first, or that with the most: a whole job gets the other one."""
    jobs = [(0.0, 1, 10.0, 10.0), (0.0, 1, 20.0, 20.0), (1.0, 1, 99.0, 99.0), (2.0, 1, 1.0, 1.0)]
    fleet = play(jobs, 2, 1, Scheduling(placement=rule), milli=np.array([500, 625, 250, 0]))
    assert starts(fleet) == [0.0, 0.0, 1.0, begins_s]


def test_nobody_joins_a_gpu_that_was_promised():
    """Under EASY the GPU that comes free first is kept for the whole job: a short part may join it, a long one not."""
    jobs = [(0.0, 1, 10.0, 10.0), (0.0, 1, 50.0, 50.0), (1.0, 1, 10.0, 10.0), (2.0, 1, 20.0, 20.0), (3.0, 1, 5.0, 5.0)]
    fleet = play(jobs, 2, 1, Scheduling(backfill=Backfill.EASY), milli=np.array([500, 750, 0, 500, 500]))
    assert starts(fleet) == [0.0, 0.0, 10.0, 20.0, 3.0]
    fleet = play(jobs, 2, 1, Scheduling(), milli=np.array([500, 750, 0, 500, 500]))
    assert starts(fleet) == [0.0, 0.0, 10.0, 20.0, 20.0]


def test_a_node_that_fails_interrupts_all_who_share_its_gpus():
    """And what they hold comes back when it is repaired."""
    jobs = [JobSpec(0.0, 1, 10.0, 10.0, milli=milli) for milli in (250, 250, 500, 750)]
    changes = [Change(0.0, "deliver", 0, 1), Change(4.0, "fail", 0), Change(6.0, "repair", 0)]
    played = play_case(Case(jobs, [PoolSpec(0, 0, 1, 2)], changes=changes), 1000.0)
    assert [(job.evictions, job.start_s, job.end_s) for job in played] == [(1, 6.0, 16.0)] * 4


@pytest.mark.parametrize(
    "changes",
    [
        {"scheduler.placement": "spread", "scheduler.order": "largest"},
        {"scheduler.backfill": "none", "scheduler.preemption": "priority", "workload.streams.train.preemptible": True},
        {"scheduler.mode": "cycle", "failures.mix": "llama3", "sites.here.pools.H100.spare_nodes": 1},
        {"sites.here.grid_mw": 0.06, "sites.here.capping": "uniform"},
        {"sites.here.pools.H100.gpus": [{"at": 0.0, "value": 32}, {"at": 0.5, "value": 64}]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_happens_all_is_conserved(changes):
    result = gpusim.run(sharing(**changes))
    assert check(result) == []
    assert (result.jobs["gpus"] < 1.0).sum() > 250
    assert (result.jobs["status"] == "done").sum() > 100


def test_gpu_time_goes_by_parts():
    """A quarter alone on a GPU for an hour trains for a quarter of it; the rest of the GPU is a fragment."""
    result = gpusim.run(sharing(), jobs=table((0.0, 0.25, 3600.0)))
    booked = result.ledger.groupby("cause")["gpu_s"].sum()
    assert booked["training"] == pytest.approx(900.0)
    assert booked["idle_fragmented"] == pytest.approx(2700.0)
    job = result.jobs.iloc[0]
    assert (job.gpus, job.gpu_s, job.held_gpu_s) == (0.25, pytest.approx(900.0), pytest.approx(900.0))


def test_parts_draw_by_parts():
    """Four quarters draw together what one whole GPU does, and so does their site."""
    parts = gpusim.run(sharing(), jobs=table(*[(0.0, 0.25, 3600.0)] * 4))
    whole = gpusim.run(sharing(), jobs=table((0.0, 1.0, 3600.0)))
    assert parts.jobs["energy_j"].sum() == pytest.approx(whole.jobs["energy_j"].sum(), rel=1e-12)
    for name in ("energy_it_mwh", "cost_usd"):
        if name in whole.tables["costs"]:
            assert parts.tables["costs"][name].sum() == pytest.approx(whole.tables["costs"][name].sum(), rel=1e-12)


def test_parts_of_runs_say_what_part_they_were():
    result = gpusim.run(sharing(**{"sites.here.grid_mw": [{"at": 0.0, "value": 1.0}, {"at": 0.5, "value": 0.0}]}))
    segments = result.tables["job_segments"]
    asked = result.jobs.set_index("job_id")["gpus"]
    assert (segments["gpus"] == segments["job_id"].map(asked)).all()
    assert (segments["gpus"] < 1.0).any()


def test_without_share_gpus_each_takes_a_whole_one():
    """As ever: the table counts whole GPUs, in whole numbers."""
    scenario = sharing(**{"workload.streams": {}}).with_({"workload.share_gpus": False})
    result = gpusim.run(scenario, jobs=table((0.0, 0.25, 3600.0), (0.0, 0.25, 3600.0)))
    assert result.jobs["gpus"].dtype.kind == "i"
    assert result.jobs["gpu_s"].tolist() == pytest.approx([3600.0, 3600.0])


def test_a_trace_brings_its_parts(tmp_path):
    """Pods of openb: 460 thousandths of a GPU are that, or a whole one, which the notes then say."""
    path = tmp_path / "openb_pod_list_default.csv"
    path.write_text(OPENB)
    assert read_trace(str(path)).asked().tolist() == [1.0, 8.0, 0.46]
    changes = {"workload.streams": {}, "workload.trace": str(path), "workload.trace_gpu_types": ["H100"]}
    shared = gpusim.run(sharing(**{**changes, "run.days": 150.0, "run.record_s": 86400.0}))
    assert sorted(shared.jobs["gpus"]) == [0.46, 1.0, 8.0]
    assert not any(ROUNDED in note for note in shared.manifest["notes"])
    rounded = gpusim.run(sharing(**changes).with_({"workload.share_gpus": False}))
    assert any(f"{ROUNDED}: 1" in note for note in rounded.manifest["notes"])


def shortest(jobs):
    """The built-in order ``sjf``, by hand."""
    return jobs.estimate_s


def shortest_left(_jobs):
    return RemainingTime()


class InRounds:
    def order(self, queue, now_s):
        return np.arange(len(queue))


LIMITED = {"workload.share_gpus": False, "workload.streams.train.gpus": {"1": 1.0}, "gpus.H100.cpus_per_node": 96.0}


@pytest.mark.parametrize("changes", [{}, {"scheduler.preemption": "priority"}, LIMITED], ids=["share", "evict", "CPUs"])
def test_keys_of_your_own(changes):
    """They order the queue of parts, and of jobs that take CPUs, as the same built-in order does, with EASY."""
    by_hand = gpusim.run(sharing(**{**changes, "scheduler.order": f"{__name__}:shortest"}))
    assert by_hand.jobs.equals(gpusim.run(sharing(**{**changes, "scheduler.order": "sjf"})).jobs)
    assert check(by_hand) == []


@pytest.mark.parametrize("changes", [{}, LIMITED], ids=["share", "CPUs"])
@pytest.mark.parametrize(
    ("name", "says"), [("shortest_left", "a key that changes as jobs run"), ("InRounds", "decides in rounds")]
)
def test_other_policies_of_your_own_are_refused(name, says, changes):
    changes = {**changes, "scheduler.order": f"{__name__}:{name}", "scheduler.mode": "cycle"}
    key = "gpus.H100.cpus_per_node" if "gpus.H100.cpus_per_node" in changes else "workload.share_gpus"
    with pytest.raises(PolicyError, match=f"{says}.*does not go with {key}; give jobs a number that stands"):
        gpusim.run(sharing(**changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scheduler.order": "srtf"}, "scheduler.order: found 'srtf' with workload.share_gpus; give one of fifo, sjf"),
        ({"scheduler.order": "fair_share"}, "scheduler.order: found 'fair_share'"),
        ({"scheduler.order": "gavel", "scheduler.mode": "cycle"}, "scheduler.order: found 'gavel'"),
        ({"scheduler.preemption": "order"}, 'scheduler.preemption: found "order"'),
        ({"scheduler.backfill": "conservative"}, 'scheduler.backfill: found "conservative"'),
        ({"tenants.lab.quota_gpus": {"H100": 8}}, "tenants.lab.quota_gpus: found a quota"),
        ({"workload.share_gpus": False}, 'streams.train.gpus: found "0.25", a part of a GPU; set workload.share_gpus'),
        ({"workload.streams.train.gpus": {"1.5": 1.0}}, "size 1.5 is not a whole number of GPUs"),
        ({"workload.streams.train.gpus": {"0.0": 1.0}}, "size 0.0 is not a whole number of GPUs"),
    ],
)
def test_what_does_not_go_together_is_told(changes, says):
    with pytest.raises(ScenarioError) as error:
        sharing(**changes)
    assert says in str(error.value)


def test_rejected_parts_are_told_as_parts():
    """In the story of the run and in its bottlenecks, "0.25 GPUs" and not 0; whole GPUs beside them are whole."""
    lawless = {"home": [""], "gpu_types": ["B200"], "job_class": ["train"]}
    for parts, event, sentence in (([250, 250], "2 jobs of 0.25 GPUs", "2 jobs of 0.25 GPUs"),
                                   ([250, 0], "2 jobs of 0.25 to 1 GPUs", "2 jobs of up to 1 GPU ")):  # fmt: skip
        jobs = JobTable.build(lawless, submit_s=np.zeros(2), runtime_s=np.full(2, 60.0), gpu_milli=np.array(parts))
        result = gpusim.run(sharing(), jobs=jobs)
        assert result.events["detail"].str.startswith(event).any()
        assert result.bottlenecks()["sentence"].str.contains(sentence).any()
