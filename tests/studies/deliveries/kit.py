"""A small build-out with contracts: two projects at one site, run in a second."""

from __future__ import annotations

from gpusim.scenario.scenario import Scenario
from tests.buildout.kit import tables

SURE = {"median_days": 100.0}
UNSURE = {"median_days": 100.0, "p90_days": 160.0}


def project(gpus: int, task: dict, **more) -> dict:
    """One task that gives everything: GPUs of type ``one``, with room and power for them."""
    adds = {"gpus": {"one": gpus}, "hall_mw": gpus * 1.1e-3, "grid_mw": gpus * 1.5e-3}
    ready = {"median_days": 0.0}
    tasks = {
        "power": {**ready, "gives": "grid"}, "shell": {**ready, "gives": "halls"},
        "gpu_delivery": {**task, "gives": "gpus", "usd": gpus * 1000.0},
    }  # fmt: skip
    return {"adds": adds, "tasks": tasks, **more}


def contract(gpus: float, at: str, **more) -> dict:
    """At 2 USD per GPU-hour from a date to the end of 2025, all of it to be paid, nothing before."""
    return {
        "tenant": "lab", "signed": "2025-01-01", "gpus": [{"at": at, "value": gpus}], "end": "2026-01-01",
        "price_usd_per_gpu_hour": 2.0, "take_or_pay": 1.0, "prepayment": 0.0, "grace_days": 0.0, **more,
    }  # fmt: skip


def scenario(projects: dict, contracts: dict, **more) -> Scenario:
    """A year of 2025 by days."""
    run = {"start": "2025-01-01", "days": 365.0, "record_s": 86_400.0}
    extra = {"tenants": {"lab": {}}, "contracts": contracts} if contracts else {}
    return Scenario.from_dict(tables(projects, run=run, **(extra | more)))
