"""Goals: what a text means, by how much figures keep it, and what is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.errors import GoalError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.goal import Goal
from tests.scenario.kit import starter


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Class research, tenant lab, service chat, bot by requests; a class and a tenant of one name, "R and D"."""
    data = starter()
    model = {"name": "Llama-3.1-8B", "tp": 8}
    data["services"]["bot"] = {**data["services"]["chat"], "level": "requests", "model": model}
    data["tenants"]["R and D"] = {}
    data["workload"]["classes"]["R and D"] = {}
    return Scenario.from_dict(data)


@pytest.mark.parametrize(
    ("text", "measure", "limit"),
    [
        ("p95 wait of research < 2 h", "job_class research waited_p95_s", 7200.0),
        ("mean wait of lab<=10min", "tenant lab waited_mean_s", 600.0),
        ("p99 wait of tenant R and D < 1.5 days", "tenant R and D waited_p99_s", 129_600.0),
        ("p50 wait of size 9-64 < 90 s", "size 9-64 waited_p50_s", 90.0),
        ("p90 wait < 1 day", "job_class * waited_p90_s", 86_400.0),
        ("slo(chat) >= 99%", "service chat served_share", 0.99),
        ("slo >= .995", "service_tokens_served_share", 0.995),
        ("attainment(bot) >= 99%", "service bot attainment", 0.99),
        ("attainment > 0.9", "service_attainment", 0.9),
        ("service bot token_time_p99_s < 20 ms", "service bot token_time_p99_s", 0.02),
        ("service bot ttft_p99_s < 0.5", "service bot ttft_p99_s", 0.5),
        ("service bot goodput_requests_per_s > 10", "service bot goodput_requests_per_s", 10.0),
        ("goodput > 9e-1", "goodput", 0.9),
        ("job_class research waited_p95_s < 7200", "job_class research waited_p95_s", 7200.0),
        ("fleet wait_p95_s < 7200", "wait_p95_s", 7200.0),
        ("energy_usd < 1.2M", "energy_usd", 1.2e6),
        ("site texas energy_usd < 40k USD", "site texas energy_usd", 40_000.0),
        ("energy_facility_mwh <= 2 GWh", "energy_facility_mwh", 2000.0),
        ("pool texas/H100 idle_power gpu_hours_lost < 1_000", "pool texas/H100 idle_power gpu_hours_lost", 1000.0),
    ],
)
def test_one_condition(scenario: Scenario, text: str, measure: str, limit: float) -> None:
    (condition,) = Goal.parse(text, scenario).conditions
    assert condition.measure.text == measure
    assert condition.limit == pytest.approx(limit, rel=1e-15)


def test_conditions_are_joined_by_and(scenario: Scenario) -> None:
    goal = Goal.parse("p95  wait of job_class R and D < 2 h and slo(chat) >= 0.99 and p95 wait < 3 h", scenario)
    assert [one.text for one in goal.conditions] == [
        "p95 wait of job_class R and D", "slo(chat)", "p95 wait of the worst job class",
    ]  # fmt: skip
    assert [one.shown for one in goal.conditions] == ["2 h", "0.99", "3 h"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", 'found "", which has no limit; give conditions joined by "and"'),
        ("goodput", 'found "goodput", which has no limit'),
        ("0.9 < goodput < 1", 'found "0.9 < goodput < 1"; give conditions'),
        ("p95 wait of reserch < 2 h", "no job class or tenant 'reserch' (did you mean 'research'?); known: job_class"),
        ("p95 wait of R and D < 2 h", "\"p95 wait of job_class R and D\" or \"p95 wait of tenant R and D\""),
        ("p95 wait of tenant labs < 2 h", "no tenant 'labs' (did you mean 'lab'?)"),
        ("p75 wait of lab < 2 h", "unknown measure of waits 'p75' (did you mean 'p95'?); known: mean, p50, p90, p95"),
        ("p95 wait of lab < 2", "found limit '2' without a unit; give one of s, min, h, day, days"),
        ("p95 wait of lab < 2 MWh", "found unit 'MWh'; give a number"),
        ("p95 wait of size 8 < 2 h", "no size '8'"),
        ("goodput > 90 h", "found unit 'h'; give a number, such as 10, 2.5, 40k or 1.2M, and the unit %"),
        ("goodput > much", "found limit 'much'"),
        ("goodput > 1e999", "found limit '1e999'"),
        ("attainment(chat) > 0.9", "attainment is a figure of services with a model; give chat one"),
        ("attainment(bott) > 0.9", "no service 'bott' (did you mean 'bot'?)"),
        ("service bot goodput_requests_per_s > 10 s", "found unit 's'"),
        ("slo(chatt) > 0.9", "no service 'chatt' (did you mean 'chat'?); known: chat, bot"),
        ("goodputt > 0.9", "unknown figure 'goodputt' (did you mean 'goodput'?)"),
        ("slo > 0.9 and slo > 0.95", '"slo": has two limits; give one'),
    ],
)  # fmt: skip
def test_faults(scenario: Scenario, text: str, fault: str) -> None:
    with pytest.raises(GoalError) as error:
        Goal.parse(text, scenario)
    assert str(error.value).startswith("goal: ")
    assert fault in str(error.value)


def test_all_faults_are_told_together(scenario: Scenario) -> None:
    with pytest.raises(GoalError, match="(?s)'reserch'.*'chatt'"):
        Goal.parse("p95 wait of reserch < 2 h and slo(chatt) > 0.9", scenario)


def test_names_of_a_trace_need_their_kind(scenario: Scenario) -> None:
    replay = scenario.with_({"workload.trace": "jobs.csv"})
    assert Goal.parse("p95 wait of tenant vc7 < 2 h", replay).conditions[0].measure.name == "vc7"
    with pytest.raises(
        GoalError, match='may be a job class or a tenant of the trace; give "p95 wait of job_class vc7"'
    ):
        Goal.parse("p95 wait of vc7 < 2 h", replay)


def test_margins_and_shortfall_by_hand(scenario: Scenario) -> None:
    goal = Goal.parse("mean wait < 100 s and slo >= 0.8", scenario)
    values = np.array([[50.0, 0.9], [150.0, 0.4], [np.inf, 0.8], [np.nan, 0.8]])
    np.testing.assert_allclose(goal.margins(values), [[0.5, 0.125], [-0.5, -0.5], [-np.inf, 0.0], [np.nan, 0.0]])
    np.testing.assert_allclose(goal.shortfall(values), [0.0, 1.0, np.inf, np.inf])
    assert goal.met(values).tolist() == [True, False, False, False]


@pytest.mark.parametrize(("operator", "met"), [("<", False), ("<=", True), (">", False), (">=", True)])
@pytest.mark.parametrize("limit", [0.0, 1.0, 1e9])
def test_the_limit_itself(scenario: Scenario, operator: str, met: bool, limit: float) -> None:
    goal = Goal.parse(f"jobs_waiting_at_end {operator} {limit:.0f}", scenario)
    assert bool(goal.met(np.array([limit]))) == met
    assert (goal.shortfall(np.array([limit])) == 0.0) == met
    beyond = limit + (1.0 if operator.startswith("<") else -1.0)
    assert not goal.met(np.array([beyond]))
    assert goal.met(np.array([2.0 * limit - beyond]))
