"""What a run of the fleet tells of contracts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_run
from gpusim.commerce.book import Book
from gpusim.commerce.run_tables import used_gpu_s
from gpusim.commerce.statements import statements
from gpusim.errors import CommerceError
from gpusim.result import Result
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S
from tests.commerce.kit import live, scenario

CONTRACTS = {
    "first": {"signed": 0.0, "gpus": 10.0, "end": 60.0, "price_usd_per_gpu_hour": 2.0},
    "second": {"signed": 1.0, "gpus": 100.0, "end": 60.0, "price_usd_per_gpu_hour": 2.0},
    "other": {"tenant": "bank", "signed": 2.0, "gpus": 50.0, "end": 60.0, "price_usd_per_gpu_hour": 2.0},
}
SERVICE = {
    "tenant": "bank", "gpus_per_replica": 4, "tokens_per_s_per_gpu": {"H100": 1.0}, "mean_tokens_per_s": 1.0,
    "deployments": [{"site": "texas", "gpu_type": "H100"}],
}  # fmt: skip


def made_up(days: float) -> Result:
    """A job of 30 GPUs from day 21 to 41, one of 8 that still runs, one that never started; half a replica."""
    jobs = pd.DataFrame(
        {
            "tenant": "lab", "gpus": [30, 8, 99], "start_s": [21 * DAY_S, 50 * DAY_S, np.nan],
            "end_s": [41 * DAY_S, np.nan, np.nan], "run_s": [20 * DAY_S, 10 * DAY_S, 0.0],
        }
    )  # fmt: skip
    services = pd.DataFrame({"service": ["chat"], "start_s": [0.0], "end_s": [60 * DAY_S], "replicas": [0.5]})
    run = {"start": "2025-01-01T00:00:00+00:00", "days": days}
    return Result({"scenario": {"run": run}, "duration_s": 60 * DAY_S}, {"jobs": jobs, "services": services})


def test_contracts_share_use_by_what_was_delivered() -> None:
    book = Book.of(scenario(CONTRACTS, 60, services={"chat": SERVICE}))
    allocation = allocate(book, live(("texas", "H100", 0, 160)))
    found = used_gpu_s(allocation, made_up(60.0)) / DAY_S
    # January 300 GPU-days of 10 x 31 and 100 x 30; February 300 and 8 x 9 of 110 x 28, and March (one day) 8 of 110.
    assert found[0].tolist() == pytest.approx([300 * 310 / 3310, 372 * 10 / 110, 8 * 10 / 110])
    assert found[1].tolist() == pytest.approx([300 * 3000 / 3310, 372 * 100 / 110, 8 * 100 / 110])
    assert found[2].tolist() == pytest.approx([62, 56, 2])
    billed = accounts(allocation, used_gpu_s(allocation, made_up(60.0))).gpu_s["billed"] / DAY_S
    assert billed[0, 0] == pytest.approx(0.97 * 310)


def test_a_run_of_another_period_is_refused() -> None:
    allocation = allocate(Book.of(scenario(CONTRACTS, 60)), live())
    with pytest.raises(CommerceError, match="the result is of 59 days"):
        used_gpu_s(allocation, made_up(59.0))


def test_a_run_of_the_fleet_end_to_end() -> None:
    """The starter's GPUs, all committed: its jobs are their use, and its meter the bill for energy."""
    contract = {"tenant": "lab", "signed": 0.0, "gpus": 64.0, "end": 30.0, "price_usd_per_gpu_hour": 2.0}
    tables = Scenario.from_dict(scenario({}).to_toml_dict()).to_toml_dict()
    tables |= {
        "run": {"start": "2025-01-01", "days": 3.0},
        "workload": {
            "classes": {"batch": {}},
            "streams": {"a": {"tenant": "lab", "job_class": "batch", "jobs_per_day": 300.0, "runtime_median_s": 3600.0,
                              "runtime_sigma": 1.0, "gpus": {"1": 1.0}}},
        },
        "contracts": {"all": contract},
    }  # fmt: skip
    chosen = Scenario.from_dict(tables)
    result = gpusim.run(chosen, seed=3)
    rows = of_run(result)
    assert rows["gpus"].tolist() == [8] * 8
    allocation = allocate(Book.of(chosen), rows)
    used = used_gpu_s(allocation, result)
    jobs = result.jobs
    assert used.sum() == pytest.approx((jobs["gpus"] * jobs["run_s"]).sum())
    assert 0 < used.sum() < 64 * 3 * DAY_S
    found = statements(accounts(allocation, used), result=result)
    assert found.fleet_table()["energy_usd"].sum() == pytest.approx(result.sites["cost_usd"].sum(), abs=0.05)
    assert found.energy_mwh.sum() * 3.6e9 == pytest.approx(result.sites["energy_facility_j"].sum())
