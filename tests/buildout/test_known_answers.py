"""Textbook answers: critical path, PERT, queues for a supply, draws."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from scipy.stats import norm

from gpusim.buildout import activity
from gpusim.buildout.criticality import criticality
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import critical_path
from gpusim.buildout.play import play
from gpusim.buildout.schedule import simulate
from gpusim.buildout.supply import Calendar, SharedSupply
from gpusim.scenario.project import Supply
from gpusim.units import MONTH_S
from tests.buildout.kit import days, scenario

DAY_S = 86_400.0


def test_critical_path_by_hand() -> None:
    """A 3; B 4, C 2 after A; D 5 after B; E 1, F 2 after C; G 4 after D, E; H 3 after F, G: 19, by A, B, D, G, H."""
    graph = {"A": (3, ""), "B": (4, "A"), "C": (2, "A"), "D": (5, "B"), "E": (1, "C"), "F": (2, "C"), "G": (4, "DE"),
             "H": (3, "FG")}  # fmt: skip
    tasks = {name: {"median_days": float(d), "after": list(before)} for name, (d, before) in graph.items()}
    tasks["H"]["gives"] = "gpus"
    build_out = play(scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": tasks}}))
    ends = build_out.tasks.set_index("task")["end_s"] / DAY_S
    assert ends.to_dict() == {"A": 3, "B": 7, "C": 5, "D": 12, "E": 6, "F": 7, "G": 16, "H": 19}
    assert build_out.paths["task"].tolist() == ["A", "B", "D", "G", "H"]
    assert build_out.tasks.loc[build_out.tasks["critical"], "task"].tolist() == ["A", "B", "D", "G", "H"]
    assert build_out.projects.loc[0, ["planned_s", "delivered_s", "late_s"]].tolist() == [19 * DAY_S, 19 * DAY_S, 0.0]


def chain(n: int, median: float, p90: float) -> dict:
    tasks = days(*[median] * n)
    return {name: {**task, "p90_days": p90} for name, task in tasks.items()}


def test_a_chain_of_lognormals_has_the_mean_and_variance_of_pert() -> None:
    """Independent durations in series: means and variances add. 2,000 replications: 4 standard errors."""
    sc = scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": chain(6, 100.0, 150.0)}})
    took = criticality(sc, range(2000)).deliveries["delivered_s"] / DAY_S
    sigma2 = (np.log(1.5) / norm.ppf(0.9)) ** 2
    mean, variance = 100.0 * np.exp(sigma2 / 2), 100.0**2 * np.exp(sigma2) * (np.exp(sigma2) - 1)
    assert took.mean() == pytest.approx(6 * mean, abs=4 * np.sqrt(6 * variance / 2000))
    assert took.var() == pytest.approx(6 * variance, rel=4 * np.sqrt(2.6 / 2000))


def exceeded() -> float:
    """Share of durations beyond their p90."""
    sc = scenario({f"p{i}": {"adds": {"gpus": {"one": 1}}, "tasks": chain(1, 10.0, 17.0)} for i in range(50)})
    network = TaskNetwork(sc)
    return float(np.mean([np.array(network.durations.work_s(seed)) > 17.0 * DAY_S for seed in range(40)]))


def test_one_in_ten_durations_exceeds_the_p90(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exceeded() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 2000))
    monkeypatch.setattr(activity, "P90", 1.0)  # the p90 taken for one standard deviation
    assert exceeded() > 0.13


def queue(spec: Supply, level: float, gaps_s: np.ndarray, holds_s: np.ndarray) -> np.ndarray:
    """[s] Waits of requests for one unit that come after gaps and hold it for a time."""
    env, waits_s = Calendar(), np.zeros(len(gaps_s))
    supply = SharedSupply(env, spec, [(float("-inf"), level)])

    def request(i: int, at_s: float):
        yield env.at(at_s)
        yield supply.ask(i, 1.0, 0)
        waits_s[i] = env.now - at_s
        if supply.is_crew:
            yield env.at(env.now + holds_s[i])
            supply.give_back(1.0)

    for i, at_s in enumerate(accumulate(gaps_s.tolist())):
        env.process(request(i, at_s))
    env.run()
    return waits_s


def test_a_stock_that_keeps_one_unit_is_a_queue_with_constant_service() -> None:
    """Each wait is that of Lindley's recursion, their mean that of M/D/1, rho / (2 mu (1 - rho)), at a load of 0.6."""
    gaps_s = np.random.default_rng(1).exponential(1 / 0.6, 20_000) * DAY_S
    per_month = MONTH_S / DAY_S  # one a day
    spec = Supply(kind="stock", per_month=per_month, at_start=1.0, most=1.0)
    waits_s = queue(spec, per_month, gaps_s, np.zeros(len(gaps_s)))
    expected = list(accumulate(gaps_s[1:], lambda wait, gap: max(0.0, wait + DAY_S - gap), initial=0.0))
    assert waits_s == pytest.approx(expected, abs=1.0)
    assert waits_s.mean() / DAY_S == pytest.approx(0.6 / (2 * 0.4), rel=0.06)


def test_a_crew_is_a_queue_with_many_servers() -> None:
    """Three at a time, exponential work, load 0.8: each wait is that of Kiefer and Wolfowitz' recursion."""
    random = np.random.default_rng(2)
    gaps_s, holds_s = random.exponential(1 / 2.4, 5_000) * DAY_S, random.exponential(1.0, 5_000) * DAY_S
    waits_s = queue(Supply(kind="crew", units=3.0), 3.0, gaps_s, holds_s)
    free_s, now, expected = [0.0] * 3, 0.0, []
    for gap_s, hold_s in zip(gaps_s, holds_s, strict=True):
        now += gap_s
        start = max(now, min(free_s))
        free_s[free_s.index(min(free_s))] = start + hold_s
        expected.append(start - now)
    assert waits_s == pytest.approx(expected, abs=1e-3)
    assert max(expected) > DAY_S


def test_expediting_halves_what_is_late_and_costs() -> None:
    """Ten days late by a wait for the crew: the second project's work is hurried, the first's is not."""
    task = {"work": {"median_days": 10.0, "supply": "crew", "gives": "gpus", "usd": 3.0,
                     "expedite": {"factor": 0.5, "usd": 4.0, "late_days": 9.0}}}  # fmt: skip
    projects = {name: {"adds": {"gpus": {"one": 1}}, "tasks": task} for name in ("a", "b")}
    build_out = play(scenario(projects, supplies={"crew": {"kind": "crew", "units": 1.0}}))
    assert (build_out.tasks["end_s"] / DAY_S).tolist() == [10.0, 15.0]
    assert build_out.tasks["waited_s"].tolist() == [0.0, 10 * DAY_S]
    assert build_out.tasks["usd"].tolist() == [3.0, 7.0]


def late_grid(gas_days: float) -> dict:
    """Grid after 10 days, that a ban on its work makes 110; gas stands in for it from day 40 on."""
    tasks = {
        "line": {"median_days": 10.0, "gives": "grid", "usd": 1.0},
        "gas": {"median_days": gas_days, "gives": "grid", "when": "late", "late_days": 30.0, "usd": 50.0},
        "racks": {"median_days": 5.0, "after": ["grid"], "gives": "gpus"},
    }
    ban = {"at": "2025-01-01", "days": 100.0, "effect": "stop", "kind": "line"}
    return {"projects": {"p": {"adds": {"gpus": {"one": 1}, "grid_mw": 1.0}, "tasks": tasks}}, "shocks": {"ban": ban}}


def test_a_stand_in_comes_when_the_main_task_is_late() -> None:
    build_out = play(scenario(**late_grid(20.0)))
    assert (build_out.tasks["start_s"] / DAY_S).tolist() == [0.0, 40.0, 60.0]
    assert build_out.capacity.set_index("component")["task"].to_dict() == {"gpus": "racks", "grid": "gas"}
    assert build_out.paths[["task", "held_by"]].to_numpy().tolist() == [["line", "ban"], ["gas", ""], ["racks", ""]]
    assert (build_out.paths["to_s"] / DAY_S).tolist() == [40.0, 60.0, 65.0]
    slow = play(scenario(**late_grid(200.0)))
    assert slow.capacity.set_index("component")["task"].to_dict() == {"gpus": "racks", "grid": "line"}
    assert slow.tasks["usd"].sum() == 51.0  # begun, and paid for nothing
    in_time = late_grid(20.0)
    del in_time["shocks"]
    quiet = play(scenario(**in_time))
    assert quiet.tasks["start_s"].isna().tolist() == [False, True, False]
    assert quiet.tasks["usd"].sum() == 1.0


def test_a_reform_doubles_the_pace_from_its_day_on() -> None:
    """40 days of work, 20 done when the reform comes: the rest takes 10."""
    reform = {"at": "2025-01-21", "effect": "duration", "kind": "t0", "factor": 0.5}
    sc = scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": days(40.0)}}, shocks={"reform": reform})
    assert play(sc).projects.loc[0, "delivered_s"] == 30 * DAY_S


def test_what_never_comes_is_never() -> None:
    """A stock of nothing: no date, and all that was planned is missing for want of it."""
    tasks = {"boxes": {"median_days": 5.0, "supply": "vendor", "gives": "gpus"}}
    parts = {"adds": {"gpus": {"one": 10}}, "tasks": tasks}
    sc = scenario({"p": parts}, supplies={"vendor": {"kind": "stock", "per_month": 0.0}})
    sc = sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0})
    build_out = play(sc)
    assert build_out.projects["delivered_s"].isna().all()
    assert build_out.ledger["held_by"].unique().tolist() == ["vendor"]
    assert build_out.ledger["gpu_hours"].sum() == pytest.approx(10 * 24 * (3000 - 5))
    assert criticality(sc, range(3)).dates.loc[0, ["p50_s", "never"]].tolist() == [float("inf"), 1.0]


def test_projects_share_all_draws_but_their_own() -> None:
    """Common random numbers: another project, or another task of one, leaves the rest as it was."""
    one, two = ({"adds": {"gpus": {"one": 1}}, "tasks": chain(n, 50.0, 80.0)} for n in (2, 3))
    alone, both = play(scenario({"b": one}), 5), play(scenario({"a": two, "b": one}), 5)
    ends = [p.tasks[p.tasks["project"] == "b"]["end_s"].tolist() for p in (alone, both)]
    assert ends[0] == ends[1]
    assert both.tasks["end_s"].tolist() != play(scenario({"a": two, "b": one}), 6).tasks["end_s"].tolist()


def test_criticality_of_two_equal_branches_is_even() -> None:
    """Two branches of the same law: each is critical in half of the replications; what follows both, always."""
    work = {"median_days": 50.0, "p90_days": 80.0}
    tasks = {"left": work, "right": work, "join": {"median_days": 1.0, "after": ["left", "right"], "gives": "gpus"}}
    index = criticality(scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": tasks}}), range(1000)).tasks
    index = index.set_index("task")["index"]
    assert index["join"] == 1.0
    assert index["left"] + index["right"] == 1.0
    assert index["left"] == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 1000))


def test_each_task_of_a_critical_path_ends_where_the_next_is_ready() -> None:
    sc = scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": chain(5, 50.0, 80.0)}})
    network = TaskNetwork(sc)
    schedule = simulate(network, sc, 1)
    path = critical_path(network, schedule, 4)
    for before, after in pairwise(path):
        assert schedule.time_s[before.index] == schedule.ready_s[after.index]
