"""Money of rules in the statements."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.commerce.cents import cents
from gpusim.commerce.site_costs import of_rules
from gpusim.results.tables.rules import RuleEntry, charges, table
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import SURE, contract, project, scenario

MONTHS_S = np.array([0, 31, 59, 90]) * int(DAY_S)  # January to March


def test_each_is_even_over_its_time_to_the_cent() -> None:
    entries = [
        RuleEntry("grid", "b", 0.0, 59 * DAY_S, "capacity", "", usd=100.01),
        RuleEntry("law", "a", 40 * DAY_S, 40 * DAY_S, "pue", "a fine", usd=7.0),
        RuleEntry("law", "", 80 * DAY_S, 400 * DAY_S, "renewable", "for later too", usd=30.0),
        RuleEntry("grid", "a", 0.0, 90 * DAY_S, "curtailment", "GPU-hours, no money", usd=1e6),
        RuleEntry("policy", "a", 0.0, 90 * DAY_S, "delay", "neither", usd=1e6),
    ]
    found = of_rules(table(entries), ["a", "b", ""], MONTHS_S)
    assert found.tolist() == [[0, 700, 0], [5255, 4746, 0], [0, 0, 3000]]


def test_none() -> None:
    assert not of_rules(table([]), ["a", ""], MONTHS_S).any()


@pytest.fixture(scope="module")
def result():
    """50 kW in New Jersey for most of 2025."""
    there = scenario(
        {"a": project(50, SURE)}, {"one": contract(40, "2025-03-01")}, rules={"enforce": ["us-pjm-capacity"]}
    )
    return gpusim.run(there.with_({"sites.here.region": "US-MIDA-PJM"}))


def test_a_run_pays_what_its_rules_charge(result) -> None:
    paid = charges(result.rules)
    assert paid["usd"].sum() > 0.0
    sites, fleet = result.money_sites, result.money_fleet
    assert cents(sites["rules_usd"]).sum() == cents(paid["usd"]).sum() == cents(fleet["rules_usd"]).sum()
    assert fleet.set_index("month").loc["2025-05", "rules_usd"] == 0.0  # in force from June on
    assert fleet["rules_usd"].gt(0.0).sum() == 7
    figures = result.money_figures.set_index("name")["value"]
    assert figures["rules_usd"] == pytest.approx(paid["usd"].sum(), abs=0.01)
    cost = sum(fleet[f"{name}_usd"] for name in ("energy", "rent", "staff", "network", "overhead", "rules"))
    pd.testing.assert_series_equal(fleet["revenue_usd"] - cost, fleet["ebitda_usd"], check_names=False)


def test_contracts_and_idle_share_it_by_rated_power(result) -> None:
    """40 of 50 GPUs are delivered from June on: four fifths of what the capacity costs."""
    table = result.money_contracts.groupby(["kind", "contract"])["rules_usd"].sum()
    assert table["contract", "one"] == pytest.approx(0.8 * table.sum(), abs=0.1)
    assert table["idle", ""] == pytest.approx(0.2 * table.sum(), abs=0.1)
