"""Resource-constrained projects: a published instance whose optimum is known, and one worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from gpusim.buildout.criticality import criticality
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import play
from tests.buildout.kit import random_scenario, scenario

DAY_S = 86_400.0
# Durations [d] and units of a crew of 4; the optimum is 160 (test RCPSP1 of the OscaR solver, oscar-cp, 2013).
OSCAR = [(50, 1), (30, 1), (90, 3), (10, 2), (20, 2), (80, 1), (30, 2), (20, 2), (20, 1), (10, 1), (10, 2)]
OPTIMUM = 160.0


def carried_out(order: list[int]) -> tuple[list[float], float]:
    """Starts [d] of the activities of the instance, and its end, if they stand in line in such an order."""
    projects = {
        f"a{i}": {
            "adds": {"gpus": {"one": 1}},
            "priority": len(order) - order.index(i),
            "tasks": {"work": {"median_days": float(d), "supply": "crew", "units": float(units), "gives": "gpus"}},
        }
        for i, (d, units) in enumerate(OSCAR)
    }
    supplies = {"crew": {"kind": "crew", "units": 4.0}}
    tasks = play(scenario(projects, supplies=supplies)).tasks
    return (tasks["start_s"] / DAY_S).tolist(), float(tasks["end_s"].max() / DAY_S)


def test_the_published_instance_in_its_optimal_order() -> None:
    """No unit of the crew is idle before the end, so no schedule can be shorter."""
    starts, end = carried_out([1, 4, 0, 6, 8, 5, 2, 9, 3, 7, 10])
    assert starts == pytest.approx([0, 0, 50, 140, 0, 50, 20, 140, 30, 130, 150])
    assert end == pytest.approx(OPTIMUM)
    assert sum(d * units for d, units in OSCAR) == 4 * OPTIMUM


def test_no_order_beats_the_optimum_and_none_overfills_the_crew() -> None:
    random, ends = np.random.default_rng(1), []
    for _ in range(15):
        starts, end = carried_out(random.permutation(len(OSCAR)).tolist())
        for now in starts:
            at_work = sum(u for (d, u), start in zip(OSCAR, starts, strict=True) if start <= now < start + d)
            assert at_work <= 4
        ends.append(end)
    assert min(ends) >= OPTIMUM
    assert max(ends) > OPTIMUM + 20.0  # the order matters


def test_an_instance_with_precedence_by_hand() -> None:
    """A crew of 3. At 0 A (2) and B (1). B ends at 2: C (2) is first in line and does not fit, D (1) may not pass it.

    A ends at 4: C and D. D ends at 5: E (2) waits for C, which ends at 9: E, until 12. Planned were B, D, E: 6.
    """
    activities = {"A": (4, 2, ""), "B": (2, 1, ""), "C": (5, 2, "B"), "D": (1, 1, "B"), "E": (3, 2, "D")}
    tasks = {
        name: {"median_days": float(d), "after": list(before), "supply": "crew", "units": float(units)}
        for name, (d, units, before) in activities.items()
    }
    tasks["E"]["gives"] = "gpus"
    sc = scenario(
        {"p": {"adds": {"gpus": {"one": 10}}, "tasks": tasks}}, supplies={"crew": {"kind": "crew", "units": 3.0}}
    )
    build_out = play(sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0}))
    at = build_out.tasks.set_index("task")
    assert (at["start_s"] / DAY_S).to_dict() == {"A": 0, "B": 0, "C": 4, "D": 4, "E": 9}
    assert build_out.projects.loc[0, ["planned_s", "delivered_s"]].tolist() == [6 * DAY_S, 12 * DAY_S]
    booked = build_out.ledger.groupby(["cause", "held_by"])["gpu_hours"].sum().to_dict()
    assert booked == pytest.approx({("D", "crew"): 10 * 24 * 2, ("E", "crew"): 10 * 24 * 4})


def paths_to(network: TaskNetwork, work: int) -> list[list[int]]:
    """All chains of tasks that end with one, by enumeration."""
    before = [m if m < len(network.activities) else network.planned_giver(m) for m in network.activities[work].before]
    return [[*path, work] for i in before for path in paths_to(network, i)] + [[work]]


@pytest.mark.parametrize("seed", range(12))
def test_the_plan_is_the_longest_of_all_paths(seed: int) -> None:
    network = TaskNetwork(random_scenario(seed, True))
    for work in network.activities:
        if not any(network.activities[i].stands_in for path in paths_to(network, work.index) for i in path):
            lengths = [
                network.activities[path[0]].earliest_s
                + sum(network.activities[i].spec.median_days for i in path) * DAY_S
                for path in paths_to(network, work.index)
            ]
            starts = [network.activities[i].earliest_s for path in paths_to(network, work.index) for i in path]
            if len(set(starts)) == 1:  # else a later project's start may count, in the middle of a path
                assert network.plan_s[work.index] == pytest.approx(max(lengths), abs=1e-3)


def test_criticality_of_two_unequal_branches_is_that_of_the_normal_law() -> None:
    """Lognormal branches of medians 100 and 110: the first is longer with Phi(ln(100 / 110) / hypot(s1, s2))."""
    s1, s2 = (np.log(p90 / median) / norm.ppf(0.9) for median, p90 in ((100.0, 160.0), (110.0, 140.0)))
    expected = norm.cdf(np.log(100.0 / 110.0) / np.hypot(s1, s2))
    tasks = {
        "hall": {"median_days": 100.0, "p90_days": 160.0},
        "line": {"median_days": 110.0, "p90_days": 140.0},
        "racks": {"median_days": 1.0, "after": ["hall", "line"], "gives": "gpus"},
    }
    found = criticality(scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": tasks}}), range(2000)).tasks
    index = found.set_index("task")["index"]
    assert index["hall"] == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2000))
    assert index["hall"] + index["line"] == pytest.approx(1.0)
