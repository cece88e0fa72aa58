"""Who shall have which GPUs gets them in the same way, whoever decides it: a pass, or a policy in Python."""

import numpy as np
import pytest

from tests.policies.kit import ends, play

CYCLE = {"mode": "cycle", "cycle_s": 10.0}
GRANTED = [8, 0, 16]  # GPUs: what runs, the first that waits, and more than there are


class Pool:
    """Gives each job of a pool what it asks for."""

    def allocate(self, jobs, _now_s):
        """All."""
        return jobs.gpus


class Fleet:
    """Gives each job of the fleet what it asks for, where it waits."""

    def assign(self, jobs, _pools, _allowed, _speeds, _now_s):
        """All."""
        return jobs.pool


class OneOfPool:
    """Lets the first that waits wait."""

    def allocate(self, jobs, _now_s):
        """By job."""
        return np.array(GRANTED)[jobs.job]


class OneOfFleet:
    """The same."""

    def assign(self, jobs, _pools, _allowed, _speeds, _now_s):
        """By job."""
        gpus = np.array(GRANTED)[jobs.job]
        return np.where(gpus > 0, jobs.pool, -1), gpus


@pytest.mark.parametrize(
    ("order", "scheduler"), [("srtf", {}), (f"{__name__}:Pool", CYCLE), (f"{__name__}:Fleet", CYCLE)]
)
def test_the_larger_start_first(order, scheduler):
    """Apart on two nodes, as they came and as they are sorted, the small ones would leave no room for the large one."""
    jobs = [(0, 50, 4), (0, 50, 4), (0, 100, 8)]
    assert ends(play(order, jobs, scheduler={**scheduler, "placement": "spread"})) == [50.0, 50.0, 100.0]


@pytest.mark.parametrize("order", [f"{__name__}:OneOfPool", f"{__name__}:OneOfFleet"])
def test_the_rest_waits_for_what_the_first_lacks_that_should_have_gpus(order):
    """Not because of the policy, as the first that waits would."""
    jobs = [(0, 1000, 8), (10, 100, 8), (10, 100, 16)]
    waits = play(order, jobs, scheduler=CYCLE, days=0.005).job_waits
    assert waits[waits["wait_s"] > 0.0].groupby("job_id")["cause"].agg(list).to_dict() == {1: ["busy"], 2: ["busy"]}
