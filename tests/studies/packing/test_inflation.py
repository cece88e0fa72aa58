"""Pods on shared GPUs: as a plain simulator places them, hand-worked cases, laws, and how demand is made."""

import numpy as np
import pytest

from gpusim.errors import GpusimError
from gpusim.inputs.pods import Nodes, Pods
from gpusim.inputs.typical import Typical, typical
from gpusim.kernels.packing.place import begin, place
from gpusim.studies.packing.inflation import curves, demanded, inflate, replicate
from gpusim.studies.packing.layout import build, requests_of
from gpusim.studies.packing.policies import POLICIES, named
from tests.reference.packing import Cluster, pods_of
from tests.studies.packing import cases


def _bits(held: int) -> list[int]:
    return [g for g in range(62) if held >> g & 1]


@pytest.mark.parametrize("policy", POLICIES)
def test_as_a_plain_simulator(policy):
    """Node and GPUs of every pod, GPU in use and fragments behind each, on thirty clusters."""
    random = np.random.default_rng(7)
    for _ in range(30):
        nodes, pods = cases.cluster(random, random.integers(1, 7)), cases.workload(random, 60)
        usual, draws, rows = typical(pods), random.random((len(pods), 2)), np.arange(len(pods))
        state = build(nodes, requests_of(nodes, pods), rows, POLICIES[policy].code, draws)
        used, fragments = np.zeros((2, len(pods)), np.int64)
        begin(state)
        place(state, used, fragments)
        plain = Cluster(nodes, usual, policy)
        for pod, row, draw, now, lost in zip(pods_of(pods), state.pods, draws, used, fragments, strict=True):
            assert plain.place(pod, *draw) == (row.node, _bits(row.held) if row.node >= 0 else [])
            assert now == nodes.gpu_milli - sum(sum(node.gpus) for node in plain.nodes)
            assert lost == sum(plain.fragment(node) for node in plain.nodes)


def _published() -> Typical:
    """0.4 of a GPU in five of ten pods, one GPU in three, none in two."""
    return Typical(*(np.array(c) for c in ([0, 0, 0], [1, 1, 0], [400, 1000, 0], ["", "", ""], [5, 3, 2])))


def _node(gpus: int) -> Nodes:
    return Nodes(*(np.array([c]) for c in ("node", 1000, 1000, gpus, "A")))


def _pods(*millis: int) -> Pods:
    n = len(millis)
    names, zeros = np.array([f"pod-{i}" for i in range(n)]), np.zeros(n, np.int64)
    return Pods(names, zeros, zeros, zeros + 1, np.array(millis), np.full(n, ""))


def test_fragmentation_by_hand():
    """[0.5, 0.3] GPU free: F = 0.55; 0.3 more go on the second GPU (F = 0.25), not on the first (F = 0.50)."""
    pods = _pods(500, 700, 300)
    asked = requests_of(_node(2), pods, _published())
    state = build(_node(2), asked, np.arange(3), POLICIES["fgd"].code, np.zeros((3, 2)))
    used, fragments = np.zeros((2, 3), np.int64)
    begin(state)
    assert state.spans[0].fragment == 10 * 400  # both idle: 0.40
    place(state, used, fragments)
    assert fragments.tolist() == [10 * 450, 10 * 550, 10 * 250]  # [0.5, 1], [0.5, 0.3], [0.5, 0]
    assert [_bits(held) for held in state.pods.held] == [[0], [1], [1]]


def test_typical_pods():
    """The most frequent until 95%, of equals the larger; memory does not tell pods apart."""
    pods = _pods(*[1000] * 10, *[500] * 8, 300, 200)
    found = typical(pods)
    assert found.gpu_milli.tolist() == [1000, 500, 300]
    assert found.pods.tolist() == [10, 8, 1]
    assert typical(pods.take(np.arange(18))).pods.tolist() == [10, 8]


def test_demand():
    """Some pods come again, or some do not, until demand is just within its goal."""
    pods = _pods(*[1000] * 40, *[500] * 20)
    more, fewer = demanded(pods, 100_000, 1.3, 0), demanded(pods, 10_000, 1.3, 0)
    assert sorted(set(more[:60])) == list(range(60))
    assert 129_000 < pods.asked_milli[more].sum() <= 130_000
    assert len(set(fewer)) == len(fewer)
    assert 12_000 <= pods.asked_milli[fewer].sum() <= 13_000
    assert not np.array_equal(more, demanded(pods, 100_000, 1.3, 1))


def test_policies_see_the_same_pods():
    """Common random numbers: what is asked is the same under all policies, and in another call."""
    random = np.random.default_rng(3)
    nodes, pods = cases.cluster(random, 8), cases.workload(random, 80)
    asked = [inflate(nodes, pods, policy, seed=4).asked_milli for policy in POLICIES]
    assert all(np.array_equal(asked[0], other) for other in asked)
    first, again = (replicate(nodes, pods, ["fgd", "random"], seeds=range(2)) for _ in range(2))
    assert first.equals(again)


def test_curves():
    """Means by the per cent to which demand rounds; of a per cent without pods those beside it."""
    random = np.random.default_rng(5)
    nodes, pods = cases.cluster(random, 8), cases.workload(random, 80)
    course = inflate(nodes, pods, "fgd")
    table = curves(course, nodes.gpu_milli).set_index("demand_percent")
    demand = np.rint(100.0 * course.asked_milli / nodes.gpu_milli)
    last = course.used_milli[demand == demand.max()].mean()
    assert table["allocated_percent"].iloc[-1] == pytest.approx(100.0 * last / nodes.gpu_milli)
    assert (table["fragment_percent"] <= 100.0 - table["allocated_percent"] + 1e-9).all()


def test_wrong_demand():
    random = np.random.default_rng(1)
    nodes, pods = cases.cluster(random, 4), cases.workload(random, 40)
    with pytest.raises(GpusimError, match="less than the largest pod"):
        replicate(nodes, pods, ["fgd"], 1e-6)
    with pytest.raises(GpusimError, match="at most 50,000,000 are played"):
        replicate(nodes, pods, ["fgd"], 1e9)


def test_names():
    assert named("FGD, best-fit,fgd") == ["fgd", "best-fit"]
    with pytest.raises(GpusimError, match=r"no policy 'bestfit' \(did you mean 'best-fit'\?\), ''; known: random"):
        named("bestfit,,fgd")
