"""WAN links: how transfers share them, and what jobs do that wait for their data."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.links import Network, NetworkLink
from gpusim.engine.streams import max_min
from gpusim.results.conservation import check
from gpusim.scenario.link import Link as LinkSpec
from gpusim.scenario.link import paths
from gpusim.units import DAY_S

HERE, THERE = "DE-LU", "US-TEX-ERCO"
LINK = {"between": [HERE, THERE], "gbps": 100.0}  # 10 GB/s of data


def link(rate: float) -> NetworkLink:
    """A link of an environment in which nothing else happens."""
    none = np.zeros(0)
    work = Work(none, none, none, none, none.astype(int), [([0], 0)])
    env = FleetEnvironment(allocate([PoolSpec(0, 0, 1, 1)], 1, work, Scheduling(), n_links=1))
    found = Network(env, [(0,)]).links[0]
    found.set_rate(rate)
    return found


def arrivals_s(rate: float, sends: list[tuple[float, float]], rates: list[tuple[float, float]] = ()) -> list[float]:
    """When data sent as (time [s], bytes) arrive on a link whose bandwidth changes at (time [s], bytes/s)."""
    wan, found = link(rate), [np.inf] * len(sends)

    def send(i, time_s, size):
        yield wan.env.at(time_s)
        yield wan.send(size)
        found[i] = wan.env.now

    def change(time_s, value):
        yield wan.env.at(time_s)
        wan.set_rate(value)

    for time_s, value in rates:
        wan.env.process(change(time_s, value))
    for i, (time_s, size) in enumerate(sends):
        wan.env.process(send(i, time_s, size))
    wan.env.run(until=wan.env.at(1e6))
    return found


def fluid_arrivals_s(rate, sends, rates) -> list[float]:
    """The same in fractions, from one change of anything to the next: all that are under way get an equal part."""
    rate, now, left, found = Fraction(rate), Fraction(0), {}, [np.inf] * len(sends)
    moments = sorted({Fraction(time_s) for time_s, _ in [*sends, *rates]})
    while now < 10**6:
        for time_s, value in rates:
            rate = Fraction(value) if time_s == now else rate
        left |= {i: Fraction(size) for i, (time_s, size) in enumerate(sends) if time_s == now}
        each = rate / len(left) if left else Fraction(0)
        done_s = now + min(left.values()) / each if each else Fraction(10**6)
        then = min([done_s, *(moment for moment in moments if moment > now)])
        left = {i: size - each * (then - now) for i, size in left.items()}
        for i in [i for i, size in left.items() if size == 0]:
            del left[i]
            found[i] = float(then)
        now = then
    return found


WHOLE = st.integers(0, 40)
SENDS = st.lists(st.tuples(WHOLE, st.integers(1, 30)), min_size=1, max_size=8)
RATES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4)), max_size=4, unique_by=lambda change: change[0])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3), SENDS, RATES)
def test_transfers_share_a_link_as_a_fluid(rate, sends, rates):
    assert arrivals_s(rate, sends, rates) == pytest.approx(fluid_arrivals_s(rate, sends, rates), rel=1e-12)


def test_known_arrivals():
    """810 GB at 10 GB/s: alone, two 40 s apart, three at once; and a link that is down for 100 s."""
    gb = 1e9
    assert arrivals_s(10 * gb, [(0, 810 * gb)]) == [81.0]
    assert arrivals_s(10 * gb, [(0, 810 * gb), (40, 810 * gb)]) == [122.0, 162.0]
    assert arrivals_s(10 * gb, [(0, 810 * gb)] * 3) == [243.0] * 3
    assert arrivals_s(10 * gb, [(0, 810 * gb)], [(40, 0.0), (140, 20 * gb)]) == [140.0 + 41 / 2]


def scenario(tmp_path, jobs: str, links=None, **changes) -> gpusim.Scenario:
    """One node in Texas, eight in Germany; jobs as lines of submit_s, runtime_s, gpus, home, data_bytes, gpu_types."""
    path = tmp_path / "jobs.csv"
    path.write_text("submit_s,runtime_s,gpus,home,data_bytes,gpu_types\n" + jobs)
    data = {
        "name": "wan",
        "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0},
        "sites": {
            "texas": {"region": THERE, "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 8.0}}},
            "germany": {"region": HERE, "jurisdiction": "EU", "grid_mw": 1.0, "pools": {"A100": {"gpus": 64.0}}},
        },
        "links": {"atlantic": LINK} if links is None else links,
        "workload": {"trace": str(path)},
    }
    return gpusim.Scenario.from_dict(data, overrides=changes)


def test_data_first_then_the_queue(tmp_path):
    """The one whose data come late is still before the one submitted later; what it waits for has two causes."""
    jobs = f"0,1000,8,,0,H100\n0,1000,8,{HERE},810e9,H100\n10,1000,8,,0,H100\n"
    result = gpusim.run(scenario(tmp_path, jobs))
    assert result.jobs["start_s"].tolist() == [0.0, 1000.0, 2000.0]
    waits = result.job_waits.set_index(["job_id", "cause"])["wait_s"]
    assert waits[1].to_dict() == {"data": 81.0, "busy": 919.0}
    assert check(result) == []


def test_who_needs_no_transfer(tmp_path):
    """Data at home, no data, no home, and any job where there are no links, start at once."""
    jobs = f"0,10,8,{HERE},1e12,A100\n0,10,8,{HERE},0,H100\n20,10,8,,1e12,H100\n"
    assert gpusim.run(scenario(tmp_path, jobs)).jobs["wait_s"].tolist() == [0.0, 0.0, 0.0]
    result = gpusim.run(scenario(tmp_path, f"0,10,8,{HERE},1e12,H100\n", links={}))
    assert result.jobs["wait_s"].tolist() == [0.0]


def test_no_link_no_candidate(tmp_path):
    """Data that no link brings anywhere keep their jobs at home, or reject them."""
    elsewhere = {"north": {"between": ["GB", HERE], "gbps": 10.0}}
    both = {"sites.london": {"region": "GB", "jurisdiction": "UK", "grid_mw": 1.0, "pools": {"L40S": {"gpus": 8}}}}
    jobs = f"0,10,8,{HERE},1e12,H100\n0,10,8,{HERE},1e12,H100|L40S\n0,10,8,SE-SE1,1e12,\n0,10,8,SE-SE1,0,\n"
    made = scenario(tmp_path, jobs, links=elsewhere, **both)
    found = gpusim.run(made).jobs
    assert found["status"].tolist() == ["rejected", "done", "rejected", "done"]
    assert found["site"].tolist()[1] == "london"
    assert found["start_s"].tolist()[1] == 1000.0


def test_a_job_under_way_at_the_end_has_waited_until_then(tmp_path):
    result = gpusim.run(scenario(tmp_path, f"100,10,8,{HERE},810e13,H100\n"))
    assert result.jobs["status"].tolist() == ["queued"]
    assert result.jobs["wait_s"].tolist() == [DAY_S - 100.0]
    assert result.waits["cause"].unique().tolist() == ["data"]
    assert result.pools.loc[result.pools["site"] == "texas", "queued_jobs"].iloc[-1] == pytest.approx(1.0)
    idle = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()["idle_data"]
    assert idle == pytest.approx(8 * (DAY_S - 100.0))
    assert check(result) == []
    assert result.metrics().value["jobs_waiting_at_end"] == 1.0


def test_earliest_start_weighs_the_transfer(tmp_path):
    """A queue of 100 s at home against 81 s alone on the link, and against 810 s; who is on the way counts as there."""
    changes = {"scheduler.dispatch": "earliest_start", "gpus.A100.training_speed": 1.0, "gpus.H100.training_speed": 1.0}
    busy = f"0,100,64,{HERE},0,A100\n"
    for size, sites in (("810e9", ["germany", "texas"]), ("810e10", ["germany", "germany"])):
        found = gpusim.run(scenario(tmp_path, busy + f"0,100,8,{HERE},{size},\n", **changes))
        assert found.jobs["site"].tolist() == sites
    late = busy + "0,60,8,,0,H100\n"  # in Texas GPUs come free while the data are still on their way
    found = gpusim.run(scenario(tmp_path, late + f"0,100,8,{HERE},810e9,\n", **changes))
    assert found.jobs["site"].tolist() == ["germany", "texas", "texas"]
    two = f"0,1000,8,{HERE},500e9,\n1,1000,8,{HERE},500e9,\n"
    found = gpusim.run(scenario(tmp_path, busy + two, **changes))
    assert found.jobs["site"].tolist() == ["germany", "texas", "germany"]


def test_a_process_cuts_a_link(tmp_path):
    """Between 50 s and 150 s nothing moves: the data are there at 181 s."""

    def cut(env):
        yield env.at(50.0)
        rate = env.links["atlantic"].bytes_per_s
        assert env.links["atlantic"].transfers == 1
        env.links["atlantic"].set_rate(0.0)
        yield env.at(150.0)
        env.links["atlantic"].set_rate(rate)

    result = gpusim.run(scenario(tmp_path, f"0,10,8,{HERE},810e9,H100\n"), processes=[cut])
    assert result.jobs["start_s"].tolist() == [181.0]


def test_stages_of_a_link(tmp_path):
    """Nothing before 36 s, then 50 Gb/s, then 100; all of it stands in the events."""
    stages = [{"at": 36 / DAY_S, "value": 50.0}, {"at": 136 / DAY_S, "value": 100.0}]
    links = {"atlantic": {"between": [THERE, HERE], "gbps": stages, "efficiency": 0.4}}
    result = gpusim.run(scenario(tmp_path, f"0,10,8,{HERE},810e9,H100\n", links=links))
    assert result.jobs["start_s"].tolist() == [pytest.approx(136.0 + (810 - 250) / 5)]
    events = result.events[result.events["kind"] == "link"]
    assert events["value"].tolist() == [0.0, 50.0, 100.0]


SMALL = gpusim.Scenario.from_toml("seeds/small.toml").with_(
    {
        "run.days": 0.5, "workload.streams.research.jobs_per_day": 2000.0, "workload.streams.research.home": THERE,
        "workload.streams.research.data_tb": 1.5, "links": {"atlantic": LINK}, "scheduler.redispatch": False,
    }
)  # fmt: skip
RULES = {
    "least loaded": {},
    "home": {"scheduler.dispatch": "home"},
    "cheapest, conservative": {"scheduler.dispatch": "cheapest", "scheduler.backfill": "conservative"},
    "earliest start, shortest first": {"scheduler.dispatch": "earliest_start", "scheduler.order": "sjf"},
    "cycles": {"scheduler.mode": "cycle", "scheduler.cycle_s": 60.0},
    "fair share under a quota": {"scheduler.order": "fair_share", "tenants.lab.quota_gpus": {"H100": 200, "H200": 64}},
    "no room to wait": {"scheduler.queue_limit": 0},
    "a slow link": {"links.atlantic.gbps": 5.0},
    "a link that fails": {"links.atlantic.gbps": [{"at": 0, "value": 400.0}, {"at": 0.2, "value": 0.0}]},
}


@pytest.mark.parametrize("changes", RULES.values(), ids=RULES.keys())
def test_waits_for_data_are_conserved(changes):
    """All laws hold; the queue's integral under the cause is what jobs waited for data."""
    result = gpusim.run(SMALL.with_(changes))
    assert check(result) == []
    by_job = result.job_waits[result.job_waits["cause"] == "data"]
    by_queue = result.waits[result.waits["cause"] == "data"]
    assert by_queue["job_s"].sum() == pytest.approx(by_job["wait_s"].sum(), rel=1e-9)
    gpus = result.jobs.set_index("job_id")["gpus"].reindex(by_job["job_id"]).to_numpy()
    whole = np.where(gpus > 8, -(-gpus // 8) * 8, gpus)
    assert by_queue["gpu_s"].sum() == pytest.approx((whole * by_job["wait_s"]).sum(), rel=1e-9)
    if changes != RULES["home"]:
        assert len(by_job) > (20 if "scheduler.queue_limit" in changes else 100)
        assert set(result.jobs.set_index("job_id")["site"].reindex(by_job["job_id"])) == {"frankfurt"}
    else:
        assert len(by_job) == 0


def test_the_same_on_every_run():
    first, second = gpusim.run(SMALL), gpusim.run(SMALL)
    for name, table in first.tables.items():
        assert table.equals(second.tables[name])


# Paths of several links ---------------------------------------------------------------------------------------------

CHAIN = {
    "a": {"between": [HERE, "GB"], "gbps": 100.0},
    "b": {"between": ["GB", THERE], "gbps": 50.0, "latency_ms": 40.0, "usd_per_gb": 0.02},
}


def test_the_fewest_links_that_lead_there():
    """Direct ones first; of two ways of two links that whose links come first; nothing where none lead."""
    ends = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "c"), ("c", "e"), ("x", "y")]
    made = {str(i): LinkSpec(between=list(pair), gbps=1.0) for i, pair in enumerate(ends)}
    found = paths(made)
    assert list(found.values())[:6] == [(i,) for i in range(6)]
    ways = {"".join(sorted(pair)): way for pair, way in found.items() if len(way) > 1}
    assert ways == {"ac": (0, 1), "ae": (0, 1, 4), "bd": (0, 2), "be": (1, 4), "de": (3, 4)}


def test_data_cross_two_links_at_the_pace_of_the_narrower(tmp_path):
    """810 GB at 5 GB/s, 40 ms more; both links carried them, and one is paid for."""
    london = {"region": "GB", "jurisdiction": "UK", "grid_mw": 1.0, "pools": {"L40S": {"gpus": 8}}}
    made = scenario(tmp_path, f"0,1000,8,{HERE},810e9,H100\n", links=CHAIN, **{"sites.london": london})
    result = gpusim.run(made)
    assert result.jobs["start_s"].tolist() == [pytest.approx(810.0 / 5.0 + 0.04)]
    table = result.links.set_index("link")
    assert table["data_bytes"].tolist() == [810e9, 810e9]
    assert table["usd"].tolist() == [0.0, pytest.approx(16.2)]
    assert check(result) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True), min_size=1, max_size=6),
    st.lists(st.integers(1, 4), min_size=6, max_size=6),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 9.0]), min_size=4, max_size=4),
)
def test_shares_are_max_min_fair(ways, counts, capacity):
    """No link carries more than it can, and each transfer has a full link of which nobody has more: there is exactly
    one such allocation."""
    used = dict(enumerate(ways))
    transfers = {path: counts[path] for path in used}
    each = {path: left / users for path, (left, users) in max_min(used, transfers, capacity).items()}
    load = [sum(each[path] * transfers[path] for path in used if link in used[path]) for link in range(4)]
    assert all(carried <= most + 1e-9 for carried, most in zip(load, capacity, strict=True))
    for path, way in used.items():
        most = {link: max(each[other] for other in used if link in used[other]) for link in way}
        assert any(load[link] >= capacity[link] - 1e-9 and each[path] >= most[link] - 1e-9 for link in way)


def test_three_transfers_on_two_links():
    """By hand: on links of 10 and 4, A crosses both, B the first, C the second. A and C get 2, B 8; when C (2 bytes)
    is through after 1 s, A gets 4 and B 6."""
    none = np.zeros(0)
    work = Work(none, none, none, none, none.astype(int), [([0], 0)])
    env = FleetEnvironment(allocate([PoolSpec(0, 0, 1, 1)], 1, work, Scheduling(), n_links=3))
    network, found = Network(env, [(0,), (1,), (0, 1)]), {}
    for link, rate in zip(network.links, (10.0, 4.0), strict=True):
        link.set_rate(rate)
    assert env.fleet.links[2].bytes_per_s == 4.0
    for name, row, size in (("A", 2, 10.0), ("B", 0, 20.0), ("C", 1, 2.0)):
        network.send(row, size).callbacks.append(lambda _event, name=name: found.setdefault(name, env.now))
    assert network.links[0].transfers == network.links[1].transfers == 2
    env.run(until=env.at(100.0))
    assert found == {"C": 1.0, "B": 3.0, "A": 3.0}


def test_links_are_out_of_order_for_their_share_of_the_time(tmp_path):
    """A transfer of 30 days without outages takes as much longer as the link is out of order meanwhile."""
    wan = LINK | {"gbps": 1.0, "efficiency": 1.0, "outage_share": 0.2, "outage_h": 3.0}
    size = 30.0 * DAY_S * 1e9 / 8.0
    made = scenario(tmp_path, f"0,1000,8,{HERE},{size},H100\n", links={"wan": wan}).with_({"run.days": 60.0})
    result = gpusim.run(made, 4)
    told = result.events[result.events["kind"] == "link"]
    out = told["detail"].str.contains("out of order")
    ends = told.loc[told["detail"].str.contains("in order again"), "time_s"].to_numpy()
    begins = told.loc[out, "time_s"].to_numpy()[: len(ends)]
    start_s = result.jobs["start_s"].iloc[0]
    lost_s = np.clip(np.minimum(ends, start_s) - begins, 0.0, None).sum()
    assert start_s == pytest.approx(30.0 * DAY_S + lost_s, rel=1e-9)
    assert lost_s / start_s == pytest.approx(0.2, abs=0.05)
