"""A thousand replications of a build-out must leave time for their accounts."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.figures import figures
from gpusim.commerce.statements import statements
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S

SITES, CONTRACTS, STAGES, YEARS = 20, 6, 10, 7
MOST_S = 0.04  # of processor time; about 0.01 on an idle core


def fleet() -> Scenario:
    sites = {
        f"s{i}": {
            "region": "ES", "jurisdiction": "US" if i % 2 else "EU", "grid_mw": 100.0,
            "pools": {"GB200": {"gpus": 72.0}},
        }
        for i in range(SITES)
    }  # fmt: skip
    contracts = {
        f"c{i}": {
            "tenant": "lab", "signed": 60.0 * i, "term_days": 1825.0, "price_usd_per_gpu_hour": 2.5, "credit": 0.5,
            "gpus": [{"at": 60.0 * i + 200 + 150 * k, "value": 5000.0 * (k + 1)} for k in range(8)],
            "residency": [[], ["US"], ["EU"]][i % 3], "terminate_after_late": 4,
        }
        for i in range(CONTRACTS)
    }  # fmt: skip
    run = {"start": "2025-01-01", "days": 365.0 * YEARS}
    return Scenario.from_dict({"name": "x", "run": run, "sites": sites, "tenants": {"lab": {}}, "contracts": contracts})


def capacity(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    site = np.repeat([f"s{i}" for i in range(SITES)], STAGES)
    days = np.sort(rng.uniform(100, 1500, (SITES, STAGES))).ravel()
    gpus = np.cumsum(rng.integers(200, 1600, (SITES, STAGES)), axis=1).ravel()
    live = pd.DataFrame({"site": site, "gpu_type": "GB200", "time_s": days * DAY_S, "gpus": gpus})
    spending = pd.DataFrame(
        {
            "time_s": days * DAY_S,
            "site": site,
            "project": "p",
            "item": "gpus",
            "usd": gpus * 5e4,
            "life_years": np.nan,
            "service_s": np.nan,
        }
    )
    return live, spending


def test_a_replication_is_a_matter_of_milliseconds() -> None:
    book, runs = Book.of(fleet()), [capacity(seed) for seed in range(10)]
    took_s = []
    for live, spending in runs:
        began = time.process_time()
        found = figures(statements(accounts(allocate(book, live)), spending))
        took_s.append(time.process_time() - began)
        assert found["revenue_usd"] > 1e9
    assert sorted(took_s)[len(took_s) // 2] < MOST_S
