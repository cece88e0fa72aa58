"""Metrics, delays, economics and services of small tables, computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gpusim.results.delays import bounded_slowdown, delays, size_class
from gpusim.results.economics import economics, pools
from gpusim.results.metrics import METRICS, metrics
from gpusim.results.serving import serving
from tests.results.kit import make

# 200 GPU-hours: 20 absent, 180 online, 150 held, of which 80 train, 40 serve.
LEDGER = {
    "not_delivered": [5.0, 5.0], "not_energised": [5.0, 5.0], "idle_no_demand": [10.0, 10.0], "down": [5.0, 5.0],
    "training": [40.0, 40.0], "checkpointing": [8.0, 8.0], "loading": [1.0, 1.0], "lost_work": [1.0, 1.0],
    "serving": [20.0, 20.0], "serving_idle": [5.0, 5.0],
}  # fmt: skip
# An H100 at 6 USD/h: 4,497 h of it over 6 years, 1.25 kW of hall at 10.5 USD/W over 15 years, both at 11% a year; and
# 60,000 USD a month and MW for staff and networks. 8,766 hours a year.
OWNING_USD = (
    6.0 * 4497.0 * 0.11 / (1.0 - 1.11**-6) + 1250.0 * 10.5 * 0.11 / (1.0 - 1.11**-15) + 1250.0 * 12 * 0.06
) / 8766.0
JOBS = (
    {"gpus": 1, "tenant": "a", "start_s": 0.0, "wait_s": 0.0, "run_s": 5.0},
    {"gpus": 8, "tenant": "a", "start_s": 100.0, "wait_s": 100.0, "run_s": 100.0},
    {"gpus": 8, "tenant": "b", "start_s": 300.0, "wait_s": 400.0, "run_s": 200.0, "evictions": 1},
    {"gpus": 9, "tenant": "b", "start_s": 10.0, "wait_s": 10.0, "end_s": np.nan, "status": "running"},
    {"gpus": 5000, "tenant": "b", "start_s": np.nan, "wait_s": 7200.0, "run_s": 0.0, "end_s": np.nan,
     "status": "queued"},
    {"gpus": 9000, "tenant": "b", "start_s": np.nan, "run_s": 0.0, "end_s": np.nan, "status": "rejected"},
)  # fmt: skip


@pytest.fixture
def result():
    return make({("north", "H100"): LEDGER}, jobs=JOBS)


def test_shares_of_gpu_time(result):
    found = metrics(result)
    assert found["planned_gpu_hours"] == pytest.approx(200.0)
    assert found["online_gpu_hours"] == pytest.approx(180.0)
    assert found["allocation"] == pytest.approx(150.0 / 180.0)
    assert found["utilisation"] == pytest.approx(120.0 / 150.0)
    assert found["goodput"] == pytest.approx(80.0 / 100.0)
    assert found["useful_share_of_planned"] == pytest.approx(0.6)


def test_jobs_and_waiting(result):
    found = metrics(result)
    assert (found["jobs"], found["jobs_done"], found["jobs_waiting_at_end"]) == (6.0, 3.0, 1.0)
    assert (found["jobs_rejected"], found["evictions"]) == (1.0, 1.0)
    assert found["job_hours_waited"] == pytest.approx(7710.0 / 3600.0)
    assert found["wait_mean_s"] == pytest.approx(102.5)  # 0, 10, 100, 300
    assert found["wait_p50_s"] == pytest.approx(55.0)
    assert found["wait_p99_s"] == pytest.approx(294.0)  # 100 + 0.97 x 200
    assert found["bounded_slowdown_mean"] == pytest.approx((1.0 + 2.0 + 3.0) / 3.0)
    assert found["bounded_slowdown_p90"] == pytest.approx(2.8)


def test_completion_fairness_and_waste(result):
    """Tenants are slowed 1.5 and 3 times: (4.5)^2 / (2 x 11.25)."""
    found = metrics(result)
    ended = result.jobs[result.jobs["status"] == "done"]
    assert found["jct_mean_s"] == pytest.approx((ended["end_s"] - ended["submit_s"]).sum() / 3.0)
    assert found["makespan_s"] == ended["end_s"].max() - result.jobs["submit_s"].min()
    assert found["fairness"] == pytest.approx(0.9)
    assert found["wasted_gpu_hours"] == pytest.approx(20.0)


def test_energy_carbon_and_money(result):
    found = metrics(result)
    assert found["energy_facility_mwh"] == pytest.approx(2.5)
    assert found["energy_it_mwh"] == pytest.approx(2.0)
    assert found["pue"] == pytest.approx(1.25)
    assert found["carbon_t"] == pytest.approx(0.5)
    assert found["carbon_kg_per_useful_gpu_hour"] == pytest.approx(500.0 / 120.0)
    assert found["usd_per_useful_gpu_hour"] == pytest.approx((190.0 * OWNING_USD + 100.0) / 120.0)
    assert found["energy_usd_per_useful_gpu_hour"] == pytest.approx(100.0 / 120.0)


def test_every_metric_is_explained(result):
    assert list(metrics(result).index) == list(METRICS)


def test_without_jobs_or_online_gpus_ratios_are_unknown():
    found = metrics(make({("north", "H100"): {"not_delivered": [10.0]}}))
    unknown = {name for name, value in found.items() if math.isnan(value)}
    waits = {name for name in METRICS if name.startswith(("wait_", "bounded_", "jct_"))}
    assert unknown == waits | {
        "fairness", "makespan_s", "allocation", "utilisation", "goodput", "service_tokens_served_share",
        "service_attainment", "deadlines_met",
        "carbon_kg_per_useful_gpu_hour",
        "usd_per_useful_gpu_hour", "energy_usd_per_useful_gpu_hour",
    }  # fmt: skip


def test_bounded_slowdown_counts_short_runs_as_ten_seconds(result):
    jobs = result.jobs.head(2).assign(wait_s=[15.0, 100.0])
    assert bounded_slowdown(jobs).tolist() == [2.0, 2.0]  # (15 + 5) / 10, (100 + 100) / 100


def test_delays_by_size(result):
    table = delays(result, "size").set_index("size")
    assert table.index.tolist() == ["1", "2-8", "9-64", "over 4096"]
    assert table["jobs"].tolist() == [1, 2, 1, 2]
    assert table["started"].tolist() == [1, 2, 1, 0]
    assert table["waiting"].tolist() == [0, 0, 0, 1]
    assert table.loc["2-8", "wait_p50_s"] == pytest.approx(200.0)
    assert table.loc["2-8", "wait_p90_s"] == pytest.approx(280.0)
    assert table.loc["2-8", "slowdown_p50"] == pytest.approx(2.5)
    assert math.isnan(table.loc["9-64", "slowdown_p50"])  # still runs
    assert math.isnan(table.loc["over 4096", "wait_p50_s"])


def test_delays_by_tenant_and_class(result):
    table = delays(result, "tenant").set_index("tenant")
    assert table.loc["a", "wait_mean_s"] == pytest.approx(50.0)
    assert table.loc["b", "job_hours_waited"] == pytest.approx(7610.0 / 3600.0)
    assert delays(result, "job_class")["jobs"].tolist() == [6]


def test_delays_without_jobs():
    table = delays(make({("north", "H100"): {"training": [1.0]}}), "tenant")
    assert table.empty
    assert "wait_p99_s" in table.columns


def test_size_classes_have_closed_upper_ends():
    names = size_class(pd.Series([1, 2, 8, 9, 64, 65, 512, 513, 4096, 4097])).tolist()
    assert names == ["1", "2-8", "2-8", "9-64", "9-64", "65-512", "65-512", "513-4096", "513-4096", "over 4096"]


def test_economics_of_sites_and_pools():
    result = make({("north", "H100"): LEDGER, ("south", "A100"): {"idle_no_demand": [10.0, 10.0]}})
    table = economics(result).set_index("site")
    assert table["energy_mwh"].tolist() == [2.5, 2.5]
    assert table["pue"].tolist() == [1.25, 1.25]
    assert table["price_usd_per_mwh"].tolist() == pytest.approx([40.0, 40.0])
    assert table["carbon_g_per_kwh"].tolist() == pytest.approx([200.0, 200.0])
    assert table.loc["north", "usd_per_useful_gpu_hour"] == pytest.approx((190.0 * OWNING_USD + 100.0) / 120.0)
    assert math.isnan(table.loc["south", "usd_per_useful_gpu_hour"])
    by_pool = pools(result)
    assert by_pool["planned_gpus"].tolist() == [100.0, 10.0]
    assert by_pool["useful_share"].tolist() == pytest.approx([0.6, 0.0])


def test_services():
    def service(hour, served, replicas, wanted, cause):
        return {
            "service": "chat", "site": "north", "gpu_type": "H100", "start_s": hour * 3600.0,
            "end_s": (hour + 1) * 3600.0, "demand_tokens": 100.0, "served_tokens": served, "replicas": replicas,
            "wanted_replicas": wanted, "cause": cause,
        }  # fmt: skip

    rows = (service(0, 100.0, 4.0, 4.0, ""), service(1, 50.0, 2.0, 4.0, "busy"), service(2, 90.0, 3.0, 4.0, "power"))
    table = serving(make({("north", "H100"): {"serving": [16.0] * 3}}, services=rows))
    found = table.iloc[0]
    assert found.served_share == pytest.approx(0.8)
    assert (found.replicas, found.wanted_replicas) == (pytest.approx(3.0), pytest.approx(4.0))
    assert found.short_hours == pytest.approx(2.0)
    assert found.cause == "busy"
    assert serving(make({("north", "H100"): {"training": [1.0]}})).empty
