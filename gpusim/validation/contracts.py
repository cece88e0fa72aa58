"""Anchors of contracts, through a month of a site whose GPUs a tenant has signed for."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.engine.run import run
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED
from gpusim.validation.power import flat_year_scenario

# GPUs that are there of 1,000, share of them that the tenant uses, and the bill [USD].
BILLS = ((1_000.0, 0.6, 1_746_000.0), (800.0, 0.6, 1_396_800.0), (1_000.0, 1.0, 1_800_000.0))


def signed_scenario(gpus: float, utilisation: float) -> Scenario:
    """720 hours of April 2025: 1,000 GPUs committed at 2.50 USD, 97% to be paid in any case."""
    tables = flat_year_scenario().to_toml_dict()
    tables["run"] = {"start": "2025-04-01", "days": 30.0, "record_s": DAY_S}
    tables["sites"]["here"]["pools"]["flat"]["gpus"] = gpus
    contract = {
        "tenant": "lab", "signed": 0.0, "gpus": 1_000.0, "term_days": 30.0, "price_usd_per_gpu_hour": 2.5,
        "take_or_pay": 0.97, "utilisation": utilisation,
    }  # fmt: skip
    return Scenario.from_dict({**tables, "tenants": {"lab": {}}, "contracts": {"one": contract}})


def ramp_scenario(take_or_pay: float = 0.97) -> Scenario:
    """A quarter in which 1,000 GPUs, and the 1,000 committed, come in two steps, none of which begins a month."""
    tables = signed_scenario(1_000.0, 0.6).to_toml_dict()
    tables["run"]["days"] = 91.0
    there = [{"at": 0.0, "value": 600.0}, {"at": 45.0, "value": 1_000.0}]
    committed = [{"at": 0.0, "value": 400.0}, {"at": 20.0, "value": 1_000.0}]
    tables["sites"]["here"]["pools"]["flat"]["gpus"] = there
    tables["contracts"]["one"] |= {"gpus": committed, "term_days": 91.0, "take_or_pay": take_or_pay}
    return Scenario.from_dict(tables)


def take_or_pay(_effort: Effort, ramp: Scenario | None = None) -> Iterator[Row]:
    """31: what is billed for what is used, or for 97% of what is delivered if that is more; at once, and day by day."""
    for gpus, utilisation, expected in BILLS:
        accounts = run(signed_scenario(gpus, utilisation), SEED).contract_accounts
        what = f"{gpus:,.0f} GPUs delivered, {utilisation:.0%} of them used: bill [USD]"
        yield Row(31, what, expected, accounts["billed_usd"].sum(), 0.0)
    accounts = run(ramp or ramp_scenario(), SEED).contract_accounts.set_index("month")
    for month, first, last in (("2025-04", 0, 30), ("2025-05", 30, 61), ("2025-06", 61, 91)):
        usd = 0.0
        for day in range(first, last):
            delivered = min(600.0 if day < 45 else 1_000.0, 400.0 if day < 20 else 1_000.0)
            usd += max(0.6, 0.97) * delivered * 24.0 * 2.5
        yield Row(31, f"GPUs that come in steps, {month}: bill [USD]", usd, accounts["billed_usd"][month], 1e-9)
