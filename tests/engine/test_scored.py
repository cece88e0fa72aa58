"""Placement by score: the same GPUs of the same nodes as in the plain simulator, and the same fragments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.engine.clock import EventPriority
from tests.engine.case_kinds import KINDS
from tests.engine.kit import world
from tests.engine.test_reference import EXAMPLES
from tests.reference.scored import left_of
from tests.reference.simulator import Simulator


@pytest.mark.parametrize(
    "kind", ["scored", "scored, CPUs, memory", "scored, preempted", "scored, whole GPUs", "scored, spares"]
)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_gpus_of_every_node(kind, data):
    """What is left of each GPU at some moment, who shares which, fragments then, and integrated over time."""
    case, until_s = data.draw(KINDS[kind]), data.draw(st.sampled_from([3.5, 8.0, 12.0, 20.0]))
    plain = Simulator(case)
    sums = [0.0] * len(plain.pools)

    def add(span_s: float) -> None:
        for p, pool in enumerate(plain.pools):
            sums[p] += span_s * plain.scored.fragment_milli(pool)

    plain.env.passing = [add]
    plain.play(until_s)
    env, _services = world(case)
    env.run(until=env.at(until_s, EventPriority.OVER))
    env.settle()
    fleet = env.fleet
    for pool, row in zip(plain.pools, fleet.pools, strict=True):
        for node in pool.nodes:
            n = row.first_node + node.index
            assert fleet.gpu_left[n, : node.size].tolist() == left_of(node)
    assert fleet.spans["fragment"].tolist() == [plain.scored.fragment_milli(pool) for pool in plain.pools]
    integrals = fleet.spans["fragment_s"] + fleet.spans["fragment"] * (until_s - fleet.spans["since_s"])
    assert integrals.tolist() == pytest.approx(sums)
