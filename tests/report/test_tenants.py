"""Waiting by tenant where tenants share a queue: sums by tenant and by step are those of the result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.report.explore import time_series
from gpusim.report.explore.time_series import split
from gpusim.result import Result
from gpusim.results.series import Series
from gpusim.units import HOUR_S
from tests.results.kit import fleet

EDGES_S = np.arange(0.0, 5.0) * HOUR_S


def result(jobs: list[tuple], waits: list[tuple]) -> Result:
    """Jobs (tenant, submitted, waited [h]), all for GPUs at north, and the recorded waits (hour, job-hours)."""
    rows = [(i, tenant, "north", submit * HOUR_S, wait * HOUR_S) for i, (tenant, submit, wait) in enumerate(jobs)]
    table = pd.DataFrame(rows, columns=["job_id", "tenant", "site", "submit_s", "wait_s"])
    recorded = [
        ("north", "H100", "", h * HOUR_S, (h + 1) * HOUR_S, "busy", s * HOUR_S, 8 * s * HOUR_S) for h, s in waits
    ]
    names = ["site", "gpu_type", "tenant", "start_s", "end_s", "cause", "job_s", "gpu_s"]
    return Result({}, {
        "jobs": table, "job_waits": table[["job_id", "wait_s"]].assign(cause="busy"),
        "waits": pd.DataFrame(recorded, columns=names),
    })  # fmt: skip


def hours(made: Result) -> pd.DataFrame:
    rows = split(made, made.waits, EDGES_S)
    return rows.pivot_table(index=rows["start_s"] / HOUR_S, columns="tenant", values="job_s", aggfunc="sum") / HOUR_S


def test_each_waits_when_its_jobs_do():
    found = hours(result([("early", 0.0, 2.0), ("late", 2.0, 2.0)], [(h, 1.0) for h in range(4)]))
    assert found["early"].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0], abs=1e-4)
    assert found["late"].tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0], abs=1e-4)


def test_both_sums_are_kept_where_waits_were_not_even():
    """The one job waited 1 h at first and 1 h after an eviction, at hour 3."""
    found = hours(result([("evicted", 0.0, 2.0), ("other", 0.0, 4.0)], [(0, 2.0), (1, 1.0), (2, 1.0), (3, 2.0)]))
    assert found.sum().tolist() == pytest.approx([2.0, 4.0], rel=1e-3)
    assert found.sum(axis=1).tolist() == pytest.approx([2.0, 1.0, 1.0, 2.0])


def test_the_chart_names_the_only_tenant_and_loses_nothing():
    made = fleet(3, 48)
    shared = Result(made.manifest, {**made.tables, "waits": made.waits.assign(tenant="")})
    table = time_series.waits(Series.of(shared))
    assert set(table["tenant"]) == set(made.jobs["tenant"])
    assert table["hours"].sum() == pytest.approx(made.waits["job_s"].sum() / HOUR_S)
