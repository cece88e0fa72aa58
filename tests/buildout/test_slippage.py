"""Who made a component late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.buildout import slippage
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import critical_path, giver
from gpusim.buildout.play import play
from gpusim.buildout.schedule import Draws, replay, simulate
from gpusim.buildout.slippage import slips
from tests.buildout.kit import days, random_scenario, scenario

DAY_S = 86_400.0


def chain(*drawn: float, planned: float = 10.0, shocks: dict | None = None) -> list[tuple]:
    """(task, held by, from, to) [d after the plan] of three tasks of ten days that take so long."""
    sc = scenario({"p": {"adds": {"gpus": {"one": 10}}, "tasks": days(*[planned] * len(drawn))}}, shocks=shocks or {})
    network = TaskNetwork(sc)
    draws = Draws.of(network, sc, 0)
    draws.work_s[:] = [d * DAY_S for d in drawn]
    due_s = planned * len(drawn) * DAY_S
    found = slips(network, replay(network, sc, draws), network.arrivals[0].index)
    return [(s.activity.name, s.held_by, (s.from_s - due_s) / DAY_S, (s.to_s - due_s) / DAY_S) for s in found]


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ((25.0, 10.0, 10.0), [("t0", "", 0.0, 15.0)]),  # a late shell, then all as planned: all of it is the shell's
        ((25.0, 10.0, 15.0), [("t0", "", 0.0, 15.0), ("t2", "", 15.0, 20.0)]),
        ((25.0, 5.0, 10.0), [("t0", "", 0.0, 10.0)]),  # half a step of time won back: the last lost is won first
        ((15.0, 5.0, 15.0), [("t2", "", 0.0, 5.0)]),  # all of it won back, then lost again
        ((10.0, 20.0, 5.0), [("t1", "", 0.0, 5.0)]),
        ((5.0, 5.0, 18.0), []),  # late itself, but not the component
        ((10.0, 10.0, 10.0), []),
    ],
)
def test_the_delay_is_of_those_who_took_longer_than_planned(drawn: tuple, expected: list) -> None:
    assert chain(*drawn) == [(*who, pytest.approx(a), pytest.approx(b)) for *who, a, b in expected]


def test_a_stop_in_a_task_that_takes_as_long_as_planned() -> None:
    """The second task rests from day 15 to 45 and ends on day 50, the third on day 60: 30 days late by the stop."""
    rain = {"at": "2025-01-16", "days": 30.0, "effect": "stop", "kind": "t1"}
    assert chain(10.0, 10.0, 10.0, shocks={"rain": rain}) == [("t1", "rain", 0.0, pytest.approx(30.0))]


def test_work_that_a_shock_slows_is_the_shocks_as_far_as_it_is_slower() -> None:
    """From day 10 on the second task takes twice as long: 10 days by the shock, 5 of its own and 5 by the shock."""
    redesign = {"at": "2025-01-11", "effect": "duration", "kind": "t1", "factor": 2.0}
    found = chain(10.0, 15.0, 10.0, shocks={"redesign": redesign})
    by = {name: sum(b - a for _t, held, a, b in found if held == name) for name in ("redesign", "")}
    assert by == {"redesign": pytest.approx(15.0), "": pytest.approx(5.0)}
    assert found[0] == ("t1", "redesign", 0.0, pytest.approx(10.0))


def test_a_stand_in_answers_for_what_comes_after_its_own_forecast() -> None:
    """The line comes on day 100 instead of 20; gas, called on day 30, is planned for day 40 and comes on day 50."""
    tasks = {
        "boxes": {"median_days": 20.0, "gives": "gpus"},
        "shell": {"median_days": 20.0, "gives": "halls"},
        "line": {"median_days": 20.0, "gives": "grid"},
        "gas": {"median_days": 10.0, "gives": "grid", "when": "late", "late_days": 10.0},
    }
    adds = {"gpus": {"one": 10}, "hall_mw": 1.0, "grid_mw": 1.0}
    sc = scenario({"p": {"adds": adds, "tasks": tasks}})
    network = TaskNetwork(sc)
    draws = Draws.of(network, sc, 0)
    draws.work_s[:] = [days_ * DAY_S for days_ in (20.0, 20.0, 100.0, 20.0)]
    grid = next(a.index for a in network.arrivals if a.component == "grid")
    found = [
        (s.activity.name, s.from_s / DAY_S, s.to_s / DAY_S) for s in slips(network, replay(network, sc, draws), grid)
    ]
    assert found == [("line", 20.0, pytest.approx(40.0)), ("gas", pytest.approx(40.0), pytest.approx(50.0))]


def assert_parts_fill_the_delay(seed: int, exact: bool) -> None:
    sc = random_scenario(seed, exact)
    network = TaskNetwork(sc)
    schedule = simulate(network, sc, seed)
    for arrival in network.arrivals:
        due_s, there_s = network.plan_s[arrival.index], schedule.time_s[arrival.index]
        parts = slips(network, schedule, arrival.index)
        assert bool(parts) == (there_s > due_s)
        if parts:
            edges = [due_s, *(part.to_s for part in parts)]
            assert edges[-1] == there_s
            assert [part.from_s for part in parts] == edges[:-1]
            assert all(part.to_s > part.from_s for part in parts)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), exact=st.booleans())
def test_parts_fill_the_delay(seed: int, exact: bool) -> None:
    assert_parts_fill_the_delay(seed, exact)


def forecasts(network: TaskNetwork, schedule, path: list, step_s: float) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Forecast [s] at each step of time while a path was done, and what was the matter then; written from the text."""
    shown, labels = [], []
    planned = [work.spec.median_days * DAY_S for work in path]
    for i, work in enumerate(path):
        ready_s, start_s, end_s = (x[work.index] for x in (schedule.ready_s, schedule.start_s, schedule.time_s))
        later_s, done_s = sum(planned[i + 1 :]), 0.0
        stops = [w for w in schedule.windows if w.hits(work) and w.spec.effect == "stop"]
        others = [w for w in schedule.windows if w.hits(work) and w.spec.effect == "duration"]
        for now_s in np.arange(ready_s, end_s, step_s):
            label = (work.name, "")
            if now_s < start_s:
                label = (work.name, work.spec.supply)
            elif stop := [w.name for w in stops if w.from_s <= now_s < w.to_s]:
                label = (work.name, stop[0])
            else:
                pace = np.prod([1.0 / w.spec.factor for w in others if w.from_s <= now_s < w.to_s])
                done_s += step_s * pace
            shown.append(now_s + max(planned[i] - done_s, 0.0) + later_s)
            labels.append(label)
    shown.append(schedule.time_s[path[-1].index])
    return np.array(shown), labels


def check_against_forecasts(seed: int) -> int:
    """Of the parts of random delays: what was the matter when the forecast passed their middle for the last time."""
    sc = random_scenario(seed, False)
    network = TaskNetwork(sc)
    schedule, step_s, checked = simulate(network, sc, seed), DAY_S, 0
    for arrival in network.arrivals:
        path = critical_path(network, schedule, giver(network, schedule, arrival.index))
        if any(work.stands_in for work in path):
            continue
        shown, labels = forecasts(network, schedule, path, step_s)
        for part in slips(network, schedule, arrival.index):
            if part.to_s - part.from_s > 6.0 * DAY_S:
                middle_s = (part.from_s + part.to_s) / 2.0
                last = int(np.flatnonzero(shown <= middle_s)[-1])
                assert labels[min(last, len(labels) - 1)] == (part.activity.name, part.held_by), (seed, arrival)
                checked += 1
    return checked


def test_parts_are_those_of_a_forecast_followed_in_small_steps() -> None:
    assert sum(check_against_forecasts(seed) for seed in range(25)) > 40


def test_a_ledger_that_forgets_the_time_won_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = slippage._moves
    monkeypatch.setattr(slippage, "_moves", lambda *given: (move for move in moves(*given) if move.by_s > 0.0))
    with pytest.raises(AssertionError):
        [check_against_forecasts(seed) for seed in range(40)]


def test_a_late_shell_is_booked_under_the_shell_though_the_fit_out_ends_last() -> None:
    """Denton, 2025: everything after the shell takes as long as planned; the ledger books 60 days of rain."""
    tasks = {
        "shell": {"median_days": 100.0},
        "fit_out": {"median_days": 80.0, "after": ["shell"], "gives": "gpus"},
    }
    rain = {"at": "2025-02-01", "days": 60.0, "effect": "stop", "kind": "shell"}
    sc = scenario({"p": {"adds": {"gpus": {"one": 10}}, "tasks": tasks}}, shocks={"rain": rain})
    booked = play(sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0})).ledger
    sums = booked.groupby(["cause", "held_by"])["gpu_hours"].sum().to_dict()
    assert sums == {("shell", "rain"): pytest.approx(10 * 24 * 60)}
