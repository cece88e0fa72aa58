"""GPU-time that a rule or a call took: where it was lost, wherever the job is now."""

from gpusim.engine.runs import taken_gpu_s
from gpusim.kernels.state.codes import Cause
from tests.policies.kit import SITE, play

TYPES = {"one": {**SITE, "pools": {"H100": {"gpus": 8}, "H200": {"gpus": 8}}}}


class Moves:
    """Runs everything in the first pool for a while, then in the second."""

    def assign(self, jobs, _pools, _allowed, _speeds, now_s):
        """All in one."""
        return 0 * jobs.pool + (now_s >= 100.0)


def test_work_is_lost_where_it_was_done():
    found = []

    def look(env):
        yield env.at(200.0)
        found.append(taken_gpu_s(env.fleet, Cause.IDLE_RULE, range(2)))

    cycle = {"mode": "cycle", "cycle_s": 50.0}
    result = play(f"{__name__}:Moves", [(0, 1000, 8)], sites=TYPES, scheduler=cycle, processes=[look], interval_s=1e6)
    lost = result.jobs["lost_gpu_s"].item()
    assert lost > 0.0
    assert found == [{0: lost, 1: 0.0}]
