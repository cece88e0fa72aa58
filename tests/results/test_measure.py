"""Figures of a run, as a study names them."""

from __future__ import annotations

import pytest

from gpusim.engine.run import run as simulate
from gpusim.results.measure import BY_CAUSE, MEASURES, Measure, absent
from gpusim.results.outcome import outcome
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import starter


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("goodput", ("fleet", "", "", "goodput")),
        (" fleet  wait_p95_s", ("fleet", "", "", "wait_p95_s")),
        ("job_class research waited_p95_s", ("job_class", "research", "", "waited_p95_s")),
        ("site st. louis energy_usd", ("site", "st. louis", "", "energy_usd")),
        ("pool texas/H100 useful_gpu_hours", ("pool", "texas/H100", "", "useful_gpu_hours")),
        ("pool st. louis/H100 idle_power gpu_hours_lost", ("pool", "st. louis/H100", "idle_power", "gpu_hours_lost")),
    ],
)
def test_texts_and_back(text: str, measure: tuple) -> None:
    found = Measure.parse(text)
    assert found == measure
    assert Measure.parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "unknown figure ''; known: planned_gpu_hours"),
        ("goodputt", "unknown figure 'goodputt' (did you mean 'goodput'?); known: planned_gpu_hours"),
        ("service", 'a name and a measure are missing; give say "service NAME wanted_replicas"'),
        ("tenants lab jobs", "unknown kind 'tenants' (did you mean 'tenant'?); known: job_class, tenant"),
        ("service chat served_shares", "unknown figure of a service 'served_shares' (did you mean 'served_share'?)"),
        ("service served_share", 'a name is missing; give "service NAME served_share"'),
        ("pool texas/H100 gpu_hours_lost", 'a name is missing; give "pool SITE/TYPE CAUSE gpu_hours_lost"'),
        ("site texas gpu_hours_lost", "unknown figure of a site 'gpu_hours_lost'"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match="unknown|missing") as error:
        Measure.parse(text)
    assert str(error.value).startswith(fault)


def test_names_are_of_the_scenario() -> None:
    scenario = Scenario.from_dict(starter())
    for text in ("goodput", "size 2-8 jobs", "site texas pue", "pool frankfurt/H200 useful_gpu_hours"):
        assert absent(Measure.parse(text), scenario) == ""
    assert absent(Measure.parse("site texass pue"), scenario) == (
        "no site 'texass' (did you mean 'texas'?); known: texas, frankfurt"
    )
    assert absent(Measure.parse("size 8 jobs"), scenario).startswith("no size '8'")
    assert absent(Measure.parse("job_class batch jobs"), scenario) == "no job_class 'batch'; known: research"
    assert absent(Measure.parse("pool texas/H200 busy usd"), scenario).startswith("no pool 'texas/H200' (did you mean")
    replay = scenario.with_({"workload.trace": "jobs.csv"})  # which may name any class
    assert absent(Measure.parse("job_class batch jobs"), replay) == ""


def test_figures_of_requests_are_of_services_with_a_model() -> None:
    attainment, percentile = (Measure.parse(f"service chat {name}") for name in ("attainment", "ttft_p99_s"))
    of_all = Measure.parse("service_attainment")
    plain = Scenario.from_dict(starter())
    assert absent(attainment, plain) == "attainment is a figure of services with a model; give chat one"
    assert absent(of_all, plain).endswith("services that have a model; this one has none")
    fluid = plain.with_({"services.chat.model": {"name": "Llama-3.1-8B", "tp": 8}})
    assert absent(attainment, fluid) == absent(of_all, fluid) == ""
    assert absent(percentile, fluid) == 'ttft_p99_s is a figure of services by requests; give chat level = "requests"'
    assert absent(percentile, fluid.with_({"services.chat.level": "requests"})) == ""


def test_every_figure_is_in_the_outcome_of_a_run_and_no_other() -> None:
    """Checked against a run of jobs and a service, whose outcome holds all kinds of things."""
    table = outcome(simulate(Scenario.from_dict(starter(), overrides={"run.days": 0.2}), seed=0))
    found = table[table["cause"] == ""].groupby("kind")["measure"].unique()
    assert {kind: set(measures) for kind, measures in found.items()} == {
        kind: set(measures)
        for kind, measures in MEASURES.items()
        if kind not in ("contract", "project", "task_kind", "held_by")
    }
    assert set(table.loc[table["cause"] != "", "measure"]) == set(BY_CAUSE)
    for row in table.itertuples():
        measure = Measure(row.kind, row.name, row.cause, row.measure)
        assert Measure.parse(measure.text) == measure
