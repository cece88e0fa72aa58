"""Anchors of connections that are not all firm: a call by hand, under each response."""

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

_GPU = {
    "tdp_w": 1000.0, "idle_w": 0.0, "memory_gb": 80.0, "bf16_tflops": 1000.0, "gpus_per_node": 1, "node_base_w": 0.0,
    "rated_it_w_per_gpu": 1000.0, "training_speed": 1.0, "usd_per_gpu_hour": 2.0, "compute_fraction": 1.0,
}  # fmt: skip
_CALL = {"mw": 0.16, "notice_s": 1500.0, "calls": [{"at": (6.0 + 25.0 / 60.0) / 24.0, "hours": 4.0}]}
# GPU-hours of 100 GPUs in twelve hours by response: idle for the call, held and slowed for it, undone, useful.
_BY_HAND = {
    "limit": (240.0, 0.0, 5.0, 955.0),  # 60 jobs evicted 300 s after their checkpoint
    "pause": (0.0, 240.0, 0.0, 960.0),
    "drain": (265.0, 0.0, 0.0, 935.0),  # 60 GPUs idle from the hour, when all jobs end, on
}
_CAUSES = ("idle_curtailed", "slowed_curtailed", "lost_work", "training")


def called_scenario(non_firm: dict) -> Scenario:
    """100 GPUs of 1 kW at a PUE of 1 behind 0.2 MW for half a day, of which the grid may take a part back."""
    cooling = {"base_overhead": 0.0, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0}
    here = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 0.2, "pools": {"unit": {"gpus": 100.0}},
        "cooling": cooling, "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0, "non_firm": non_firm,
    }  # fmt: skip
    classes = {"batch": {"load_s": 0.0, "checkpoint_interval_s": 600.0, "checkpoint_write_s": 0.0}}
    return Scenario.from_dict(
        {
            "name": "called", "run": {"start": "2026-06-01", "days": 0.5}, "gpus": {"unit": _GPU},
            "sites": {"here": here}, "tenants": {"default": {}},
            "workload": {"reference_gpu": "unit", "classes": classes},
        }
    )  # fmt: skip


def played(non_firm: dict) -> Record:
    """Jobs of an hour on one GPU each, more than there is time for, which all wait from the beginning."""
    return run(called_scenario(non_firm), SEED, jobs=JobTable.build(submit_s=np.zeros(2000), gpus=1, runtime_s=HOUR_S))


def calls(_effort: Effort) -> Iterator[Row]:
    """61: a call for 0.16 of 0.2 MW, 25 min past the hour, announced at the hour: ledger, table and energy by hand."""
    for response, by_hand in _BY_HAND.items():
        result = played({**_CALL, "response": response})
        gpu_hours = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / HOUR_S
        for cause, expected in zip(_CAUSES, by_hand, strict=True):
            yield Row(61, f"{response}: {cause} [GPU-hours]", expected, float(gpu_hours.get(cause, 0.0)), 1e-9)
        call = result.curtailments.iloc[0]
        yield Row(61, f"{response}: lost by the table of calls [GPU-hours]", sum(by_hand[:3]), call["gpu_hours"], 1e-9)
        yield Row(61, f"{response}: drawn in the call [MW]", 0.04, call["drawn_mw"], 1e-9)
        energy_mwh = float(result.sites["energy_facility_j"].sum()) / JOULE_PER_MWH
        useful_mwh = (by_hand[2] + by_hand[3]) / 1000.0
        yield Row(61, f"{response}: energy of the site [MWh]", useful_mwh, energy_mwh, 1e-9)
    backed = played({**_CALL, "backup_mw": 0.16, "backup_usd_per_mwh": 300.0})
    call = backed.curtailments.iloc[0]
    yield Row(61, "backup: lost [GPU-hours]", 0.0, call["gpu_hours"], 0.0)
    yield Row(61, "backup: its energy, all that the site draws [MWh]", 0.4, call["backup_mwh"], 1e-9)
    free, firm = (played({**_CALL, "hours_per_year": hours}) for hours in (0.0, 2.0))
    yield Row(61, "no hours a year: useful [GPU-hours]", 1200.0, _useful(free), 1e-9)
    yield Row(61, "two hours a year: useful [GPU-hours]", 1200.0 - 120.0 - 5.0, _useful(firm), 1e-9)


def _useful(result: Record) -> float:
    return float(result.ledger.loc[result.ledger["cause"] == "training", "gpu_s"].sum() / HOUR_S)
