"""The SimPy build-out and its slow twin give the same times."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import _Simulation, simulate
from gpusim.buildout.supply import SharedSupply
from tests.buildout.kit import random_scenario, scenario
from tests.reference.build_out import Twin


def times(sc, seed: int) -> tuple[dict, dict]:
    """Starts and ends of tasks with arrivals of components, of both."""
    network = TaskNetwork(sc)
    schedule, twin = simulate(network, sc, seed), Twin(sc, seed).play()
    ours, theirs = {}, {}
    for work in network.activities:
        place = work.project, work.name
        ours[place] = schedule.start_s[work.index], schedule.time_s[work.index]
        theirs[place] = twin.starts[place], twin.ends[place]
    for arrival in network.arrivals:
        place = arrival.project, arrival.component
        ours[place] = (schedule.time_s[arrival.index],)
        theirs[place] = (twin.there.get(place, float("inf")),)
    return ours, theirs


def differing(sc, seed: int) -> list:
    ours, theirs = times(sc, seed)
    return [place for place in ours if ours[place] != pytest.approx(theirs[place], rel=1e-9, abs=0.01)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), exact=st.booleans())
def test_same_times_on_random_graphs(seed: int, exact: bool) -> None:
    assert differing(random_scenario(seed, exact), seed) == []


def test_random_graphs_hold_what_is_to_be_tested() -> None:
    """Tasks that wait, stand-ins that are begun and not, work that is hurried, shocks that come, things that tie."""
    seen = dict.fromkeys(("waited", "gas", "no gas", "hurried", "shock", "tie", "never"), 0)
    for seed in range(60):
        sc = random_scenario(seed, seed % 2 == 0)
        network = TaskNetwork(sc)
        played = simulate(network, sc, seed)
        begun = [start for start in played.start_s if start < float("inf")]
        seen["waited"] += any(a < b < float("inf") for a, b in zip(played.ready_s, played.start_s, strict=True))
        gas = [played.start_s[w.index] < float("inf") for w in network.activities if w.stands_in]
        seen["gas"] += any(gas)
        seen["no gas"] += not all(gas)
        seen["hurried"] += any(played.hurried)
        seen["shock"] += bool(played.windows)
        seen["tie"] += len(set(begun)) < len(begun)
        seen["never"] += max(played.time_s) == float("inf")
    assert min(seen.values()) > 3, seen


def test_a_line_without_priority_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = SharedSupply.ask
    monkeypatch.setattr(SharedSupply, "ask", lambda self, work, units, priority: ask(self, work, units, 0))
    assert any(differing(random_scenario(seed, True), seed) for seed in range(40))


def test_a_stop_that_does_not_stop_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpusim.buildout.schedule.end_s", lambda work_s, start_s, _windows: start_s + work_s)
    assert any(differing(random_scenario(seed, False), seed) for seed in range(20))


def test_results_taken_ahead_of_their_date_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Simulation, "_taken_s", lambda self, activity: self.worked_s[activity.index])
    assert any(differing(random_scenario(seed, False), seed) for seed in range(20))


def test_small_requests_do_not_pass_the_first_in_line() -> None:
    """2 of 3 are held; the next wants 2, the one behind it 1, which is free: it waits all the same."""

    def one(units: float, start: str) -> dict:
        task = {"median_days": 10.0, "supply": "crew", "units": units, "gives": "gpus"}
        return {"start": start, "adds": {"gpus": {"one": 1}}, "tasks": {"work": task}}

    sc = scenario(
        {"a": one(2.0, "2025-01-01"), "b": one(2.0, "2025-01-02"), "c": one(1.0, "2025-01-03")},
        supplies={"crew": {"kind": "crew", "units": 3.0}},
    )
    starts = simulate(TaskNetwork(sc), sc, 0).start_s
    assert [start / 86400 for start in starts] == [0.0, 10.0, 10.0]
