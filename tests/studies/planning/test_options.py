"""The table [plan]: levels, costs, and all that may be wrong with it."""

from __future__ import annotations

import pytest

from gpusim.errors import GpusimError, ScenarioError
from gpusim.scenario.option import Option
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.shop import Shop
from gpusim.studies.planning.space import Space
from tests.scenario.kit import faults, starter

POWER = {
    "key": "sites.texas.grid_mw", "how": "add", "range": [0, 0.8], "step": 0.1, "usd_per_unit": 10.5e6,
    "lead_time_days": 0.5,
}  # fmt: skip
ORDER = {"key": "scheduler.order", "choices": ["fifo", "sjf", "largest"], "usd": [0, 0, 50_000]}
LATE = {"key": "sites.*.grid_mw", "how": "delay_days", "range": [0, -1], "step": 0.5, "usd_per_unit": 1000}


def with_options(**options: dict) -> dict:
    return {**starter(), "plan": {"options": options}}


def test_levels_and_costs() -> None:
    power, order, late = (Option.model_validate(table) for table in (POWER, ORDER, LATE))
    assert power.levels() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert late.levels() == [0.0, -0.5, -1.0]
    assert [late.cost_usd(level) for level in range(3)] == [0.0, 500.0, 1000.0]
    assert [order.cost_usd(level) for level in range(3)] == [0.0, 0.0, 50_000.0]
    gpus = Option(key="k", how="add", range=[0, 64], step=32)
    assert [type(amount) for amount in gpus.levels()] == [int] * 3


def test_units_of_amounts() -> None:
    options = [Option.model_validate(table) for table in (POWER, ORDER, LATE)]
    amounts = [
        {"keys": ["sites.a.pools.H100.gpus", "sites.b.pools.H200.gpus"]},
        {"keys": ["sites.a.grid_mw", "links.l.gbps"]},
        {"key": "sites.a.grid_mw", "how": "scale"},
        {"key": "sites.a.pools.H100.gpus_per_node"},
    ]
    options += [Option(**{"how": "add", **one}) for one in amounts]
    assert [option.unit for option in options] == ["MW", "", "days", "GPUs", "", "", ""]


def test_runs_do_not_depend_on_what_may_be_bought() -> None:
    bare, plan = Scenario.from_dict(starter()), Scenario.from_dict(with_options(power=POWER, order=ORDER))
    assert "plan" not in bare.to_toml_dict()
    assert plan.content_hash() == bare.content_hash()
    assert Scenario.from_dict(plan.to_toml_dict()) == plan


def test_a_candidate_is_the_scenario_with_its_levers_turned() -> None:
    base = Scenario.from_dict(with_options(power=POWER, order=ORDER, late=LATE))
    shop = Shop(base)
    assert shop.scenario(shop.space.nothing) == Scenario.from_dict(starter())
    bought = shop.scenario((2, 1, 2))
    assert bought.scheduler.order == "sjf"
    steps = bought.to_toml_dict()["sites"]["texas"]["grid_mw"]
    # Added from half a day on, to what was 0.4 and from day 1 on 0.8; then all that comes later a day earlier.
    assert [(step["at"], round(step["value"], 9)) for step in steps] == [(0.0, 1.0)]
    assert bought.plan.options == {}


def test_neighbours() -> None:
    space = Space(
        {"a": Option(key="a", how="add", range=[0, 8], step=1), "o": Option(key="o", choices=["x", "y", "z"])}
    )
    assert space.smaller((6, 1)) == [(5, 1), (3, 1), (0, 1), (6, 0), (6, 2)]
    assert space.larger((5, 0)) == [(6, 0), (7, 0), (8, 0), (5, 1), (5, 2)]
    assert space.alone() == [(8, 0), (0, 1), (0, 2)]
    assert space.everything() == [(8, 0), (8, 1), (8, 2)]
    assert len(set(space.costliest_first())) == space.size == 27


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({**POWER, "key": "sites.texass.grid_mw"}, "key: sites.texass: not in the scenario (did you mean 'texas'?)"),
        ({**POWER, "key": "sites.texas.grid_mw.at"}, "key: sites.texas.grid_mw is a value, not a table"),
        ({**POWER, "key": "sites.*.grid"}, "key: sites.*.grid: not in the scenario (did you mean 'grid_mw'?)"),
        ({**POWER, "key": "services.chat.deployments.2.site"}, "deployments.2: not in the scenario; known: 0, 1"),
        ({**POWER, "key": "a..b"}, 'key: found "a..b"; give names joined by dots'),
        ({**POWER, "key": ""}, "key: missing"),
        ({**POWER, "range": [0.1, 0.8]}, 'range: found 0.1 first; give 0: nothing bought, with how = "add"'),
        ({**POWER, "range": [0, 0]}, "range: found [0.0, 0.0]; give two numbers"),
        ({**POWER, "step": 0.3}, "step: found 0.3, of which [0.0, 0.8] is not a multiple"),
        ({**POWER, "step": 1e-6}, "step: found 1e-06, which makes 800,000 amounts"),
        ({**POWER, "step": 0}, "step: missing"),
        ({**POWER, "usd_per_unit": -1}, "usd_per_unit: found -1; give a number, 0 or more"),
        ({**POWER, "choices": [1, 2]}, "range: found both range and choices"),
        ({**LATE, "lead_time_days": 1}, 'lead_time_days: does not go with how = "delay_days"'),
        ({**ORDER, "usd": [0, 1]}, "usd: found 2 costs of 3 choices"),
        ({**ORDER, "usd": [1, 1, 1]}, "usd: found 1 first; give 0"),
        ({**ORDER, "choices": ["fifo", "fifo"], "usd": []}, "choices: found one of them twice"),
        ({**ORDER, "how": "add"}, 'how: found "add" with choices'),
        ({**ORDER, "step": 1}, "step: goes with range"),
        ({**ORDER, "prices": [1]}, "prices: unknown key"),
    ],
)
def test_faults_of_an_option(table: dict, fault: str) -> None:
    found = faults(with_options(it=table))
    assert any(one.startswith("plan.options.it") and fault in one for one in found), found


def test_all_faults_are_told_together() -> None:
    data = with_options(**{"a/b": LATE}, one=ORDER, two=ORDER)
    data["run"]["days"] = -1
    found = "\n".join(faults(data))
    for fault in (
        "run.days: found -1",
        'plan.options."a/b": name not allowed',
        "plan.options.two.key: scheduler.order is set by option one too",
    ):
        assert fault in found


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({**POWER, "lead_time_days": 3}, "lead_time_days: found 3, the run ends on day 3; give a longer run"),
        ({**ORDER, "choices": ["sjf", "fifo"], "usd": []}, "begins with 'sjf'; give first what the scenario has"),
        ({**ORDER, "choices": ["fifo", "fiif"], "usd": []}, "it, fiif: scheduler.order: "),
        ({**POWER, "key": "scheduler.order"}, "scheduler.order: found"),
        (
            {**POWER, "key": "sites.texas.pools.H100.gpus", "range": [0, 16], "step": 4},
            "8 makes the same scenario as 4; GPUs come in whole nodes",
        ),
        ({**LATE, "key": "sites.frankfurt.grid_mw"}, "has no steps to delay"),
    ],
)
def test_options_that_do_not_work_in_the_scenario(table: dict, fault: str) -> None:
    with pytest.raises(ScenarioError) as error:
        Shop(Scenario.from_dict(with_options(it=table)))
    assert fault in str(error.value)


def test_an_option_is_no_figure_of_the_tables() -> None:
    with pytest.raises(ScenarioError, match=r"plan\.options\.goodput: tables of a plan have a column of this name"):
        Shop(Scenario.from_dict(with_options(goodput=POWER)))


def test_without_options_there_is_nothing_to_plan() -> None:
    with pytest.raises(GpusimError, match="nothing to buy"):
        Shop(Scenario.from_dict(starter()))
