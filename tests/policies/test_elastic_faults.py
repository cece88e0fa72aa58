"""What policies and processes of elastic jobs may not answer, and how it is told."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.errors import PolicyError, ProcessError, ScenarioError
from tests.policies.kit import play
from tests.policies.test_elastic import AMDAHL, CYCLE

HERE = __name__


class TooMany:
    def allocate(self, jobs, now_s):
        return np.full(len(jobs), 12)


def test_answers_beyond_the_range():
    kind = {"c": {**AMDAHL, "max_gpus": 8}}
    with pytest.raises(PolicyError, match="allocate gave job 0 12 GPUs; give 0, or 1 to 8, the range of its class"):
        play(f"{HERE}:TooMany", [(0, 600, 4)], scheduler=CYCLE, classes=kind)

    def grow(env):
        yield env.at(10.0)
        env.set_job_gpus(0, 12)

    with pytest.raises(ProcessError, match="found 12; give a whole number from 1 to 8"):
        play("fifo", [(0, 600, 4)], classes=kind, processes=[grow])


class Sizes:
    """The door of the fleet, with sizes."""

    def __init__(self, pool, gpus):
        self.answer = pool, gpus

    def assign(self, jobs, pools, allowed, speeds, now_s):
        return tuple(np.full(len(jobs), part) for part in self.answer)


@pytest.mark.parametrize(
    ("pool", "gpus", "told"),
    [
        (0, 0, "assign gave job 0 0 GPUs; give 1 at least, or pool -1"),
        (0, 12, "assign gave job 0 12 GPUs; give 0, or 1 to 8, the range of its class"),
        (0, 40, "assign gave job 0 40 GPUs; give 0 to 16, all that the pool has"),
        (0, 2.5, "assign returned float64"),
    ],
)
def test_sizes_that_cannot_be(pool, gpus, told):
    with pytest.raises(PolicyError, match=told):
        play(
            f"{HERE}:Sizes", [(0, 600, 4)], scheduler=CYCLE | {"options": {"pool": pool, "gpus": gpus}},
            classes={"c": {**AMDAHL, "max_gpus": 8}},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"fairnes": -1.0}, "did you mean 'fairness'"),
        ({"fairness": 0.5}, "fairness"),
        ({"at_all": 1.0}, "at_all"),
    ],
)
def test_wrong_options(options, told):
    with pytest.raises(ScenarioError, match=told):
        play("sia", [(0, 1, 1)], scheduler=CYCLE | {"options": options})
