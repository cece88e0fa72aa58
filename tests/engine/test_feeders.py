"""Limits of racks, busways and halls worked out by hand; random cases are compared in `test_reference`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, SiteCaps, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.runs import split_runs
from gpusim.errors import ScenarioError
from gpusim.kernels.feeding import recount
from gpusim.kernels.state.codes import OFF, Capping, Cause, Placement, Tier
from gpusim.results.conservation import check
from gpusim.studies.relief.constraints import counterfactuals
from tests.engine.case_kinds import KINDS, SERVED
from tests.engine.kit import play_case, world
from tests.engine.one_site import one_site
from tests.reference.case import Case, Change, JobSpec
from tests.reference.simulator import simulate

# Nodes of 4 GPUs that draw 40 W idle and 100 W more for each GPU at work.
RACKS = {Tier.RACK: (1, 340.0)}  # three quarters of 400 W above idle
LINEAR = ClassSpec(cap_exponent=1.0)


def played(gpus, feeders, *, n_nodes=4, capping=Capping.ADMISSION, limits_w=(), gpu_w=math.inf):
    """The fleet 1,000 s after jobs of ``gpus`` came to a pool on feeders, under limits of its site (time [s], W)."""
    n = len(gpus)
    pool = PoolSpec(0, 0, n_nodes, 4, compute_w=100.0, node_idle_w=40.0, feeders=feeders, gpu_w=gpu_w)
    runtime_s = np.full(n, 100.0)
    work = Work(np.zeros(n), np.array(gpus), runtime_s, runtime_s, np.zeros(n, "i8"), [([0], 0)])
    rules = Scheduling(placement=Placement.FIRST_FIT)
    env = FleetEnvironment(allocate([pool], 1, work, rules, classes=[LINEAR], caps=[SiteCaps(capping)]))
    env.set_nodes_on(0, n_nodes)

    def change():
        for time_s, limit_w in limits_w:
            yield env.at(time_s)
            env.set_limit(0, limit_w, limit_w)

    env.process(change())
    env.run(until=1000.0)
    env.settle()
    return env.detach()


def throttled_s(fleet):
    """[GPU s] that caps took, of feeders and of the site."""
    booked = split_runs(fleet, np.array([0.0, 1000.0]))[0]
    return float(booked[Cause.THROTTLED_FEEDER].sum()), float(booked[Cause.THROTTLED].sum())


def test_a_rack_that_is_full():
    """300 of 400 W are left above idle: a third longer; who has a rack to itself is as fast as ever."""
    fleet = played([2, 2, 3], RACKS)
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.75, 100.0 / 0.75, 100.0])
    assert throttled_s(fleet) == pytest.approx((4 * (100.0 / 0.75 - 100.0), 0.0))
    assert fleet.feeders["asked_w"].tolist() == [440.0, 340.0, 40.0, 40.0]
    assert fleet.feeders["capped_s"] == pytest.approx([100.0 / 0.75, 0.0, 0.0, 0.0])


def test_a_gang_goes_at_the_pace_of_its_slowest_rack():
    """Gangs on a full busway; then one with a node on each of two, which others fill."""
    feeders = {Tier.BUSWAY: (2, 680.0)}  # 600 W above idle for two nodes
    fleet = played([8, 8], feeders)
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.75] * 2)
    fleet = played([4, 8, 4], {Tier.BUSWAY: (2, 680.0), Tier.HALL: (4, 1e9)})  # the gang has a node on each busway
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.75] * 3)
    assert fleet.feeders["asked_w"].tolist() == [880.0, 880.0, 1760.0]


def test_the_deepest_limit_holds():
    """Racks would leave three quarters, the hall a half, the site five eighths."""
    feeders = {**RACKS, Tier.HALL: (4, 160.0 + 800.0)}
    fleet = played([16], feeders, capping=Capping.UNIFORM, limits_w=[(0.0, 160.0 + 1000.0)])
    assert fleet.jobs["end_s"] == pytest.approx([200.0])
    assert throttled_s(fleet) == pytest.approx((1600.0, 0.0))
    assert fleet.feeders["cap_step"].tolist() == [0] * 5  # it is over
    site = played([16], RACKS, capping=Capping.UNIFORM, limits_w=[(0.0, 160.0 + 1000.0)])
    assert site.jobs["end_s"] == pytest.approx([160.0])
    assert throttled_s(site) == pytest.approx((0.0, 16 * 60.0))


def test_a_limit_of_each_gpu_and_of_each_node():
    """60 of 100 W for a GPU: by sixteenths, 56.25. A node of 300 W leaves 260 for four, in which one has 90."""
    fleet = played([1], {}, gpu_w=60.0)
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.5625])
    assert throttled_s(fleet) == pytest.approx((100.0 / 0.5625 - 100.0, 0.0))
    fleet = played([4, 1], {Tier.NODE: (1, 300.0)}, gpu_w=90.0)
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.625, 100.0 / 0.875])
    assert len(fleet.feeders) == 4


def test_caps_ease_when_neighbours_end():
    """The first is alone on its rack from the second's end on: a quarter slower only until then."""
    fleet = played([2, 2], RACKS)
    assert fleet.jobs["end_s"][0] == fleet.jobs["end_s"][1]
    fleet = played([3, 1, 4, 4, 4, 1], RACKS, n_nodes=4)
    assert fleet.jobs["end_s"][-1] == pytest.approx(100.0 / 0.75 + 100.0)  # waits for a node, and has it alone


def test_no_deeper_than_the_deepest_cap():
    """A rack that carries less than the floor is overloaded rather than stopped; scenarios may not have one."""
    fleet = played([4], {Tier.RACK: (1, 100.0)})
    assert fleet.jobs["end_s"] == pytest.approx([200.0])


@pytest.mark.parametrize("kind", ["feeders of several pools", "services on feeders"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_sums_are_those_of_the_nodes(kind, data):
    """What changed is what a walk through all nodes finds, and what a plain sum over who holds GPUs says."""
    case = data.draw({**KINDS, **SERVED}[kind])
    env, _services = world(case)
    env.run(until=env.at(data.draw(st.sampled_from([3.1, 8.1, 15.1])), EventPriority.OVER))  # between any two changes
    fleet = env.fleet
    kept = fleet.feeder_w.copy()
    node_w, drawn_w = plain_node_w(fleet)
    np.testing.assert_allclose(fleet.node_w[: len(node_w)], node_w[: len(fleet.node_w)], rtol=1e-9, atol=1e-9)
    recount(fleet)
    np.testing.assert_allclose(fleet.feeder_w, kept, rtol=1e-9, atol=1e-9)
    for feeder, sums_w in zip(fleet.feeders, fleet.feeder_w, strict=True):
        mine = node_w[feeder.first_node : feeder.first_node + feeder.n_nodes]
        np.testing.assert_allclose(sums_w, mine.sum(axis=0), rtol=1e-9, atol=1e-9)
        most_w = drawn_w[feeder.first_node : feeder.first_node + feeder.n_nodes].sum()
        assert feeder.cap_step == feeder.cap_steps or most_w <= feeder.limit_w * (1 + 1e-9) + 1e-6


def plain_node_w(fleet):
    """Of each node that hangs on a feeder, what caps leave alone and runs would draw, shape (nodes, 2); its draw."""
    found, drawn_w = np.zeros((len(fleet.nodes), 2)), np.zeros(len(fleet.nodes))
    for n, node in enumerate(fleet.nodes):
        pool = fleet.pools[node.pool]
        if not pool.fed:
            continue
        found[n, 0] = pool.node_idle_w if node.state != OFF else 0.0
        h = node.first_holding
        while h >= 0:
            holding = fleet.holdings[h]
            share = 1.0 / max(-(-holding.gpus // pool.gpus_per_node), 1)
            if holding.kind == 0:
                step = fleet.paces[holding.owner].cap_step if fleet.jobs[holding.owner].paced else 0
                job_w = holding.compute_w + holding.communication_w + holding.checkpoint_w
                found[n, 1] += share * job_w / fleet.cap_draws[step]
                drawn_w[n] += share * job_w
            else:
                found[n, 0] += share * holding.held * pool.serving_w
            h = holding.next_on_node
    return found, drawn_w + found[:, 0]


@pytest.fixture(scope="module")
def fed():
    """Eight nodes, two to a rack whose breaker carries less than both draw at work."""
    return one_site("fed", 0.5, {"feeders": {"rack": {"nodes": 2, "kw": 13.0}}}, grid_mw=1.0)


def test_a_scenario_with_racks(fed):
    """Every law holds; its own cause in the ledger; racks that carry their nodes change nothing at all."""
    result = gpusim.run(fed)
    assert check(result) == []
    hours = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
    assert hours["throttled_feeder"] > 50.0
    assert "throttled" not in hours
    assert result.jobs["throttled_gpu_s"].sum() == pytest.approx(3600.0 * hours["throttled_feeder"])
    found = result.bottlenecks().set_index("cause")["sentence"]
    assert "higher limits there, fewer nodes on each" in found["throttled_feeder"]
    racks = result.feeders
    assert racks["tier"].tolist() == ["rack"] * 4
    np.testing.assert_allclose(racks["asked_w"], 2 * (2760.0 + 8 * 0.95 * 700.0), rtol=0.01)  # but for checkpoints
    assert racks["capped_s"].between(3600.0, 43_200.0).all()
    plain = gpusim.run(fed.with_({"sites.here.pools.H100.feeders": None}))
    strong = gpusim.run(fed.with_({"sites.here.pools.H100.feeders.rack.kw": 20.4}))
    for name in ("jobs", "ledger", "power", "sites"):
        assert strong.tables[name].drop(columns="throttled_gpu_s", errors="ignore").equals(plain.tables[name])


def test_reliefs(fed):
    """All limits of the pool together, where they throttle."""
    both = fed.with_({"sites.here.pools.H100.feeders.hall": {"nodes": 8, "kw": 50.0}})
    found = counterfactuals(both, {("here/H100", "throttled_feeder"): 100.0}, 0.1, 30.0, "useful_gpu_hours")
    (relief,) = (one for one in found if one.constraint == "feeders")
    stronger = relief.scenario(both).sites["here"].pools["H100"].feeders
    assert [one.kw for one in stronger.given.values()] == pytest.approx([14.3, 55.0])


def test_the_reference_without_feeders_is_another():
    """The control of the comparison: a rack that caps, left out of one of the two."""
    pool = PoolSpec(0, 0, 1, 4, compute_w=8.0, node_idle_w=4.0, feeders={Tier.RACK: (1, 20.0)})
    case = Case(
        [JobSpec(0.0, 4, 8.0, 8.0)], [pool], classes=[LINEAR], caps=[(Capping.ADMISSION, 1)],
        changes=[Change(0.0, "nodes", 0, 1)],
    )  # fmt: skip
    assert play_case(case, 100.0) == simulate(case, 100.0)
    assert simulate(case, 100.0)[0].end_s == 16.0
    assert simulate(replace(case, pools=[replace(pool, feeders={})]), 100.0)[0].end_s == 8.0


@pytest.mark.parametrize(
    ("feeders", "says"),
    [
        ({"rack": {"nodes": 2, "kw": 11.0}}, "found 11 kW for 2 nodes that draw 11.42 kW under the deepest cap"),
        (
            {"rack": {"nodes": 2, "kw": 20.0}, "hall": {"nodes": 5, "kw": 90.0}},
            "not a whole number of racks of 2 nodes",
        ),
        ({"rack": {"nodes": 0, "kw": 20.0}}, "feeders.rack.nodes"),
        ({"row": {"nodes": 2, "kw": 20.0}}, "feeders.row"),
        ({"gpu_w": 300.0}, "feeders.gpu_w: found 300 W for GPUs that draw 368.5 W under the deepest cap; give as much"),
        ({"node_kw": 5.0}, "feeders.node_kw: found 5 kW for 1 node that draw 5.708 kW under the deepest cap"),
    ],
)
def test_bad_input(fed, feeders, says):
    with pytest.raises(ScenarioError) as error:
        fed.with_({"sites.here.pools.H100.feeders": feeders})
    assert says in str(error.value)


def test_losses_by_the_square_of_load(fed):
    """Per rated watt, 2% at any load, 4% of load and 3% of its square: at the meter and in the limit at full load."""
    here = {"base_overhead": 0.0, "conversion_loss": 0.04, "fixed_fraction": 0.02, "overhead_per_k": 0.0}
    cooling = {"sites.here.pools.H100.feeders": None, "sites.here.cooling": {**here, "square_loss": 0.03}}
    result = gpusim.run(fed.with_({**cooling, "run.record_s": 1.0, "run.days": 0.02}))
    assert check(result) == []
    power, rated_w = result.power, 64 * 1275.0
    steady = power[(power["it_w"].diff() == 0.0) & (power["it_w"].diff(-1) == 0.0)]  # no change within the second
    assert steady["it_w"].nunique() > 5
    load = steady["it_w"] / rated_w
    np.testing.assert_allclose(steady["facility_w"], rated_w * (0.02 + 1.04 * load + 0.03 * load**2), rtol=1e-9)
    assert result.tables["sites"]["energy_facility_j"][0] == pytest.approx(power["facility_w"].sum(), rel=1e-9)
    full = {"sites.here.grid_mw": 0.06, "sites.here.capping": "uniform", "sites.here.oversubscription": 1.6}
    tight = gpusim.run(fed.with_({**cooling, **full})).power
    assert 0.95 < (tight["facility_w"] / tight["limit_w"]).max() <= 1.0 + 1e-9


def test_caps_give_no_reason_to_stop_a_run(fed):
    """Under the shortest remaining time first; two runs whose ends caps put off would stop each other for ever."""
    result = gpusim.run(fed.with_({"scheduler.order": "srtf", "scheduler.backfill": "none"}))
    assert check(result) == []
    assert result.tables["feeders"]["capped_s"].max() > 0.0
