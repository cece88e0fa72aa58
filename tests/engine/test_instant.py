"""What comes first at one instant: one test for each neighbouring pair of the order in docs/semantics.md."""

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.policies.queue_orders import largest, priority, sjf
from gpusim.units import DAY_S
from tests.engine.kit import play_case, play_services
from tests.reference.case import Case, Change, JobSpec, ServiceSpec
from tests.reference.simulator import simulate, simulate_services

SMALL = gpusim.Scenario.from_toml("seeds/small.toml").with_({"services": {}})
ORDERS = [*({"key": key} for key in (None, sjf, priority, largest)), {"order": Order.FAIR_SHARE}]


def _in_turn(rows):
    return list(range(len(rows)))


def _cycles(submits_s, nodes, order, policy=None, backfill=Backfill.NONE, runtime_s=10.0):
    """Starts of one-GPU jobs under a cycle of 30 s."""
    case = Case(
        [JobSpec(time_s, 1, runtime_s, runtime_s) for time_s in submits_s],
        [PoolSpec(0, 0, nodes, 1)],
        Scheduling(**order, backfill=backfill),
        changes=[Change(0.0, "nodes", 0, nodes)],
        cycle_s=30.0,
        policy=policy,
    )
    played = play_case(case, 1000.0)
    assert played == simulate(case, 1000.0)
    return [job.start_s for job in played]


@pytest.mark.parametrize("backfill", list(Backfill))
@pytest.mark.parametrize(
    ("order", "policy"), [*((order, None) for order in ORDERS), ({"order": Order.CUSTOM}, _in_turn)]
)
def test_a_cycle_comes_behind_the_arrivals_of_its_instant(order, policy, backfill):
    assert _cycles([0.0, 30.0, 45.0, 60.0], 4, order, policy, backfill) == [0.0, 30.0, 60.0, 60.0]
    assert _cycles([0.0, 30.0, 45.0, 60.0], 1, order, policy, backfill) == [0.0, 30.0, 60.0, 90.0]
    assert _cycles([0.0, 30.0], 1, order, policy, backfill, runtime_s=30.0) == [0.0, 30.0]  # and behind ends


@pytest.mark.parametrize("order", ["fifo", "tests.engine.test_instant:InTurn"])
def test_cycles_of_a_run(order, tmp_path):
    trace = tmp_path / "jobs.csv"
    trace.write_text("submit_s,runtime_s,gpus\n0,10,1\n30,10,1\n45,10,1\n60,10,1\n", encoding="utf-8")
    scheduler = {"scheduler.order": order, "scheduler.mode": "cycle", "scheduler.cycle_s": 30.0}
    result = gpusim.run(SMALL.with_({"workload": {"trace": str(trace)}, **scheduler}))
    assert result.jobs["start_s"].tolist() == [0.0, 30.0, 60.0, 60.0]


class InTurn:
    """The order in which jobs wait."""

    def order(self, queue, now_s):
        return np.arange(len(queue))


def test_stages_of_one_moment_evict_nobody():
    """The grid grows when GPUs of the first pool come: those of the second keep their power, as grid comes first.

    The grid had a stage in between and the GPUs had none, so that their event is the older one.
    """
    scenario = SMALL.with_(
        {
            "run.days": 2.0,
            "sites.texas.pools.H100.gpus": [{"at": 1.0, "value": 512}],
            "sites.texas.pools.H200": {"gpus": 128},
            "sites.texas.grid_mw": [
                {"at": 0.0, "value": 0.2}, {"at": 0.5, "value": 0.21}, {"at": 1.0, "value": 1.5},
            ],
            "workload.streams.research.gpu_types": ["H200"],
            "workload.streams.research.jobs_per_day": 6000.0,
        }
    )  # fmt: skip
    result = gpusim.run(scenario)
    assert result.pools.query("gpu_type == 'H100' and start_s >= 86400")["energised_gpus"].min() == 512
    running = result.pools.query("site == 'texas' and gpu_type == 'H200' and end_s == 86400")["busy_gpus"]
    assert running.iloc[0] > 100
    assert result.jobs["evictions"].sum() == 0


def test_control_comes_before_services_and_records_behind_both():
    """A cap of this moment holds for the services of this moment, and for the record that starts with it."""
    seen = []

    def caps(env):
        yield env.timeout(7200.0)
        seen.append(env.fleet.pools[0].serving)
        env.sites["texas"].set_cap(0.0)

    scenario = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.2, "services.chat.control_s": 3600.0})
    result = gpusim.run(scenario, processes=[caps])
    power = result.power[result.power["site"] == "texas"].set_index("start_s")["limit_w"]
    assert seen[0] > 0
    assert power.loc[3600.0] > 0.0
    assert power.loc[7200.0] == 0.0
    replicas = result.services[result.services["site"] == "texas"].set_index("start_s")["replicas"]
    assert replicas.loc[7200.0] == 0.0


def test_demand_is_shared_out_behind_all_control_steps():
    """A node fails when the second service has a step: it takes the node left over, which the first then lacks.

    The second's first replica is ready then too, an event older than that step.
    """
    case = Case(
        [JobSpec(30.0, 1, 0.0, 0.0)],
        [PoolSpec(0, 0, 3, 1)],
        changes=[Change(0.0, "deliver", 0, 3), Change(5.0, "fail", 0)],
        services=[
            ServiceSpec([1.0], [(0, 1.0, 1.0, 1)], control_s=3.0, target=0.5, gpus=2),
            ServiceSpec([1.0], [(0, 1.0, 1.0, 3)], control_s=1.0, target=0.5, load_s=5.0),
        ],
    )
    _jobs, served = play_services(case, [0.0, 5.0, 6.0])
    first, second = ([span.short_s for span in spans] for spans in served)
    assert first == [{"BUSY": 5.0}, {"BUSY": 1.0}]
    assert second == [{"BUSY": 5.0}, {}]
    assert served == simulate_services(case, [0.0, 5.0, 6.0])[1]


@pytest.mark.parametrize("drain", [False, True])
def test_the_run_ends_before_what_happens_at_its_very_end(drain):
    """Jobs that end then have ended; nothing else of that moment happens, whoever asked for it."""
    heard = []

    def late(env):
        yield env.at(0.5 * DAY_S)
        heard.append(env.now)

    delivered = [{"at": 0.0, "value": 128}, {"at": 0.5, "value": 256}]
    scenario = SMALL.with_({"run.days": 0.5, "run.drain": drain, "sites.frankfurt.pools.H200.gpus": delivered})
    result = gpusim.run(scenario, processes=[late])
    assert heard == []
    assert (result.events["time_s"] < 0.5 * DAY_S).all()
