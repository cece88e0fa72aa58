"""Monthly statements: what sites and the fleet earn, spend, own and owe.

    EBITDA      = revenue - energy - rent - staff - network - overhead - rules
    EBIT        = EBITDA - depreciation
    profit      = EBIT - interest - tax + resale - sold plant
    free cash   = EBITDA - tax - prepayment applied + prepaid - refunded - capex + resale
    cash change = free cash + draws - interest - repayments + paid in
    cash + assets = debt + prepayments + equity (construction: assets that are paid for and not yet in service)

In whole cents: every identity holds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.commerce import capital, energy, site_costs
from gpusim.commerce.accounts import Accounts
from gpusim.commerce.book import months_of
from gpusim.commerce.cents import cents, in_usd, split
from gpusim.commerce.loans import TRANCHE, borrow
from gpusim.commerce.market import market
from gpusim.commerce.site_costs import of_rules
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import MONTH_S

NOWHERE = ""  # the site of what belongs to none: credits of a contract that had no GPUs in the month
COSTS = ("energy", "rent", "staff", "network", "overhead", "rules")
SITE = ("contracts", "on_demand", "spot", "revenue", *COSTS, "ebitda", "depreciation", "ebit", "capex")
FLEET = (
    *SITE[:-1], "interest", "tax", "profit", "prepaid", "prepayment_applied", "refunded", "operating_cash", "capex",
    "free_cash", "draws", "refused", "repayments", "paid_in", "cash_change", "cash", "assets", "construction", "debt",
    "prepayments", "equity", "backlog",
)  # fmt: skip


SOLD = ("resale", "sold_plant")  # of the fleet, where money has ``resale``: proceeds and book value of GPUs sold


@dataclass(frozen=True)
class Statements:
    """Statements of a run.

    Attributes
    ----------
    accounts : Accounts
    places : list of str
        Sites of the scenario, then ``NOWHERE``.
    sites : dict of str to int64 ndarray, shape (places, months)
        Cents of ``SITE``.
    fleet : dict of str to int64 ndarray, shape (months,)
        Cents of ``FLEET``, and of ``SOLD`` where GPUs may be sold; cash and what follows it at the end of the month.
    loans : dict of str to dict of str to int64 ndarray, shape (months,)
        Cents of ``gpusim.commerce.loans.TRANCHE`` by tranche; they sum to those of ``fleet``.
    live_mw, energy_mwh, sold_gpu_s : ndarrays, shape (places, months)
        Mean IT power [MW] of live GPUs, energy at the meter, GPU-seconds used by contracts or sold by the hour.
    """

    accounts: Accounts
    places: list[str]
    sites: dict[str, np.ndarray]
    fleet: dict[str, np.ndarray]
    loans: dict[str, dict[str, np.ndarray]]
    live_mw: np.ndarray
    energy_mwh: np.ndarray
    sold_gpu_s: np.ndarray

    def site_table(self) -> pd.DataFrame:
        """One row per site and month: site, month, live_mw, energy_mwh and ``SITE`` in USD."""
        months = months_of(self.accounts.allocation.book)
        return pd.DataFrame(
            {
                "site": np.repeat(np.array(self.places, object), len(months)),
                "month": np.tile(np.array(months, object), len(self.places)),
                "live_mw": self.live_mw.ravel(),
                "energy_mwh": self.energy_mwh.ravel(),
                **{f"{name}_usd": in_usd(values).ravel() for name, values in self.sites.items()},
            }
        )

    def fleet_table(self) -> pd.DataFrame:
        """One row per month: month, live_mw, energy_mwh and ``FLEET`` in USD."""
        return pd.DataFrame(
            {
                "month": months_of(self.accounts.allocation.book),
                "live_mw": self.live_mw.sum(axis=0),
                "energy_mwh": self.energy_mwh.sum(axis=0),
                **{f"{name}_usd": in_usd(values) for name, values in self.fleet.items()},
            }
        )

    def loan_table(self) -> pd.DataFrame:
        """One row per loan and month: loan, month, draws_usd, refused_usd (what a covenant kept it from lending),
        repayments_usd, interest_usd, debt_usd (at its end)."""
        months = months_of(self.accounts.allocation.book)
        return pd.DataFrame(
            {
                "loan": np.repeat(np.array(list(self.loans), object), len(months)),
                "month": np.tile(np.array(months, object), len(self.loans)),
                **{
                    f"{name}_usd": in_usd(np.concatenate([lines[name] for lines in self.loans.values()]))
                    for name in TRANCHE
                },
            }
        )


def statements(
    accounts: Accounts,
    spending: pd.DataFrame | None = None,
    result: Record | None = None,
    prices: pd.DataFrame | None = None,
    leases: pd.DataFrame | None = None,
) -> Statements:
    """Make the statements of accounts.

    Parameters
    ----------
    accounts : Accounts
    spending : DataFrame, optional
        What the build-out pays, as ``gpusim.commerce.capital.capex`` takes it. Absent: nothing.
    result : Record, optional
        Run of the fleet whose metered energy is paid, and what rules cost in it. Absent: the stated load, PUE and
        price, and nothing.
    prices : DataFrame, optional
        Prices by the hour, as ``gpusim.commerce.scarcity.prices`` finds them; needed if the market has an index.
    leases : DataFrame, optional
        What projects lease, as ``gpusim.commerce.site_costs.leases_of`` finds it. Absent: nothing but the halls of
        sites.
    """
    allocation = accounts.allocation
    book = allocation.book
    money, places = book.scenario.money, [*book.scenario.sites, NOWHERE]
    live_mw = _with_nowhere(energy.live_mw(allocation))
    bill = energy.stated(accounts, prices) if result is None else energy.metered(allocation, result)
    mwh, energy_cents = (_with_nowhere(values) for values in bill)
    earned, sold_gpu_s = _earned(accounts, places, prices)
    months = np.diff(book.months_s) / MONTH_S  # in mean months: a short last one costs its part
    sites = {
        **earned,
        "revenue": sum(earned.values()),
        "energy": energy_cents,
        "rent": site_costs.rent(_leases(book.scenario, leases), places, book.months_s),
        "staff": cents(live_mw * money.staff_usd_per_mw_month * months),
        "network": cents(live_mw * money.network_usd_per_mw_month * months),
        "overhead": np.rint(sum(earned.values()) * money.overhead_share).astype(np.int64),
        "rules": np.zeros_like(energy_cents) if result is None else of_rules(result.rules, places, book.months_s),
    }
    sites["ebitda"] = sites["revenue"] - sum(sites[name] for name in COSTS)
    spent, used, worn = np.zeros((3, len(places), len(months)), np.int64)
    if spending is not None:
        spent, used, worn = capital.capex(spending, places, book.months_s, _first_live_s(accounts, places), money)
    old, sold = capital.opening_wear(money, len(months)), {}
    if money.resale is not None:
        proceeds, gone = site_costs.retired(book.scenario, book.months_s)
        share = 1.0 if money.opening is None else money.opening.gpu_share
        old, plant = site_costs.written_off(capital.opening_plant(money), old, gone, share)
        sold = dict(zip(SOLD, (proceeds, plant), strict=True))
    worn = worn + split(old, live_mw[:, 0]).T
    spent = spent - split(capital.from_construction(spent.sum(axis=0), money), spent.T).T
    sites |= {"depreciation": worn, "ebit": sites["ebitda"] - worn, "capex": spent, "service": used}
    fleet, loans = _fleet(accounts, {name: values.sum(axis=0) for name, values in sites.items()}, sold)
    return Statements(accounts, places, {name: sites[name] for name in SITE}, fleet, loans, live_mw, mwh, sold_gpu_s)


def opening_cents(accounts: Accounts) -> dict[str, int]:
    """Balance on the first day: cash, assets (construction is part of them), debt, prepayments, equity (what is left),
    in cents."""
    money = accounts.allocation.book.scenario.money
    owned = construction = 0
    if money.opening is not None:
        construction = int(cents(money.opening.construction_usd))
        owned = capital.opening_plant(money) + construction
    found = {
        "cash": int(cents(money.opening_cash_usd)), "assets": owned, "construction": construction,
        "debt": sum(int(cents(loan.owed_usd)) for loan in money.loans.values()),
        "prepayments": int(accounts.opening_prepayments.sum()),
    }  # fmt: skip
    return found | {"equity": found["cash"] + found["assets"] - found["debt"] - found["prepayments"]}


def _fleet(
    accounts: Accounts, total: dict[str, np.ndarray], sold: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]]]:
    book = accounts.allocation.book
    money = book.scenario.money
    contracts = {name: values.sum(axis=0) for name, values in accounts.cents.items()}
    tranches = borrow(
        total["capex"], _backlogs(accounts), total["ebitda"], book.months_s, money, book.scenario.run.start
    )
    loans = {name: sum(lines[name] for lines in tranches.values()) for name in TRANCHE}
    prepaid, applied, refunded = (contracts[name] for name in ("prepaid", "prepayment_applied", "refunded"))
    proceeds, plant = (sold.get(name, np.zeros_like(prepaid)) for name in SOLD)
    before_tax = total["ebit"] - loans["interest"] + proceeds - plant
    tax = _tax(before_tax, money.tax_rate)
    profit = before_tax - tax
    operating = total["ebitda"] - tax - applied + prepaid - refunded
    free = operating - total["capex"] + proceeds
    opening = opening_cents(accounts)
    before = opening["cash"] + np.cumsum(free + loans["draws"] - loans["interest"] - loans["repayments"])
    # The owners pay in what is missing whenever cash would fall below 0.
    owners = np.maximum.accumulate(np.maximum(-before, 0))
    paid_in, cash = np.diff(owners, prepend=0), before + owners
    fleet = {
        **total, **loans, "tax": tax, "profit": profit, "prepaid": prepaid, "prepayment_applied": applied,
        "refunded": refunded, "operating_cash": operating, "free_cash": free, "paid_in": paid_in, "cash": cash,
        "cash_change": np.diff(cash, prepend=opening["cash"]),
        "assets": opening["assets"] + np.cumsum(total["capex"] - total["depreciation"] - plant),
        "construction": opening["construction"] + np.cumsum(total["capex"] - total["service"]),
        "prepayments": contracts["prepayment_balance"], "equity": opening["equity"] + owners + np.cumsum(profit),
        "backlog": contracts["backlog"],
    }  # fmt: skip
    return {name: fleet[name] for name in FLEET} | sold, tranches


def _tax(before_tax: np.ndarray, rate: float) -> np.ndarray:
    """[cents] On profit by month, once the losses of all months before it are made good; none is paid back."""
    made = np.maximum.accumulate(np.maximum(np.cumsum(before_tax), 0))
    return np.diff(np.rint(made * rate).astype(np.int64), prepend=0)


def _backlogs(accounts: Accounts) -> dict[str, np.ndarray]:
    """[cents] Backlog at the end of each month, by tenant."""
    found: dict[str, np.ndarray] = {}
    for one, row in zip(accounts.allocation.book.contracts, accounts.cents["backlog"], strict=True):
        found[one.spec.tenant] = found.get(one.spec.tenant, 0) + row
    return found


def _leases(scenario: Scenario, leases: pd.DataFrame | None) -> pd.DataFrame:
    standing = site_costs.standing_leases(scenario)
    if leases is None or leases.empty:
        return standing
    return leases if standing.empty else pd.concat([standing, leases], ignore_index=True)


def _earned(
    accounts: Accounts, places: list[str], prices: pd.DataFrame | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Cents earned by place and month, and GPU-seconds used or sold: contracts by where their GPUs were."""
    allocation = accounts.allocation
    at = [places.index(site) for site, _kind in allocation.pools]
    n_contracts, n_months = accounts.cents["revenue"].shape
    gpu_s = np.zeros((n_contracts, len(places), n_months), np.int64)
    np.add.at(gpu_s, (slice(None), at), allocation.by_month(allocation.delivered))
    weights = gpu_s.transpose(0, 2, 1)
    earned = {"contracts": split(accounts.cents["revenue"], weights).sum(axis=0).T}
    delivered = np.maximum(accounts.gpu_s["delivered"], 1)
    sold_gpu_s = (gpu_s * (accounts.gpu_s["used"] / delivered)[:, None]).sum(axis=0)
    for kind, (hourly_s, hourly_cents) in market(allocation, prices).items():
        earned[kind] = np.zeros((len(places), n_months), np.int64)
        np.add.at(earned[kind], at, hourly_cents)
        np.add.at(sold_gpu_s, at, hourly_s)
    return earned, sold_gpu_s


def _first_live_s(accounts: Accounts, places: list[str]) -> np.ndarray:
    """[s] When each place first has GPUs that are live; inf: never."""
    allocation = accounts.allocation
    first_s = np.full(len(places), np.inf)
    for (site, _kind), live in zip(allocation.pools, allocation.live):
        if live.any():
            i = places.index(site)
            first_s[i] = min(first_s[i], allocation.edges_s[int((live > 0).argmax())])
    return first_s


def _with_nowhere(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.zeros((1, values.shape[1]), values.dtype)])
