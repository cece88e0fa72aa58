"""The contracts and the money of one run of the fleet: what tenants used, what was broken, and the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gpusim.buildout.shocks import drawn
from gpusim.causes import DOWN
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_run
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cuts import cuts_of
from gpusim.commerce.figures import figures
from gpusim.commerce.holders import contract_table
from gpusim.commerce.scarcity import priced, prices_of_run
from gpusim.commerce.signing import sign
from gpusim.commerce.site_costs import leases_of
from gpusim.commerce.statements import Statements, statements
from gpusim.errors import CommerceError
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, number_of

# GPUs that were delivered to contracts and were broken or in repair, as a run of the fleet tells.


def down_gpu_s(allocation: Allocation, result: Record) -> np.ndarray:
    """[GPU-s] Delivered to contracts and down, shape (contracts, months).

    By pool and month, delivered GPU-seconds times the share of the pool's live ones that were down: a contract holds
    a number of GPUs, no GPUs in particular. Record intervals are spread evenly over the months that they touch.
    """
    months_s = allocation.book.months_s
    delivered, live = allocation.by_month(allocation.delivered), allocation.by_month(allocation.live)
    broken = np.zeros(live.shape)
    rows = result.ledger[result.ledger["cause"] == DOWN]
    pool_of = {pool: p for p, pool in enumerate(allocation.pools)}
    pool = np.array([pool_of.get(place, -1) for place in zip(rows["site"], rows["gpu_type"], strict=True)], int)
    start_s, end_s = rows["start_s"].to_numpy(dtype=float), rows["end_s"].to_numpy(dtype=float)
    shares = np.diff(np.clip((months_s[:, None] - start_s) / (end_s - start_s), 0.0, 1.0), axis=0)
    gpu_s = (shares * rows["gpu_s"].to_numpy(dtype=float)).T
    np.add.at(broken, pool[pool >= 0], gpu_s[pool >= 0])
    share = np.minimum(np.divide(broken, live, out=np.zeros(live.shape), where=live > 0), 1.0)
    return (delivered * share).sum(axis=1)


# What the tenants of contracts used, as a run of the fleet tells it.


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


# The contracts and the money of one run of the fleet: tables of its result.


def run_tables(scenario: Scenario, result: Record, overheads: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """``CONTRACT_TABLES`` of a result: the GPUs that were live in it, the use and the energy that it metered.

    Parameters
    ----------
    scenario : Scenario
        With contracts; as it was run.
    result : Record
        Of that scenario, with the tables of its projects if it has any: what their tasks cost is capital.
    overheads : mapping of str to float
        Facility watts per IT watt at the hottest hour of the run, by site: what contracts that ask are told.
    """
    signings = sign(Book.of(scenario), result.manifest["seed"], overheads)
    book = signings.book
    allocation = allocate(book, of_run(result), cuts_of(book, drawn(scenario, result.manifest["seed"])))
    index = prices_of_run(allocation, result)
    allocation = allocation if index is None else priced(allocation, index)
    found = accounts(allocation, used_gpu_s(allocation, result), down_gpu_s(allocation, result))
    spending, leases = None, None
    if scenario.projects:
        spending = spending_of(result.build_tasks, result.build_projects, book.months_s, scenario.money)
        leases = leases_of(scenario, result.build_tasks)
    books = statements(found, spending, result, prices=index, leases=leases)
    return {
        "contract_signings": signings.asked,
        "contract_allocation": allocation.table(),
        "contract_milestones": allocation.milestones(),
        "contract_departures": allocation.departures(),
        "contract_accounts": found.table(),
        "money_sites": books.site_table(),
        "money_contracts": contract_table(books, index),
        "money_fleet": books.fleet_table(),
        "money_loans": books.loan_table(),
        "money_figures": _figures(books),
        **({} if index is None else {"market_prices": index}),
    }


def _figures(books: Statements) -> pd.DataFrame:
    """name, value, note (why there is no value) of the headline figures."""
    found = figures(books)
    names = [name for name in found.index if not name.endswith("_note")]
    notes = [found.get(f"{name}_note", "") for name in names]
    return pd.DataFrame({"name": names, "value": found[names].astype(float).to_numpy(), "note": notes})
