"""Services: every token in the interval in which it was asked for and served, whatever the intervals are."""

import itertools

import numpy as np
import pytest

import gpusim
from gpusim.inputs.demand import demand_signal
from gpusim.units import DAY_S, HOUR_S

SMALL = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.5})
TEXAS = {"services.chat.deployments": [{"site": "texas", "gpu_type": "H100"}]}
ALONE = SMALL.with_(
    {
        **TEXAS,
        "workload": {},
        "services.chat.mean_tokens_per_s": 6000.0,  # two replicas of 4,800 tokens/s
        "services.chat.peak_to_mean": 1.0,
        "sites.texas.grid_mw": 1.0,
    }
)


def _demand(scenario, edges_s):
    """Tokens asked for between neighbouring edges."""
    signal = demand_signal(scenario.services["chat"], scenario.run.start, scenario.run.days * DAY_S)
    return np.array([signal.integral(a, b) for a, b in itertools.pairwise(edges_s)])


def _served_over(served_s, edges_s):
    """[s] In which tokens were served, by record interval; ``served_s`` are spans."""
    return np.array(
        [sum(max(min(b, to) - max(a, since), 0.0) for since, to in served_s) for a, b in itertools.pairwise(edges_s)]
    )


@pytest.mark.parametrize("control_s", [300.0, 420.0, 1000.0, 3600.0, 14400.0])
@pytest.mark.parametrize("record_s", [300.0, 420.0, 1100.0, 3600.0, 86400.0])
def test_tokens_are_in_their_own_interval(control_s, record_s):
    """Less, equal, more, and coprime intervals: each row has the demand of its interval, and no more served."""
    scenario = SMALL.with_({"services.chat.control_s": control_s, "run.record_s": record_s, "workload": {}})
    services = gpusim.run(scenario).services
    rows = services.groupby(["start_s", "end_s"])[["demand_tokens", "served_tokens", "replicas"]].sum().reset_index()
    edges_s = [*rows["start_s"], rows["end_s"].iloc[-1]]
    assert edges_s == [*np.arange(0.0, 43200.0, record_s), 43200.0]
    assert rows["demand_tokens"].to_numpy() == pytest.approx(_demand(scenario, edges_s), rel=1e-12)
    assert (rows["served_tokens"] <= rows["demand_tokens"] * (1 + 1e-12)).all()
    tokens_per_s = services["gpu_type"].map({"H100": 4800.0, "H200": 6400.0})
    capacity = services["replicas"] * tokens_per_s * (services["end_s"] - services["start_s"])
    assert (services["served_tokens"] <= capacity * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("control_s", "record_s"), [(3600.0, 3600.0), (3600.0, 300.0), (300.0, 7200.0), (700.0, 1100.0)]
)
def test_nothing_is_served_without_power(control_s, record_s):
    """The grid fails between two control steps: served is what came up to then, to the token."""
    off_s = 0.2501 * DAY_S
    scenario = ALONE.with_(
        {
            "services.chat.control_s": control_s,
            "run.record_s": record_s,
            "sites.texas.grid_mw": [{"at": 0.0, "value": 1.0}, {"at": 0.2501, "value": 0.0}],
        }
    )
    result = gpusim.run(scenario)
    services = result.services
    edges_s = [*services["start_s"], services["end_s"].iloc[-1]]
    expected = 6000.0 * _served_over([(0.0, off_s)], edges_s)
    assert services["served_tokens"].to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-3)
    assert services["demand_tokens"].sum() == pytest.approx(6000.0 * 0.5 * DAY_S, rel=1e-12)
    assert services["replicas"].to_numpy() == pytest.approx(expected / 6000.0 / np.diff(edges_s) * 2.0, abs=1e-6)
    after = services[services["start_s"] > off_s]
    assert set(after["cause"]) == {"not_energised"}  # without a connection no node is on
    power = result.power[(result.power["site"] == "texas") & (result.power["start_s"] > off_s)]
    assert (power["facility_w"] == 0.0).all()
    busy = result.ledger[(result.ledger["cause"] == "serving") & (result.ledger["site"] == "texas")]
    assert busy["gpu_s"].sum() == pytest.approx(6000.0 / 600.0 * off_s)


def test_caps_failures_and_loading_change_what_is_served_at_once():
    """Two replicas of 4,800 for 6,000: a cap stops both, later a node of one fails; replicas load for 900 s."""
    stops_s, starts_again_s = 5000.0, 7200.0

    def events(env):
        yield env.at(stops_s)
        env.sites["texas"].set_cap(0.0)
        yield env.at(5500.0)
        env.sites["texas"].set_cap(np.inf)
        yield env.at(20000.0)
        env.fail_node(0)

    scenario = ALONE.with_({"services.chat.control_s": 3600.0, "services.chat.load_s": 900.0, "run.record_s": 100.0})
    services = gpusim.run(scenario, processes=[events]).services.set_index("start_s")
    rate = services["served_tokens"] / 100.0
    levels = [
        (0.0, 6000.0), (stops_s, 0.0), (starts_again_s + 900.0, 6000.0), (20000.0, 4800.0), (21600.0 + 900.0, 6000.0)
    ]  # fmt: skip
    expected = [next(level for since, level in reversed(levels) if since <= start_s) for start_s in services.index]
    assert rate.to_numpy() == pytest.approx(expected)
    assert set(services.loc[5000.0:7100.0, "cause"]) == {"rule"}  # what stopped them
    assert set(services.loc[20000.0:21500.0, "cause"]) == {"cycle"}  # other nodes are free: the next step starts it


def test_others_take_over_at_once():
    """What one site cannot serve from a moment on is served by the other, which has room, from that moment on."""
    scenario = SMALL.with_(
        {
            "workload": {}, "services.chat.peak_to_mean": 1.0, "services.chat.control_s": 7200.0, "run.record_s": 600.0,
            "services.chat.target_utilisation": 0.4, "sites.texas.grid_mw": 1.0,
            "services.chat.mean_tokens_per_s": 12000.0,
        }
    )  # fmt: skip

    def fails(env):
        yield env.at(9000.0)
        env.sites["texas"].set_cap(0.0)

    rows = gpusim.run(scenario, processes=[fails]).services
    served = rows.pivot_table(index="start_s", columns="site", values="served_tokens") / 600.0
    assert served.loc[8400.0].to_dict() == pytest.approx({"texas": 6000.0, "frankfurt": 6000.0})
    assert served.loc[9000.0].to_dict() == pytest.approx({"texas": 0.0, "frankfurt": 12000.0})


def test_a_later_service_does_not_act_first():
    """Of two services that act at one instant the first of the scenario has the GPUs, whatever their intervals."""
    chat = SMALL.services["chat"].model_dump() | {"deployments": [{"site": "frankfurt", "gpu_type": "H200"}]}
    common = {"mean_tokens_per_s": 1e6, "peak_to_mean": 1.0}
    services = {"a": chat | common | {"control_s": 300.0}, "b": chat | common | {"control_s": 7200.0}}
    delivered = [{"at": 0.0, "value": 0}, {"at": 2 / 24, "value": 64}]
    scenario = SMALL.with_({"workload": {}, "services": services, "sites.frankfurt.pools.H200.gpus": delivered})
    rows = gpusim.run(scenario).services
    last = rows[rows["end_s"] == 0.5 * DAY_S].set_index("service")["replicas"]
    assert last.to_dict() == {"a": 8.0, "b": 0.0}


@pytest.mark.parametrize("control_s", [300.0, 3600.0, 30000.0, 100000.0])
def test_demand_is_the_mean_of_its_interval(control_s):
    """Against the curve itself, sampled finely: growth, weekends and half hours of the clock among it."""
    service = SMALL.services["chat"].model_copy(
        update={"control_s": control_s, "weekend_factor": 0.5, "growth_per_day": 0.05, "utc_offset_h": 5.5}
    )
    duration_s = 8.3 * DAY_S
    signal = demand_signal(service, SMALL.run.start, duration_s)
    edges_s = np.append(signal.times_s, duration_s)
    times_s = (np.arange(2_000_000) + 0.5) * duration_s / 2_000_000
    local_s = (5.5 * HOUR_S + times_s) % (7 * DAY_S)  # the run starts on a Monday
    level = np.where(local_s >= 5 * DAY_S, 0.5, 1.0) * 7.0 / 6.0
    day = 1.0 + 0.5 * np.cos(2 * np.pi * (local_s / HOUR_S - 15.0) / 24.0)
    curve = 60000.0 * day * level * 1.05 ** (times_s / DAY_S)
    row = np.searchsorted(edges_s, times_s, side="right") - 1
    means = np.bincount(row, curve) / np.bincount(row)
    assert signal.values == pytest.approx(means, rel=1e-3 if control_s == 300.0 else 1e-4)
    assert signal.integral(0.0, duration_s) == pytest.approx(curve.mean() * duration_s, rel=1e-6)
