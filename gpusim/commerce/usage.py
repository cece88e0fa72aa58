"""What the tenants of contracts used, as a run of the fleet tells it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Book
from gpusim.errors import CommerceError
from gpusim.tables.record import Record
from gpusim.units import DAY_S, number_of


def used_gpu_s(allocation: Allocation, result: Record) -> np.ndarray:
    """[GPU-s] Use of contracts by month, shape (contracts, months).

    A tenant's use is that of its jobs (GPUs asked for, run time spread evenly from first start to end) and of the
    replicas of its services, wherever they ran. Its contracts share it by what was delivered under each, which is also
    how it pays least; what is beyond is no contract's. Of a tenant that has neither the run tells nothing: its
    contracts use their ``utilisation`` of what was delivered.

    Raises
    ------
    CommerceError
        If the result is of another period than the book.
    """
    book, delivered_gpu_s = allocation.book, allocation.by_month(allocation.delivered.sum(axis=1))
    start, days = (result.manifest["scenario"]["run"][key] for key in ("start", "days"))
    if pd.Timestamp(start) != pd.Timestamp(book.scenario.run.start) or round(days * DAY_S) != book.run_s:
        raise CommerceError(f"use: the result is of {number_of(days, 'day')} from {start}; give one of the same period")
    used = np.zeros(delivered_gpu_s.shape)
    seen = {*result.jobs["tenant"].unique(), *(service.tenant for service in book.scenario.services.values())}
    tenants = {one.spec.tenant for one in book.contracts} & seen
    of_tenant = np.array([one.spec.tenant for one in book.contracts])
    for tenant in tenants:
        rows = of_tenant == tenant
        whole = np.maximum(delivered_gpu_s[rows].sum(axis=0), 1.0)
        used[rows] = delivered_gpu_s[rows] * np.minimum(_of_tenant(book, result, tenant) / whole, 1.0)
    for c, terms in enumerate(book.contracts):
        if terms.spec.tenant not in seen:
            used[c] = terms.spec.utilisation * delivered_gpu_s[c]
    return used


def _of_tenant(book: Book, result: Record, tenant: str) -> np.ndarray:
    """[GPU-s] Use by month."""
    jobs = result.jobs
    ran = jobs[(jobs["tenant"] == tenant) & (jobs["run_s"] > 0.0)]
    end_s = ran["end_s"].fillna(result.manifest["duration_s"])
    used = _spread(book.months_s, ran["start_s"], end_s, ran["gpus"] * ran["run_s"])
    for name, service in book.scenario.services.items():
        if service.tenant == tenant:
            rows = result.services[result.services["service"] == name]
            gpu_s = rows["replicas"] * service.gpus_per_replica * (rows["end_s"] - rows["start_s"])
            used += _spread(book.months_s, rows["start_s"], rows["end_s"], gpu_s)
    return used


def _spread(edges_s: np.ndarray, start_s: pd.Series, end_s: pd.Series, amount: pd.Series) -> np.ndarray:
    """Amounts spread evenly over [start, end), summed between edges."""
    start_s, end_s, amount = (column.to_numpy(dtype=float) for column in (start_s, end_s, amount))
    span_s = np.maximum(end_s - start_s, 1e-9)
    shares = np.clip((edges_s[:, None] - start_s) / span_s, 0.0, 1.0)
    return np.diff((shares * amount).sum(axis=1))
