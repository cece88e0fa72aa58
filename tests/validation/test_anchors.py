"""Every anchor holds, in its quick version (cheap ones in full)."""

from heapq import heappop, heappush

import numpy as np
import pytest

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Status
from gpusim.validation.anchor import FULL, QUICK, Effort, Row
from gpusim.validation.cases import LAWS, play, poisson_arrivals, stream, work
from gpusim.validation.suite import ANCHORS

CHEAP = (9, 10, 14)  # statistical, but a full run takes a few seconds


@pytest.mark.parametrize("item", ANCHORS)
def test_anchor(item):
    """All figures within their tolerances."""
    rows = list(ANCHORS[item](FULL if item in CHEAP else QUICK))
    assert rows
    assert {row.item for row in rows} == {item}
    off = [f"{row.what}: {row.expected:.6g} expected, {row.ours:.6g} found" for row in rows if not row.passed]
    assert not off


def test_loss_system_job_by_job():
    """Who is turned away by 16 GPUs without waiting room is the same as in a plain heap of ends."""
    n = 200_000
    submit_s = poisson_arrivals(stream("heap", "arrivals"), 12.8, n)
    runtime_s = LAWS["lognormal cv2=4"](stream("heap", "runtimes"), n)
    ends, refused = [], []
    for j, (submit, runtime) in enumerate(zip(submit_s.tolist(), runtime_s.tolist(), strict=True)):
        while ends and ends[0] <= submit:
            heappop(ends)
        if len(ends) == 16:
            refused.append(j)
        else:
            heappush(ends, submit + runtime)
    fleet = play(work(submit_s, runtime_s), [(16, 1)], Scheduling(queue_limit=0))
    assert np.flatnonzero(fleet.jobs["status"] == Status.REJECTED).tolist() == refused
    assert 0.07 * n < len(refused) < 0.09 * n


def test_easy_anchor_is_not_idle():
    """Tens of thousands of heads were promised a start: the promise is put to the test."""
    promises = [row.expected for row in ANCHORS[14](FULL) if "heads promised" in row.what]
    assert min(promises[:2]) > 20_000
    assert promises[2] > 4_000  # gangs of whole nodes


def test_effort():
    """A sixteenth of the work, tolerances four times as wide; runs are dropped before they are shortened."""
    assert (QUICK.runs(16), QUICK.size(16, 1_000_000), QUICK.widen(0.01)) == (1, 1_000_000, 0.04)
    assert (QUICK.runs(1), QUICK.size(1, 400_000)) == (1, 25_000)
    assert (FULL.runs(10), FULL.size(10, 1_000_000), FULL.widen(0.01)) == (10, 1_000_000, 0.01)
    assert Effort(0.25).runs(16) == 4


@pytest.mark.parametrize(
    ("expected", "ours", "tolerance", "passed"),
    [
        (4.0, 4.04, 0.0101, True),
        (4.0, 4.05, 0.0101, False),
        (0.0, 1e-10, 1e-9, True),
        (0.0, 1e-8, 1e-9, False),
        (10.0, 10.000001, 0.0, False),
        (1.0, float("nan"), 0.5, False),
    ],
)
def test_verdict(expected, ours, tolerance, passed):
    """Relative, absolute about 0, exact; what is no number fails."""
    assert Row(1, "figure", expected, ours, tolerance).passed is passed
