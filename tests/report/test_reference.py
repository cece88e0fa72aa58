"""docs/scenario.md is what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpusim.report.reference import meaning, tables, text
from gpusim.scenario import kinds
from gpusim.scenario.rules import NAMES
from gpusim.scenario.scenario import Scenario

MODELS = [(path, model) for path, model, _is_list in tables(Scenario)]
DOCUMENT = Path(__file__).parents[2] / "docs" / "scenario.md"


def test_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "run: python -m gpusim.report.reference docs/scenario.md"


def test_every_table_stands_in_it() -> None:
    found = [path for path, _model, _is_list in tables(Scenario)]
    assert {path.removeprefix("rules.") for path in found if path.count(".") == 1} >= set(NAMES)
    assert [path for path in found if not path.startswith("rules.")] == [
        "",
        "run",
        "scheduler",
        "gpus.NAME",
        "sites.NAME",
        "sites.NAME.non_firm",
        "sites.NAME.non_firm.calls",
        "sites.NAME.on_site",
        "sites.NAME.on_site.generators.NAME",
        "sites.NAME.on_site.battery",
        "sites.NAME.on_site.solar",
        "sites.NAME.pools.NAME",
        "sites.NAME.pools.NAME.feeders",
        "sites.NAME.pools.NAME.feeders.rack",
        "sites.NAME.pools.NAME.feeders.busway",
        "sites.NAME.pools.NAME.feeders.hall",
        "sites.NAME.cooling",
        "sites.NAME.cooling.conversion.NAME",
        "sites.NAME.storage",
        "sites.NAME.sustainability",
        "sites.NAME.marginal",
        "sites.NAME.tariff",
        "sites.NAME.tariff.agreements.NAME",
        "sites.NAME.tariff.day_ahead",
        "links.NAME",
        "data_sets.NAME",
        "tenants.NAME",
        "workload",
        "workload.classes.NAME",
        "workload.classes.NAME.scaling",
        "workload.classes.NAME.scaling.goodput",
        "workload.streams.NAME",
        "workload.streams.NAME.exchange",
        "workload.contracted",
        "services.NAME",
        "services.NAME.deployments",
        "services.NAME.model",
        "services.NAME.model.speculation",
        "services.NAME.model.offload",
        "services.NAME.model.lora",
        "services.NAME.requests",
        "services.NAME.objectives",
        "services.NAME.users.NAME",
        "services.NAME.routing",
        "services.NAME.prefill",
        "services.NAME.scaling",
        "failures",
        "failures.causes.NAME",
        "failures.repairs.NAME",
        "failures.maintenance.NAME",
        "projects.NAME",
        "projects.NAME.adds",
        "projects.NAME.tasks.NAME",
        "projects.NAME.tasks.NAME.expedite",
        "supplies.NAME",
        "shocks.NAME",
        "rivals.NAME",
        "rivals.NAME.orders.NAME",
        "rivals.NAME.reaction",
        "rivals.NAME.lets",
        "delays",
        "contracts.NAME",
        "market",
        "market.index",
        "market.ageing",
        "market.demand",
        "market.demand.gpus.NAME",
        "money",
        "money.opening",
        "money.resale",
        "money.loans.NAME",
        "rules",
        "assumptions.NAME",
        "plan",
        "plan.options.NAME",
    ]


@pytest.mark.parametrize(("path", "model"), MODELS)
def test_every_key_has_a_meaning(path: str, model: type) -> None:
    assert [name for name in model.model_fields if not meaning(model, name)] == []


@pytest.mark.parametrize(("path", "model"), MODELS)
def test_units_of_names_stand_in_the_meaning(path: str, model: type) -> None:
    units = {
        "_s": "[s]", "_days": "[d]", "_w": "[W]", "_h": "[h]", "_c": "[C]", "_mw": "[MW]", "_gb": "[GB]", "_tb": "[TB]",
        "_usd_per_mwh": "[USD/MWh]", "_g_per_kwh": "[g/kWh]", "_gb_s": "[GB/s]", "usd_per_gb": "[USD/GB]",
    }  # fmt: skip
    for name in model.model_fields:
        ending = max((ending for ending in units if name.endswith(ending)), key=len, default=None)
        if ending and not name.endswith(("_per_s", "_tokens_per_s", "usd_per_mw", "per_1000_days")):
            assert units[ending] in meaning(model, name), f"{path}.{name}"


def test_words() -> None:
    assert kinds.in_words(kinds.at(Scenario, ("run", "days"))) == "a number greater than 0, 36,525 at most"
    assert kinds.in_words(kinds.at(Scenario, ("sites", "x", "latitude"))) == "a number from -90 to 90"
    assert kinds.in_words(kinds.at(Scenario, ("services", "x", "gpus_per_replica"))) == "a whole number greater than 0"
    assert (
        kinds.in_words(kinds.at(Scenario, ("sites", "x", "grid_mw", 0, "value"))) == "a number from 0 to 1,000,000,000"
    )
    assert (
        kinds.in_words(kinds.at(Scenario, ("tenants", "x", "quota_gpus")))
        == "a table of NAME = whole number, 0 or more"
    )
    assert kinds.at(Scenario, ("run", "days", "hours")) is None
    assert kinds.at(Scenario, ("nothing",)) is None
