"""Start times of every job as other simulators gave them, on known workloads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Backfill, Placement
from gpusim.policies.queue_orders import sjf
from tests.engine.kit import play, starts

FIFO_FIRST, FIFO_BEST = Scheduling(placement=Placement.FIRST_FIT), Scheduling(placement=Placement.BEST_FIT)
EASY = Scheduling(backfill=Backfill.EASY, placement=Placement.FIRST_FIT)
SJF_FIRST, SJF_BEST = (Scheduling(key=sjf, placement=rule) for rule in (Placement.FIRST_FIT, Placement.BEST_FIT))


def _play(
    golden: Path, name: str, nodes: int, rules: Scheduling, by: str = "estimate_s"
) -> tuple[pd.DataFrame, np.ndarray]:
    """Jobs of a workload and our starts [s] of them; ``by`` names the column that serves as the estimate."""
    jobs = pd.read_csv(golden / "inputs" / name)
    return jobs, np.array(starts(play(jobs[["submit_s", "num_gpus", "runtime_s", by]].to_numpy(), nodes, 8, rules)))


@pytest.mark.parametrize(
    ("workload", "nodes", "recorded", "rules"),
    [
        ("jobs_2000_n100.csv.gz", 100, "accasim/jobs_2000_n100/FIFO", FIFO_FIRST),
        ("jobs_10000_L130.csv.gz", 1000, "accasim/jobs_10000_L130/FIFO", FIFO_FIRST),
        ("jobs_2000_n100.csv.gz", 100, "accasim/jobs_2000_n100/SJF", SJF_FIRST),
        ("jobs_2000_n100.csv.gz", 100, "reference/jobs_2000_n100/FIFO", FIFO_FIRST),
    ],
)
def test_starts_of_every_job(golden, workload, nodes, recorded, rules):
    """AccaSim 1.1.3 (FIFO, SJF by estimate) and an independent reference: the same second for every job."""
    jobs, ours = _play(golden, workload, nodes, rules)
    theirs = pd.read_csv(golden / recorded / "jobs.csv.gz").set_index("job_id")["start"]
    assert len(theirs) == len(jobs)
    assert np.array_equal(ours, theirs[jobs["job_id"]].to_numpy())


@pytest.mark.parametrize(("policy", "rules"), [("fifo", FIFO_BEST), ("sjf", SJF_BEST)])
def test_lucid(golden, policy, rules):
    """Lucid's simulator (best fit): FIFO, and SJF by the true runtime."""
    jobs, ours = _play(golden, "jobs_2000_n100.csv.gz", 100, rules, by="runtime_s")
    theirs = pd.read_csv(golden / "lucid/w2000_100x8" / policy / "jobs.csv.gz").set_index("job_id")["first_start"]
    assert np.array_equal(ours, theirs[jobs["job_id"]].to_numpy())


@pytest.mark.parametrize(("name", "starts_s"), [("tiny_early", [0, 100, 150]), ("tiny_reserve", [0, 100, 150, 3])])
def test_tiny_cases_of_easy(golden, name, starts_s):
    """A reservation that is kept, and one that moves when a job ends before its estimate."""
    _jobs, ours = _play(golden, f"{name}.csv", 1, EASY)
    assert ours.tolist() == starts_s
    assert ours.tolist() == pd.read_csv(golden / "reference" / f"{name}_EASY.csv")["start"].tolist()


def test_easy_on_a_real_queue(golden):
    """A textbook EASY waits 156 s on average where FIFO waits 1,002 s; its waits are nearly ours."""
    jobs, ours = _play(golden, "jobs_2000_n100.csv.gz", 100, EASY)
    theirs = pd.read_csv(golden / "reference/jobs_2000_n100/EASY/jobs.csv.gz").set_index("job_id")["wait"]
    wait_s = ours - jobs["submit_s"].to_numpy()
    assert wait_s.mean() == pytest.approx(theirs.mean(), rel=0.15)
    assert (wait_s == theirs[jobs["job_id"]].to_numpy()).mean() > 0.85
