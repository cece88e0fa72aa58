"""Pods that come and go: as a plain simulator plays them, and what is left when all have gone."""

import numpy as np
import pytest

from gpusim.inputs.pods import Pods, TimedPods
from gpusim.inputs.typical import typical
from gpusim.kernels.packing.place import begin
from gpusim.kernels.packing.play import play
from gpusim.rng import stream
from gpusim.studies.packing.layout import build, requests_of
from gpusim.studies.packing.policies import POLICIES
from gpusim.studies.packing.timed import compare, play_trace
from tests.reference import packing as reference
from tests.studies.packing import cases


def trace_of(random: np.random.Generator, n: int) -> TimedPods:
    """In whole seconds, so that ends and arrivals meet; some end at once."""
    return TimedPods(cases.workload(random, n), np.sort(random.integers(0, n, n)), random.integers(0, 40, n) * 1.0)


@pytest.mark.parametrize("policy", POLICIES)
def test_as_a_plain_simulator(policy):
    """Start, node and GPUs of every pod, and the means, on ten clusters where pods wait."""
    random, waited = np.random.default_rng(11), 0
    for case in range(10):
        nodes, trace = cases.cluster(random, random.integers(1, 5)), trace_of(random, 60)
        found = play_trace(nodes, trace, policy, seed=case)
        plain = reference.Cluster(nodes, typical(trace.pods), policy)
        draws = stream(case, "packing", "draws").random((60, 2))
        begun_s = (trace.submit_s - trace.submit_s.min()).tolist()
        theirs = reference.play(plain, reference.pods_of(trace.pods), begun_s, trace.runtime_s.tolist(), draws)
        table = found.pods
        assert np.array_equal(table["start_s"], theirs["starts"], equal_nan=True)
        names = [nodes.name[n] if n >= 0 else "" for n, _ in theirs["places"]]
        assert table["node"].tolist() == names
        assert table["gpus"].tolist() == ["|".join(map(str, gpus)) for _, gpus in theirs["places"]]
        means = theirs["sums"] / found.span_s / 1000.0 / [1, 1, typical(trace.pods).pods.sum()]
        assert [found.used, found.waiting, found.fragment] == pytest.approx(means.tolist())
        waited += int((table["wait_s"] > 0).sum())
    assert waited > 100  # the queue is put to the test


def test_all_is_given_back():
    """When all have gone the cluster is as it was; GPU time in use is that of the pods that ran."""
    random = np.random.default_rng(2)
    nodes, trace = cases.cluster(random, 5), trace_of(random, 300)
    asked = requests_of(nodes, trace.pods)
    order = np.arange(300)
    state = build(nodes, asked, order, POLICIES["fgd"].code, np.zeros((300, 2)))
    state.pods.submit_s, state.pods.runtime_s = trace.submit_s, trace.runtime_s
    before = [
        array.copy() for array in (state.scored_nodes[["cpu_free", "memory_free", "gpu_free", "idle"]], state.gpu_left)
    ]
    begin(state)
    fragment = state.spans[0].fragment
    play(state)
    assert (state.scored_nodes[["cpu_free", "memory_free", "gpu_free", "idle"]] == before[0]).all()
    assert (state.gpu_left == before[1]).all()
    assert (state.node_groups == 0).all()
    assert (state.totals[0].used_milli, state.spans[0].fragment) == (0, fragment)
    ran, last_s = state.pods.node >= 0, trace.submit_s[-1]
    ends_s = np.minimum(state.pods.start_s + trace.runtime_s, last_s)
    held_s = np.maximum(ends_s - state.pods.start_s, 0.0)
    assert state.totals[0].used_milli_s == (trace.pods.asked_milli * held_s)[ran].sum()


def test_by_hand():
    """One GPU: half and half run together; the whole one waits for both, and who needs half passes it."""
    one = np.ones(4, np.int64)
    pods = Pods(np.array(list("abcd")), one, one, one, np.array([500, 300, 1000, 200]), np.full(4, ""))
    trace = TimedPods(pods, np.array([5.0, 6.0, 7.0, 8.0]), np.array([10.0, 4.0, 2.0, 20.0]))
    nodes = cases.Nodes(*(np.array([c]) for c in ("node", 8000, 100, 1, "A")))
    found = play_trace(nodes, trace, "best-fit")
    assert found.pods["start_s"].tolist() == [0.0, 1.0, 23.0, 3.0]
    assert found.pods["end_s"].max() == 25.0
    assert found.span_s == 3.0  # to the last arrival
    assert found.used == pytest.approx((0.5 + 0.8 + 0.8) / 3.0)
    assert found.waiting == pytest.approx(1.0 / 3.0)
    assert play_trace(nodes, trace, "best-fit", speed=2.0).pods["submit_s"].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert list(compare(nodes, trace, ["fgd", "random"])) == ["fgd", "random"]
