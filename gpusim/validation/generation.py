"""Anchors of power made on site: a constant load carried by engines, sun and battery, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.run import run
from gpusim.inputs.jobtable import JobTable
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import HOUR_S, JOULE_PER_MWH
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED
from gpusim.validation.curtailment import called_scenario

MMBTU_PER_MWH, KG_PER_MMBTU = 3.6 / 1.05505585262, 53.06
ENGINES = {
    "units": 4, "spare_units": 1, "mw": 0.02, "efficiency": 0.4, "half_load_efficiency": 0.32, "least_load": 0.25,
    "fuel_usd_per_mmbtu": 6.0, "om_usd_per_mwh": 10.0, "usd_per_kw_year": 0.0,
}  # fmt: skip
BATTERY = {"mw": 0.06, "mwh": 0.2, "efficiency": 0.81, "usd_per_kw_year": 0.0}
CALL = {"mw": 0.08, "calls": [{"at": 0.25, "hours": 1.5}]}
GRID_USD_PER_MWH, GRID_KG_PER_MWH = 50.0, 300.0


def supplied_scenario(grid_mw: object, on_site: dict | None, non_firm: dict | None = None) -> Scenario:
    """100 GPUs of 1 kW at a PUE of 1 for half a day."""
    tables = called_scenario(non_firm or CALL).to_toml_dict()
    here = tables["sites"]["here"] | {"grid_mw": grid_mw}
    if non_firm is None:
        del here["non_firm"]
    if on_site is not None:
        here["on_site"] = on_site
    return Scenario.from_dict(tables | {"sites": {"here": here}})


def supplied(grid_mw: object, on_site: dict | None, non_firm: dict | None = None) -> Record:
    """Jobs of an hour on one GPU each, more than there is time for, which all wait from the beginning."""
    jobs = JobTable.build(submit_s=np.zeros(2000), gpus=1, runtime_s=HOUR_S)
    return run(supplied_scenario(grid_mw, on_site, non_firm), SEED, jobs=jobs)


def gas_or_grid(_effort: Effort, engines: dict | None = None, battery: dict | None = None) -> Iterator[Row]:
    """62: engines first and the grid after six hours; engines for what a small connection lacks; a battery in a call.

    ``engines`` and ``battery`` change what there is, not what is expected.
    """
    gas = {"generators": {"engines": ENGINES | (engines or {})}}
    first = supplied([{"at": 0.25, "value": 0.1}], gas)  # 60 GPUs for six hours, then 100
    yield from _engines("gas first, then a cheaper grid", first, 0.36, 0.60, gas_mwh(0.06, 3) * 6.0)
    lacking = supplied(0.05, gas)  # half of 100 kW, on three engines at five sixths of their load
    yield from _engines("half of a connection", lacking, 0.60, 0.60, gas_mwh(0.05, 3) * 12.0)
    least = supplied(0.097, gas)  # 3 kW are lacking: one engine at its least load of 5 kW
    yield from _engines("little lacking", least, 0.06, 1.14, gas_mwh(0.005, 1) * 12.0)
    stored = supplied(0.12, {"battery": BATTERY | (battery or {})}, CALL)
    yield from _called(stored)


def gas_mwh(made_mw: float, units: int) -> float:
    """[MW] Of gas, for what engines make: 2.5 at full load and 3.125 at half load of what they make."""
    full, half = 1.0 / 0.4, 0.5 / 0.32  # of a unit's power
    load = made_mw / (units * 0.02)
    return units * 0.02 * (half + (full - half) * (load - 0.5) / 0.5)


def _engines(what: str, result: Record, made_mwh: float, bought_mwh: float, fuel_mwh: float) -> Iterator[Row]:
    mmbtu, site = fuel_mwh * MMBTU_PER_MWH, result.sites.iloc[0]
    usd = 6.0 * mmbtu + 10.0 * made_mwh + GRID_USD_PER_MWH * bought_mwh
    yield Row(62, f"{what}: made on site [MWh]", made_mwh, _mwh(result, "engines", "given_j"), 1e-9)
    yield Row(62, f"{what}: bought [MWh]", bought_mwh, _mwh(result, "grid", "given_j"), 1e-9)
    yield Row(62, f"{what}: gas, maintenance and grid [USD]", usd, float(site["cost_usd"]), 1e-9)
    kg = KG_PER_MMBTU * mmbtu + GRID_KG_PER_MWH * bought_mwh
    yield Row(62, f"{what}: CO2 [kg]", kg, float(site["carbon_kg"]), 1e-9)


def _called(result: Record) -> Iterator[Row]:
    """Charged with 20 kW for six hours, 60 kW for an hour and a half of which 90% arrive, charged again."""
    useful = result.ledger.loc[result.ledger["cause"] == "training", "gpu_s"].sum() / HOUR_S
    yield Row(62, "a call with a battery: useful [GPU-hours]", 1200.0, float(useful), 1e-9)
    for column, mwh in (("given_j", 0.09), ("taken_j", 0.21), ("lost_j", 0.21 - 0.09 - 0.089)):
        name = column.removesuffix("_j")
        yield Row(62, f"a call with a battery: {name} [MWh]", mwh, _mwh(result, "battery", column), 1e-9)
    left_j = result.tables["on_site"].query("source == 'battery'")["stored_j"].iloc[-1]
    yield Row(62, "a call with a battery: stored at the end [MWh]", 0.089, float(left_j) / JOULE_PER_MWH, 1e-9)
    bought = 1.2 + 0.21 - 0.09
    yield Row(62, "a call with a battery: bought [MWh]", bought, _mwh(result, "grid", "given_j"), 1e-9)
    usd = float(result.sites["cost_usd"].iloc[0])
    yield Row(62, "a call with a battery: paid [USD]", GRID_USD_PER_MWH * bought, usd, 1e-9)


def _mwh(result: Record, source: str, column: str) -> float:
    table = result.tables["on_site"]
    return float(table.loc[table["source"] == source, column].sum()) / JOULE_PER_MWH
