"""The search against enumeration, on made-up figures: the same plan, the same front, fewer runs."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.scenario.option import Option
from gpusim.studies.planning.goal import Goal
from gpusim.studies.planning.search import Search
from gpusim.studies.planning.space import Space
from tests.studies.planning.kit import GOAL, World, enumerated, space

CASES = 12


def searched(world: World, budget: int = 10_000, replications: int = 3, goal: Goal = GOAL, **options) -> Search:
    search = Search(world.space, goal, world.evaluate, budget=budget, replications=replications, **options)
    search.play()
    return search


def cheapest_usd(search: Search) -> float | None:
    found = search.evidence.cheapest()
    return None if found is None else search.space.cost_usd(found)


def front_of(search: Search) -> list[tuple[float, float]]:
    return [(search.space.cost_usd(one), search.evidence.shortfall(one)) for one in search.evidence.front()]


def world(case: int, noise: float = 0.0) -> World:
    random = np.random.default_rng(case)
    return World(space(random), random, noise, start_s=random.uniform(60.0, 600.0))


def test_the_cheapest_plan_and_the_front_are_those_of_enumeration() -> None:
    """Without noise nothing is stopped by mistake. Some of the goals cannot be met."""
    runs, cheapest = 0.0, []
    for case in range(CASES):
        search = searched(made := world(case), replications=2)
        cost, front = enumerated(made, GOAL, replications=2)
        assert search.ended == "all"
        assert cheapest_usd(search) == cost, case
        np.testing.assert_allclose(front_of(search), front, err_msg=str(case))
        cheapest.append(cost)
        runs += search.runs / (2 * made.space.size)
    assert None in cheapest
    assert len(set(cheapest)) > CASES // 2
    assert runs / CASES < 0.9  # of what enumeration runs, though spaces are as small as 4 candidates


@pytest.mark.parametrize("case", range(3))
def test_in_a_large_space_enumeration_takes_many_times_the_runs(case: int) -> None:
    search = searched(made := large(case), replications=2)
    cost, front = enumerated(made, GOAL, replications=2)
    assert search.ended == "all"
    assert cheapest_usd(search) == cost
    np.testing.assert_allclose(front_of(search), front)
    assert search.runs < 0.05 * 2 * made.space.size


def test_with_noise_candidates_are_stopped_and_the_plan_stays() -> None:
    """Pairs share most of their noise: hopeless candidates are stopped, and at 95% hardly ever a wrong one."""
    right, stopped = 0, 0
    for case in range(CASES):
        search = searched(made := world(case, noise=0.1), replications=5)
        cost, _front = enumerated(made, GOAL, replications=5)
        right += cheapest_usd(search) == cost
        stopped += sum(search.evidence.runs(one) < 5 for one in search.evidence.figures)
        assert search.runs == len(made.runs)
    assert right >= CASES - 1
    assert stopped > CASES


def test_a_search_without_shortfall_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where every candidate seems to meet the goal, nothing is bought, and enumeration objects."""
    monkeypatch.setattr(Goal, "shortfall", lambda self, values: np.zeros(np.shape(values)[:-1]))
    blind = [cheapest_usd(searched(world(case), replications=2)) for case in range(CASES)]
    monkeypatch.undo()
    assert set(blind) == {0.0}
    assert sum(enumerated(world(case), GOAL, 2)[0] != 0.0 for case in range(CASES)) > CASES // 2


def large(case: int) -> World:
    """Three options of 9 amounts: 729 candidates."""
    random = np.random.default_rng(case)
    prices = random.integers(5, 30, 3)
    amounts = {"how": "add", "range": [0, 8], "step": 1}
    options = {name: Option(key=name, usd_per_unit=float(usd), **amounts) for name, usd in zip("abc", prices)}
    return World(Space(options), random, 0.05, start_s=500.0)


def test_a_budget_is_kept_and_more_of_it_finds_no_worse() -> None:
    made, costs = large(2), []
    for budget in (12, 20, 40):
        made.runs = []
        search = searched(made, budget, replications=2)
        assert len(made.runs) == search.runs <= budget
        assert search.ended == "budget"
        costs.append(cheapest_usd(search))
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1] == enumerated(made, GOAL, 2)[0]


def test_of_the_plan_found_no_option_can_be_less() -> None:
    """A step less of any one option misses the goal, or was stopped as surely missing it."""
    search = searched(large(1), replications=2)
    best = search.evidence.cheapest()
    for place, level in enumerate(best):
        if level:
            less = (*best[:place], level - 1, *best[place + 1 :])
            assert less in search.evidence.figures
            assert search.evidence.shortfall(less) > 0.0


def test_the_same_search_twice() -> None:
    first, second = large(2), large(2)
    one, two = searched(first, replications=2, seed=3), searched(second, replications=2, seed=3)
    assert first.runs == second.runs
    assert front_of(one) == front_of(two)
    searched(other := large(2), replications=2, seed=4)
    assert other.runs != first.runs


def test_what_costs_too_much_is_not_run() -> None:
    made = large(0)
    search = searched(made, 60, replications=2, most_usd=30.0)
    assert {made.space.cost_usd(candidate) <= 30.0 for candidate, _r in made.runs} == {True}
    assert front_of(search)[-1][1] > 0.0


def test_nothing_is_bought_when_nothing_is_needed() -> None:
    made = World(space(random := np.random.default_rng(1)), random, start_s=1.0)
    goal = Goal("wait < 100 s", GOAL.conditions[:1])
    search = Search(made.space, goal, lambda places: [v[:1] for v in made.evaluate(places)], budget=99, replications=5)
    search.play()
    assert search.evidence.cheapest() == made.space.nothing
    assert (search.runs, search.ended) == (5, "all")


def test_a_figure_that_is_not_known_is_not_met() -> None:
    made = world(0)
    search = Search(
        made.space, GOAL, lambda places: [v * [1.0, np.nan] for v in made.evaluate(places)], budget=99, replications=2
    )
    search.play()
    assert search.evidence.cheapest() is None
    assert search.evidence.shortfall(search.evidence.front()[-1]) == np.inf
    assert not any(search.evidence.is_sure(one) for one in search.evidence.complete())
