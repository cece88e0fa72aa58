"""One training run at several sites: times against the formula, pauses, and who shares the links."""

import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.results.conservation import check
from gpusim.units import DAY_S

TX, DE, GB = "US-TEX-ERCO", "DE-LU", "GB"
WORK_S, EVERY_S, SIZE_GB = 10_000.0, 600.0, 140.0


def site(region: str, gpus: float = 16.0) -> dict:
    return {"region": region, "jurisdiction": "X", "grid_mw": 1.0, "pools": {"H100": {"gpus": gpus}}}


def part(name: str, **keys) -> dict:
    return {"tenant": "lab", "job_class": name, "partner": "first", **keys}


def scenario(exchange: dict | None = None, others=("second",), **changes) -> gpusim.Scenario:
    """A run of 10,000 s on 8 GPUs in Texas and 8 at each other site, over 100 Gb/s and 45 ms."""
    sites = dict(zip(("second", "third"), ("frankfurt", "london"), strict=True))
    first = {
        "tenant": "lab", "job_class": "first", "starts": [0.1], "gpus": {"8": 1.0}, "runtime_median_s": WORK_S,
        "runtime_sigma": 0.0, "exchange": {"every_s": EVERY_S, "gb": SIZE_GB, **(exchange or {})},
    }  # fmt: skip
    data = {
        "name": "across", "run": {"start": "2026-06-01", "days": 1.0}, "tenants": {"lab": {}},
        "sites": {"abilene": site(TX), "frankfurt": site(DE), "london": site(GB)},
        "links": {
            "atlantic": {"between": [TX, DE], "gbps": 100.0, "latency_ms": 45.0},
            "north": {"between": [TX, GB], "gbps": 50.0, "latency_ms": 40.0},
        },
        "workload": {
            "classes": {"first": {"sites": ["abilene"]}, **{name: {"sites": [sites[name]]} for name in others}},
            "streams": {"first": first, **{name: part(name) for name in others}},
        },
    }  # fmt: skip
    return gpusim.Scenario.from_dict(data, overrides=changes)


def run(made: gpusim.Scenario) -> gpusim.Result:
    result = gpusim.run(made)
    assert check(result) == []
    return result


def wall_s(every_s=EVERY_S, comm_s=0.0, overlap=False, work_s=WORK_S) -> float:
    """Plainly: work and exchanges one after the other, or an exchange beside the work of the next interval."""
    now_s, left_s, arrives_s = 0.0, work_s, 0.0
    while True:
        now_s, left_s = now_s + min(every_s, left_s), left_s - every_s
        if left_s <= 0.0:
            return now_s
        if overlap:
            now_s = max(now_s, arrives_s)
            arrives_s = now_s + comm_s
        else:
            now_s += comm_s


ALONE_S = 2.0 * SIZE_GB / 10.0 + 2.0 * 0.045  # there and back at 10 GB/s, and a round trip


def test_the_time_is_that_of_the_formula():
    """16 exchanges of 28.09 s between 17 intervals; both parts end together, and the link carried all of it."""
    result = run(scenario())
    assert wall_s(comm_s=ALONE_S) == pytest.approx(WORK_S + 16 * ALONE_S)
    assert result.jobs["run_s"].tolist() == pytest.approx([WORK_S + 16 * ALONE_S] * 2, rel=1e-9)
    assert result.jobs["site"].tolist() == ["abilene", "frankfurt"]
    link = result.links.set_index("link").loc["atlantic"]
    assert (link["transfers"], link["data_bytes"]) == (32, pytest.approx(32 * SIZE_GB * 1e9))
    paused = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()["slowed"]
    assert paused == pytest.approx(2 * 8 * 16 * ALONE_S, rel=1e-9)


@pytest.mark.parametrize(("gbps", "every_s"), [(100.0, 600.0), (5.0, 600.0), (100.0, 20.0), (1.0, 2500.0)])
def test_exchanges_beside_the_work_cost_what_they_take_longer(gbps, every_s):
    made = scenario({"overlap": True, "every_s": every_s}, **{"links.atlantic.gbps": gbps})
    comm_s = 2.0 * SIZE_GB / (0.1 * gbps) + 2.0 * 0.045
    assert run(made).jobs["run_s"].tolist() == pytest.approx([wall_s(every_s, comm_s, True)] * 2, rel=1e-9)


def test_three_parts_wait_for_the_slowest_path():
    """All send to the first, then it sends to all: the path to London takes longer both times."""
    result = run(scenario(others=("second", "third")))
    comm_s = 2.0 * SIZE_GB / 5.0 + 2.0 * 0.040
    assert result.jobs["run_s"].tolist() == pytest.approx([WORK_S + 16 * comm_s] * 3, rel=1e-9)


def test_two_runs_share_a_link():
    """Both exchange at the same moments: each has half of the link."""
    made = scenario(**{"workload.streams.first.starts": [0.1, 0.1 + 1e-9]})
    result = run(made)
    comm_s = 4.0 * SIZE_GB / 10.0 + 2.0 * 0.045
    assert result.jobs["run_s"].tolist() == pytest.approx([WORK_S + 16 * comm_s] * 4, rel=1e-6)


def test_a_link_that_is_down_stops_the_run():
    """Out from the first exchange on for an hour: the run takes an hour longer, less what that exchange had done."""
    out_s = 0.1 * DAY_S + EVERY_S
    steps = [{"at": 0, "value": 100.0}, {"at": out_s / DAY_S, "value": 0.0},
             {"at": (out_s + 3600.0) / DAY_S, "value": 100.0}]  # fmt: skip
    result = run(scenario(**{"links.atlantic.gbps": steps}))
    assert result.jobs["run_s"].tolist() == pytest.approx([WORK_S + 16 * ALONE_S + 3600.0] * 2, rel=1e-9)


def test_parts_of_different_speed_end_together():
    """The A100s take twice as long; the H100s go at half their rate, and draw less above idle, but the same time."""
    made = scenario(
        **{"sites.frankfurt.pools": {"A100": {"gpus": 16.0}}, "workload.classes.second.speeds": {"A100": 0.5}}
    )
    result = run(made)
    taken = wall_s(comm_s=ALONE_S, work_s=2.0 * WORK_S)
    assert result.jobs["run_s"].tolist() == pytest.approx([taken] * 2, rel=1e-8)


def test_a_part_waits_on_its_gpus_for_the_other():
    """Frankfurt has no GPUs for 2,000 s: Texas holds its own and works from the next look on, 2,100 s after the first.
    For 100 s Frankfurt worked alone, which it saves by going slower."""
    arrival_s = 0.1 * DAY_S + 2000.0
    late = [{"at": 0, "value": 0.0}, {"at": arrival_s / DAY_S, "value": 16.0}]
    result = run(scenario(**{"sites.frankfurt.pools.H100.gpus": late}))
    end_s = 0.1 * DAY_S + 2100.0 + WORK_S + 16 * ALONE_S
    assert result.jobs["end_s"].tolist() == pytest.approx([end_s] * 2, abs=1e-4)
    assert result.jobs["start_s"].tolist() == pytest.approx([0.1 * DAY_S, arrival_s])


def test_without_links_or_within_a_region_exchanges_take_no_time():
    here = {"sites.frankfurt.region": TX, "links": {"north": {"between": [TX, GB], "gbps": 50.0}}}
    for made in (scenario(links={}), scenario(**here)):
        assert run(made).jobs["run_s"].tolist() == pytest.approx([WORK_S] * 2, rel=1e-9)


def test_a_node_that_fails_takes_the_other_part_back():
    """After 5,100 s Frankfurt's part is evicted and, without checkpoints, begins anew on another node. Texas, which
    notices at the next exchange, goes slower from then on, to end with it."""

    def fail(env):
        yield env.at(0.1 * DAY_S + 5100.0)
        first = int(env.fleet.pools[1].first_node)
        env.fail_node(first if env.fleet.nodes[first].first_holding >= 0 else first + 1)

    result = gpusim.run(scenario(), processes=[fail])
    assert check(result) == []
    jobs = result.jobs.set_index("site")
    assert jobs["evictions"].to_dict() == {"abilene": 0, "frankfurt": 1}
    noticed_s = 9 * EVERY_S + 8 * ALONE_S
    anew_s = wall_s(comm_s=ALONE_S, work_s=WORK_S - (noticed_s - 5100.0))
    end_s = 0.1 * DAY_S + noticed_s + ALONE_S + anew_s
    assert jobs["end_s"].tolist() == pytest.approx([end_s] * 2, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workload.classes.second.sites": None}, "workload.classes.second.sites: found none, where"),
        (
            {"links": {"north": {"between": [TX, GB], "gbps": 1.0}}},
            f'no links lead from "{TX}" to "{DE}", where second',
        ),
        ({"workload.classes.second.sites": ["frankfort"]}, "did you mean 'frankfurt'"),
        ({"workload.streams.second.exchange": {"every_s": 60.0, "gb": 1.0}}, 'no stream with partner = "second"'),
        ({"workload.streams.first.exchange.every_s": 1.0}, "every_s: found 1.0; give a number, 10 or more"),
    ],
)
def test_bad_input_is_told_with_the_remedy(changes, said):
    made = scenario().to_toml_dict()
    if changes.get("workload.classes.second.sites", "") is None:
        del made["workload"]["classes"]["second"]["sites"]
        changes = {}
    with pytest.raises(ScenarioError) as refused:
        gpusim.Scenario.from_dict(made, overrides=changes)
    assert said in str(refused.value)
