"""Rivals: the same as in the slow twin, what they take from us, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import play
from gpusim.buildout.rivals import Rivals, ordered
from gpusim.buildout.schedule import simulate
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.scarcity import prices
from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from gpusim.units import MONTH_S
from tests.buildout.kit import random_scenario, scenario
from tests.buildout.test_reference import differing
from tests.reference.build_out import Twin
from tests.scenario.test_fuzz import mutate

DAY_S = 86_400.0
INF = float("inf")


def rivals_of(sc: Scenario, seed: int) -> tuple[list, ...]:
    """(rival, supply, kind, asked for, received) of what rivals have, of both."""
    schedule, twin = simulate(TaskNetwork(sc), sc, seed), Twin(sc, seed).play()
    end_s = max((t for t in schedule.time_s if t < INF), default=0.0)
    received = {n: t for grants in schedule.grants.values() for t, n, _u in grants}
    ours = [(r.order.rival, r.order.supply, r.is_again, r.order.at_s, received[r.number])
            for r in schedule.requests if r.number in received]  # fmt: skip
    theirs = [(p[0], p[1][0], p[2] == "again", twin.orders[p[:2]].at, t) for p, t in twin.got.items()]
    return [sorted(row for row in rows if row[4] < end_s) for rows in (ours, theirs)]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_same_times_on_random_graphs_with_rivals(seed: int) -> None:
    sc = random_scenario(seed, False, with_rivals=True)
    assert differing(sc, seed) == []
    ours, theirs = rivals_of(sc, seed)
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    assert np.array([row[3:] for row in ours]) == pytest.approx(np.array([row[3:] for row in theirs]), abs=0.01)


def differs(seeds: range) -> bool:
    return any(
        differing(sc, seed) or len({len(rows) for rows in rivals_of(sc, seed)}) > 1
        for seed in seeds
        for sc in [random_scenario(seed, False, with_rivals=True)]
    )


def test_double_orders_that_are_never_cancelled_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not differs(range(6))
    monkeypatch.setattr(Rivals, "_after_one_came", lambda self, both, reaction: both)
    assert differs(range(12))


def test_crews_that_do_not_come_back_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rivals, "_hold", lambda self, request: (event for event in [request.granted]))
    assert differs(range(12))


def test_random_rivals_do_all_that_they_can() -> None:
    """They are served, wait, order again, cancel and pay, and they make us wait."""
    seen = dict.fromkeys(("again", "cancelled", "paid", "late for us"), 0)
    for seed in range(30):
        sc = random_scenario(seed, False, with_rivals=True)
        with_, without = (simulate(TaskNetwork(one), one, seed) for one in (sc, sc.with_({"rivals": {}})))
        seen["again"] += any(one.is_again for one in with_.requests)
        seen["cancelled"] += any(one.cancelled_s < INF for one in with_.requests)
        seen["paid"] += any(one.paid_s < INF for one in with_.requests)
        seen["late for us"] += with_.time_s != without.time_s
    assert min(seen.values()) > 3, seen


def served(per_month: float, **rival: object) -> Scenario:
    """Sixty projects, one every 40 days from 2026 on, ask for one unit of a stock of which one comes each day."""
    task = {"boxes": {"median_days": 1.0, "supply": "vendor", "gives": "gpus"}}
    starts = np.datetime64("2026-01-01") + 40 * np.arange(60)
    projects = {
        f"p{i}": {"start": str(day), "adds": {"gpus": {"one": 1}}, "tasks": task} for i, day in enumerate(starts)
    }
    vendor = {"kind": "stock", "per_month": MONTH_S / DAY_S, "at_start": 1.0, "most": 1.0}
    rivals = (
        {f"r{i}": {"orders": {"vendor": {"per_month": per_month / 3}}, **rival} for i in range(3)} if per_month else {}
    )
    return scenario(projects, supplies={"vendor": vendor}, rivals=rivals, run={"start": "2025-01-01", "days": 3000.0})


def test_a_stock_shared_with_poisson_rivals_is_a_queue_with_constant_service() -> None:
    """Three rivals, load 0.6: the mean wait is that of M/D/1, rho / (2 mu (1 - rho)), for them and for who comes by.

    Our requests, one in 40 days, add 0.025 to the load; regular, they bring less than Poisson ones would.
    """
    sc = served(0.6 * MONTH_S / DAY_S)
    waits = []
    for seed in range(6):
        requests = play(sc, seed).requests
        waits.append(requests.assign(wait=(requests["received_s"] - requests["asked_s"]) / DAY_S))
    means = [np.mean([table[table["is_rival"] == whose]["wait"].mean() for table in waits]) for whose in (True, False)]
    assert means[0] == pytest.approx(0.6 / (2 * 0.4), rel=0.15)
    assert means[1] == pytest.approx(0.6 / (2 * 0.4), rel=0.25)
    first = np.mean(
        [
            (t[~t["is_rival"]]["received_s"] - t[~t["is_rival"]]["asked_s"]).mean()
            for t in (
                play(sc.with_({f"projects.p{i}.priority": 1 for i in range(60)}), seed).requests for seed in range(3)
            )
        ]
    )
    assert first / DAY_S < 0.4 * means[1]  # who is served first waits for the unit under way, and for nobody


def test_a_rival_changes_nothing_but_the_wait() -> None:
    """Common random numbers: durations, shocks and the other rivals' orders stay; dates move, and never for nothing."""
    alone, beside = served(0.0), served(27.0)
    waits = []
    for sc in (alone, beside):
        tasks = play(sc, 3).tasks
        assert ((tasks["end_s"] - tasks["start_s"]) / DAY_S).tolist() == [1.0] * 60
        waits.append(tasks["waited_s"].to_numpy())
    assert (waits[0] == 0.0).all()
    assert (waits[1] >= 0.0).all()
    assert waits[1].max() > 2 * DAY_S
    two = beside.with_(
        {"rivals": {name: rival for name, rival in beside.to_toml_dict()["rivals"].items() if name != "r1"}}
    )
    orders = [[order for order in ordered(sc, 3) if order.rival != "r1"] for sc in (beside, two)]
    assert orders[0] == orders[1]
    assert len(orders[0]) > 100
    sc = random_scenario(4, False)
    sc_rival = sc.with_({"rivals": {"r": {"orders": {"crew": {"per_month": 0.0, "held_days": 5.0}}}}})
    assert simulate(TaskNetwork(sc), sc, 4).time_s == simulate(TaskNetwork(sc), sc_rival, 4).time_s


def test_orders_are_poisson_and_grow() -> None:
    """Counts have mean and variance of the integral of the rate; stretched back, times are uniform (KS test)."""
    sc = served(30.0, growth_per_year=1.0, start="2025-01-01", end="2027-01-01")
    counts, places = [], []
    for seed in range(200):
        times_s = np.array([order.at_s for order in ordered(sc, seed) if order.rival == "r0"])
        counts.append(len(times_s))
        places += ((2.0 ** (times_s / DAY_S / 365.25) - 1.0) / (2.0 ** (730 / 365.25) - 1.0)).tolist()
    mean = 10 * (365.25 / 30.4375) * (2.0 ** (730 / 365.25) - 1.0) / np.log(2.0)
    assert np.mean(counts) == pytest.approx(mean, abs=4 * np.sqrt(mean / 200))
    assert np.var(counts) == pytest.approx(mean, rel=0.4)
    assert stats.kstest(places, "uniform").pvalue > 0.01
    assert stats.kstest(np.array(places) ** 1.1, "uniform").pvalue < 1e-6


def test_what_was_received_was_there() -> None:
    """At no time has more been taken from a stock than it had and has brought; a crew is never at two places."""
    for seed in range(25):
        sc = random_scenario(seed, False, with_rivals=True).with_({"shocks": {}})
        requests = play(sc, seed).requests
        got = requests[requests["received_s"].notna()].sort_values("received_s")
        assert not (got["received_s"] < got["asked_s"]).any()
        assert not (requests["received_s"].notna() & requests["cancelled_s"].notna()).any()
        if "stock" in sc.supplies:
            mine, supply = got[got["supply"] == "stock"], sc.supplies["stock"]
            begin_s = min(0.0, *(n.earliest_s for n in TaskNetwork(sc).activities))
            room = supply.at_start + supply.per_month.root * (mine["received_s"] - begin_s) / MONTH_S
            assert (mine["units"].cumsum() <= room + 1e-6).all()


def test_reactions_by_hand() -> None:
    """One unit a month; the rival's orders wait 10 days, then are ordered again, or paid for."""
    tasks = {"boxes": {"median_days": 1.0, "supply": "vendor", "gives": "gpus"}}
    late = {"start": "2025-03-01", "adds": {"gpus": {"one": 1}}, "tasks": tasks}
    supplies = {"vendor": {"kind": "stock", "per_month": 1.0}}
    rival = {"orders": {"vendor": {"per_month": 3.0}}, "end": "2025-04-01"}

    def requests(**reaction: object):
        sc = scenario(
            {"p": late}, supplies=supplies, rivals={"r": {**rival, "reaction": reaction} if reaction else rival}
        )
        return play(sc, 2)

    plain, twice, paid = requests(), requests(wait_days=10.0, again=1.0), requests(wait_days=10.0, priority=5)
    mine = [p.requests[~p.requests["is_rival"]]["received_s"].iloc[0] for p in (plain, twice, paid)]
    assert mine[0] < mine[2]
    doubles = twice.requests[twice.requests["order"] == "again"]
    originals = twice.requests[twice.requests["order"] == "order"]
    assert len(doubles) > 0
    assert set((doubles["asked_s"] - 10 * DAY_S).round(3)) <= set(originals["asked_s"].round(3))
    assert doubles["received_s"].isna().all()  # same line, later: cancelled when the first is there
    assert mine[0] == mine[1]
    assert (paid.requests[paid.requests["is_rival"]]["priority"] == 5).any()
    assert paid.events["detail"].str.startswith("r: pays for priority").any()


def test_rivals_alone_do_not_prolong_the_programme() -> None:
    """Ten years of orders, and a project of one day: nothing of what comes after it is played."""
    tasks = {"boxes": {"median_days": 1.0, "supply": "vendor", "gives": "gpus"}}
    parts = {"adds": {"gpus": {"one": 1}}, "tasks": tasks}
    rivals = {"r": {"orders": {"vendor": {"per_month": 300.0}}, "end": "2035-01-01"}}
    supplies = {"vendor": {"kind": "stock", "per_month": 1.0, "at_start": 5.0}}
    assert len(play(scenario({"p": parts}, supplies=supplies, rivals=rivals)).requests) < 100


def test_looking_at_the_line_changes_nothing() -> None:
    sc = served(18.0)
    found = play(sc.with_({"market": {"index": {"supplies": {"one": "vendor"}}}}), 2)
    assert found.tasks.equals(play(sc, 2).tasks)
    assert len(found.line) == 99


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_anything_anywhere_is_refused_or_played(data) -> None:
    """A rival with odd values is a ``ScenarioError``, or one beside whom the build-out comes to its end."""
    tables = served(3.0).to_toml_dict()
    rival = {"start": "2025-03-01", "end": "2026-03-01", "growth_per_year": 0.5, "priority": 1,
             "orders": {"vendor": {"per_month": 3.0, "units": 2.0, "units_p90": 3.0}},
             "reaction": {"wait_days": 9.0, "again": 0.5, "cancels": 0.5, "priority": 1}}  # fmt: skip
    rival["lets"] = {"price": 1.2, "gpus": {"one": 3.0}, "supplies": {"one": "vendor"}, "ready_days": 20.0}
    demand = {"gpus": {"one": {"at_start": 9.0, "growth_per_year": 0.2}}, "elasticity": 2.0}
    market = {"index": {"supplies": {"one": "vendor"}, "elasticity": 0.5}, "demand": demand}
    odd = {"rivals": {"r": rival}, "market": market}
    for _ in range(data.draw(st.integers(1, 3))):
        if odd:
            mutate(odd, data.draw)
    projects = {"p0": tables["projects"]["p0"]}
    try:
        sc = Scenario.from_dict({**tables, "projects": projects, **odd})
    except ScenarioError as error:
        if odd_faults := [fault for fault in error.faults if not fault or not fault.isprintable()]:
            raise AssertionError(odd_faults) from error
        return
    assert sc.with_({}) == sc
    found = play(sc, 1)
    assert len(found.projects) == 1
    if sc.market.index is not None:
        table = prices(allocate(Book.of(sc), of_build_out(found.live)), found.line, found.requests)
        assert table["on_demand_price_ratio"].between(sc.market.index.least, sc.market.index.most).all()
        assert sc.market.demand is None or table["on_demand_share"].between(0.0, 1.0).all()
