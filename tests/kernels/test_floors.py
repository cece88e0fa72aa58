"""A search that begins at a floor finds what one from the present finds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels import floors, gaps, timeline
from gpusim.kernels._jit import outer
from gpusim.kernels.state.codes import Backfill
from gpusim.kernels.state.plans import CHUNK_STEPS

AMOUNT = 8
TIMES = st.integers(0, 60)


@outer
def _play(f, steps, found):
    """Of each step (from, to, GPUs taken, GPUs given back, need, length, last start), in turn; then both searches."""
    timeline.open_line(f, 0, AMOUNT, 0.0)
    floors.clear_floors(f, 0)
    for i in range(len(steps)):
        begin_s, end_s, need, span_s = steps[i, 0], steps[i, 1], int(steps[i, 4]), steps[i, 5]
        timeline.add(f, 0, begin_s, end_s, -int(steps[i, 2]))
        if steps[i, 3] > 0:
            timeline.add(f, 0, begin_s, end_s, int(steps[i, 3]))
            floors.pull_floors(f, 0, begin_s, end_s)
        for from_s in (0.0, begin_s):
            floor = floors.floor_class(need, span_s)
            by_floor = floors.earliest_on(f, 0, floor, need, span_s, from_s, steps[i, 6])
            if by_floor != gaps.earliest(f, 0, need, span_s, from_s, steps[i, 6]):
                found[i] = 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            TIMES,
            st.integers(1, 30),
            st.integers(1, 4),
            st.integers(0, 4),
            st.integers(1, AMOUNT),
            st.integers(1, 20),
            st.sampled_from([10.0, 40.0, 200.0]),
        ),
        min_size=1,
        max_size=4 * CHUNK_STEPS,
    )
)
def test_floors_hide_nothing(steps):
    """Whatever is taken and given back, for a need of any class and from any time on."""
    rows = [(begin, begin + span, *rest) for begin, span, *rest in steps]
    work = Work(*(np.ones(1),) * 4, route=np.zeros(1, int), routes=[([0], 0)])
    fleet = allocate([PoolSpec(0, 0, 40, 8)], 1, work, Scheduling(backfill=Backfill.CONSERVATIVE))
    found = np.zeros(len(rows))
    _play(fleet, np.array(rows, float), found)
    assert not found.any()
