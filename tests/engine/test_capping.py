"""Power caps worked out by hand; random cases are compared in `test_reference` and `test_energies`."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.engine.capping import cap_tables, steps_of
from gpusim.engine.description import ClassSpec, PoolSpec, Replicas, Scheduling, SiteCaps, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate, lay_out
from gpusim.engine.runs import split_runs
from gpusim.errors import ScenarioError
from gpusim.kernels.state.codes import Capping, Cause
from gpusim.results.conservation import check
from gpusim.scenario.site import planned_w
from gpusim.studies.relief.constraints import counterfactuals
from tests.engine.one_site import one_site

# 8 GPUs that draw 10 W idle and 100 W more at work: 80 W, and 800 W more with all at work.
POOL = PoolSpec(0, 0, 1, 8, idle_w=10.0, compute_w=100.0, node_idle_w=80.0)
LINEAR = ClassSpec(cap_exponent=1.0)


def played(limits_w, *, capping=Capping.UNIFORM, floor=0.5, classes=(LINEAR,), priority=0, job_class=0, pool=POOL):
    """The fleet after two jobs of 100 s, on 4 GPUs each, under limits (time [s], W)."""
    runtime_s = np.full(2, 100.0)
    work = Work(
        np.zeros(2), np.full(2, 4), runtime_s, runtime_s, np.zeros(2, "i8"), [([0], 0)], priority=np.array(priority),
        job_class=np.array(job_class),
    )  # fmt: skip
    env = FleetEnvironment(
        allocate([pool], 1, work, Scheduling(), classes=list(classes), caps=[SiteCaps(capping, floor)])
    )
    env.set_nodes_on(0, 1)

    def change():
        for time_s, limit_w in limits_w:
            yield env.at(time_s)
            env.set_limit(0, limit_w, limit_w)

    env.process(change())
    env.run(until=1000.0)
    env.settle()
    return env.detach()


def throttled_s(fleet):
    """[GPU s] that caps took."""
    return float(split_runs(fleet, np.array([0.0, 1000.0]))[0][Cause.THROTTLED].sum())


def test_a_uniform_cap():
    """680 of 880 W: a quarter off 800 W for both, so that each takes 100 / 0.75 s, and no joule more above idle."""
    fleet = played([(0.0, 680.0)])
    assert fleet.jobs["end_s"] == pytest.approx([100.0 / 0.75] * 2)
    assert fleet.sites["peak_w"][0] == 680.0
    assert throttled_s(fleet) == pytest.approx(8 * (100.0 / 0.75 - 100.0))
    assert fleet.jobs["energy_j"] == pytest.approx([4 * (100.0 / 0.75 * 10.0 + 100.0 * 100.0)] * 2)
    assert fleet.sites["energy_j"].sum() == pytest.approx(1000.0 * 80.0 + 800.0 * 100.0)


def test_a_limit_that_falls_below_the_deepest_caps():
    """From 50 s at half: 480 W. At 90 s even half of both is too much: the later row goes, and waits for the first."""
    fleet = played([(0.0, 880.0), (50.0, 480.0), (90.0, 300.0), (150.0, 880.0)])
    first, second = fleet.jobs
    assert (first.evictions, second.evictions) == (0, 1)
    assert fleet.jobs["end_s"][0] == pytest.approx(50.0 + 40.0 + 30.0 / 0.5)  # under its cap of half up to its end
    assert second.start_s == pytest.approx(150.0)


def test_caps_ease_where_there_is_room_to_spare():
    """At 40 s, with 30 s done, the limit rises. 880 W would do, but leave nothing free: a step of 50 W stays."""
    for limit_w, end_s in ((880.0, 40.0 + 70.0 / (15 / 16)), (910.0, 40.0 + 70.0)):
        fleet = played([(0.0, 680.0), (40.0, limit_w)])
        assert fleet.jobs["end_s"] == pytest.approx([end_s] * 2)


def test_low_priority_first():
    """200 W off: the job of low priority gives half of its 400."""
    fleet = played([(0.0, 680.0)], capping=Capping.PRIORITY, priority=[1, 0])
    assert fleet.jobs["end_s"].tolist() == [100.0, pytest.approx(150.0)]  # from 100 s on it is alone, without a cap


def test_who_loses_least_first():
    """The same by phase: decoding, at half, goes on as fast as before."""
    fleet = played(
        [(0.0, 680.0)], capping=Capping.PHASE, classes=(LINEAR, ClassSpec(cap_exponent=0.0)), job_class=[0, 1]
    )
    assert fleet.jobs["end_s"].tolist() == [100.0, 100.0]
    assert throttled_s(fleet) == 0.0
    assert fleet.sites["energy_j"].sum() == pytest.approx(1000.0 * 80.0 + 600.0 * 100.0)


def test_preemption_takes_the_lowest_priority():
    """One must go: not the later row, which goes without it."""
    fleet = played([(0.0, 880.0), (20.0, 500.0)], capping=Capping.PREEMPT, priority=[0, 1])
    assert fleet.jobs["evictions"].tolist() == [1, 0]


def test_the_curve():
    """At 350 of 700 W, 0.45 of an H100's draw above idle: 1.3 times as long by 0.33, 1.5 times by 0.5."""
    classes = [ClassSpec(cap_exponent=a, communication_share=c) for a, c in ((0.5, 0.0), (0.1, 0.0), (0.5, 1.0))]
    tables = cap_tables(classes, np.zeros(1), [SiteCaps(Capping.UNIFORM, 0.4375)], lay_out(Replicas()).replicas)
    assert tables["cap_draws"][-1] == 0.4375
    assert tables["cap_rates"][:, -1] == pytest.approx([0.4375**0.5, 0.4375**0.1, 1.0])
    assert (steps_of(SiteCaps()), steps_of(SiteCaps(Capping.PHASE, 1.0))) == (0, 0)


@pytest.fixture(scope="module")
def capped():
    """A connection that carries seven tenths of what 64 H100 draw at work."""
    return one_site("capped", 1.0, {}, grid_mw=0.06, capping="uniform", power_plan="peak", oversubscription=1.4)


def test_a_scenario_with_caps(capped):
    """Every law holds, the limit too; caps do more with the same power than waiting for it."""
    result = gpusim.run(capped)
    assert check(result) == []
    hours = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
    assert hours["throttled"] > 50.0
    assert result.jobs["throttled_gpu_s"].sum() == pytest.approx(3600.0 * hours["throttled"])
    assert (result.power["facility_w"] <= result.power["limit_w"] * (1 + 1e-9)).all()
    found = result.bottlenecks().set_index("cause")["sentence"]
    assert "more grid capacity, or less oversubscription of it" in found["throttled"]
    waiting = gpusim.run(capped.with_({"sites.here.capping": "admission"}))
    assert "throttled_gpu_s" not in waiting.jobs
    assert waiting.jobs["useful_gpu_s"].sum() < result.jobs["useful_gpu_s"].sum()
    assert "caps that slow running jobs" in waiting.bottlenecks().set_index("cause")["sentence"]["idle_power"]


def test_reliefs(capped):
    """Caps where power keeps jobs out; less oversubscription where they throttle; a plan by what nodes draw."""
    held = {("here/H100", cause): 100.0 for cause in ("throttled", "idle_power", "not_energised")}

    def of(scenario):
        found = counterfactuals(scenario, held, 0.1, 30.0, "useful_gpu_hours")
        return {one.constraint: one.scenario(scenario) for one in found if one.place == "here"}

    assert of(capped)["throttling"].sites["here"].oversubscription == pytest.approx(1.26)
    plain = capped.with_({"sites.here.capping": "admission", "sites.here.power_plan": "nameplate"})
    assert of(plain)["capping"].sites["here"].capping == "uniform"
    assert of(plain)["power_plan"].sites["here"].power_plan == "peak"


def test_what_nodes_are_reckoned_with(capped):
    gpu = capped.gpus["H100"]
    shares = [planned_w(plan, gpu) / gpu.rated_it_w_per_gpu for plan in ("nameplate", "peak", 100, 95, 50)]
    assert shares == pytest.approx([1.0, (2760 / 8 + 0.95 * 700) / 1275, 1.0, 0.769, 0.385])


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("capping", "priorty", "did you mean 'priority'"),
        ("cap_floor", 0.0, "cap_floor"),
        ("power_plan", "average", "power_plan"),
        ("power_plan", 20, "power_plan"),
    ],
)
def test_bad_input(capped, key, value, says):
    with pytest.raises(ScenarioError) as error:
        capped.with_({f"sites.here.{key}": value})
    assert says in str(error.value)
