"""Levers: every way of turning a quantity, and what is refused."""

from __future__ import annotations

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned


@pytest.fixture(scope="module")
def small() -> Scenario:
    return Scenario.from_toml("seeds/small.toml")


def value(scenario: Scenario, *place: str) -> object:
    data = scenario.to_toml_dict()
    for part in place:
        data = data[part]
    return data


def turn(scenario: Scenario, key: str, how: str, amount: object) -> Scenario:
    return turned(scenario, [(Lever(keys=[key], how=how), amount)])


def faults(scenario: Scenario, *turns: tuple[str, str, object]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        turned(scenario, [(Lever(keys=[key], how=how), amount) for key, how, amount in turns])
    return caught.value.faults


def test_set_is_with(small: Scenario) -> None:
    changed = turn(small, "scheduler.order", "set", "sjf")
    assert changed.content_hash() == small.with_({"scheduler.order": "sjf"}).content_hash()


def test_add_and_scale_change_every_level(small: Scenario) -> None:
    more = turn(small, "sites.texas.grid_mw", "add", 0.1)
    assert [step["value"] for step in value(more, "sites", "texas", "grid_mw")] == [0.5, pytest.approx(0.9)]
    twice = turn(small, "sites.frankfurt.grid_mw", "scale", 2)
    assert value(twice, "sites", "frankfurt", "grid_mw") == 2.0


def test_gpus_stay_whole_nodes_and_whole_numbers_whole(small: Scenario) -> None:
    more = turn(small, "sites.texas.pools.H100.gpus", "scale", 1.1)
    assert value(more, "sites", "texas", "pools", "H100", "gpus") == 560  # 563.2, in nodes of 8
    assert turn(small, "services.chat.priority", "scale", 1.234).services["chat"].priority == 123


def test_what_has_a_lead_time_takes_effect_after_it(small: Scenario) -> None:
    def steps(key: str, from_day: float) -> list[tuple[float, float]]:
        changed = turned(small, [(Lever(keys=[key], how="add", from_day=from_day), 1.0)])
        levels = changed.sites[key.split(".")[1]].grid_mw
        return [(at / 86_400.0, level) for at, level in levels.steps(changed.run.start)]

    assert steps("sites.frankfurt.grid_mw", 2.0) == [(0.0, 1.0), (2.0, 2.0)]
    assert steps("sites.texas.grid_mw", 0.5) == [(0.0, 0.4), (0.5, 1.4), (1.0, 1.8)]
    assert steps("sites.texas.grid_mw", 1.0) == [(0.0, 0.4), (1.0, 1.8)]
    assert steps("sites.texas.grid_mw", 2.0) == [(0.0, 0.4), (1.0, 0.8), (2.0, 1.8)]


def test_a_star_is_any_name(small: Scenario) -> None:
    more = turn(small, "sites.*.grid_mw", "scale", 2.0)
    assert value(more, "sites", "frankfurt", "grid_mw") == 2.0
    assert value(more, "sites", "texas", "grid_mw")[1]["value"] == 1.6


def test_delay_moves_what_is_to_come(small: Scenario) -> None:
    late = turn(small, "sites.texas.grid_mw", "delay_days", 0.5)
    assert [step["at"] for step in value(late, "sites", "texas", "grid_mw")] == [0.0, 1.5]
    dated = small.with_(
        {"sites.texas.grid_mw": [{"at": "2026-06-01", "value": 1.0}, {"at": "2026-06-03", "value": 2.0}]}
    )
    assert value(turn(dated, "sites.texas.grid_mw", "delay_days", -1), "sites", "texas", "grid_mw")[1]["at"].startswith(
        "2026-06-02"
    )


def test_what_comes_before_the_start_is_there_from_the_start(small: Scenario) -> None:
    early = turn(small, "sites.texas.grid_mw", "delay_days", -5)
    assert value(early, "sites", "texas", "grid_mw") == [{"at": 0.0, "value": 0.8}]
    assert early.sites["texas"].grid_mw.steps(early.run.start) == [(0.0, 0.8)]


def test_only_rises_move(small: Scenario) -> None:
    """Levels 0.4, 0.9 from day 1, 0.3 from day 2, 0.6 from day 3: the two rises come earlier, the fall does not."""
    key = "sites.texas.grid_mw"
    levels = ((0.0, 0.4), (1.0, 0.9), (2.0, 0.3), (3.0, 0.6))
    falling = small.with_({key: [{"at": at, "value": value} for at, value in levels]})

    def steps(days: float) -> list[tuple[float, float]]:
        moved = turned(falling, [(Lever(keys=[key], how="delay_days", rises=True), days)])
        return [(step["at"], step["value"]) for step in value(moved, "sites", "texas", "grid_mw")]

    assert steps(-0.5) == [(0.0, 0.4), (0.5, 0.9), (2.0, 0.3), (2.5, 0.6)]
    assert steps(-1.5) == [(0.0, 0.9), (1.5, 1.2), (2.0, 0.6)]
    assert steps(-4.0) == [(0.0, 1.2), (2.0, 0.6)]
    rising = [(Lever(keys=[key], how="delay_days", rises=rises), -0.5) for rises in (True, False)]
    assert turned(small, rising[:1]).content_hash() == turned(small, rising[1:]).content_hash()


def test_there_and_back_is_the_same(small: Scenario) -> None:
    key = "sites.texas.grid_mw"
    both = turned(small, [(Lever(keys=[key], how="delay_days"), 1.0), (Lever(keys=[key], how="delay_days"), -1.0)])
    assert both.content_hash() == small.content_hash()


def test_levers_are_turned_one_after_the_other(small: Scenario) -> None:
    key = "sites.frankfurt.grid_mw"
    both = turned(small, [(Lever(keys=[key], how="add"), 1.0), (Lever(keys=[key], how="scale"), 3.0)])
    assert value(both, "sites", "frankfurt", "grid_mw") == 6.0


def test_all_faults_come_together(small: Scenario) -> None:
    found = faults(
        small,
        ("sites.texsa.grid_mw", "set", 1.0),
        ("sites.*.gird_mw", "scale", 1.0),
        ("scheduler.order", "add", 1.0),
        ("sites.frankfurt.grid_mw", "delay_days", 3.0),
        ("run.days", "add", -9.0),
    )
    assert len(found) == 5
    assert "did you mean 'texas'" in found[0]
    assert "nothing there to scale" in found[1]
    assert found[2].startswith('scheduler.order: found "fifo", which is not a number')
    assert "no steps to delay" in found[3]
    assert found[4].startswith("run.days: found -6.0")
