"""What rivals did in a run: what they ordered, how long lines were, and what was sold beside them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.results.lateness import spelled
from gpusim.results.tables.names import PRICES
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import ALL, Competition
from gpusim.results.wording import gpu_hours, quantity, worth
from gpusim.scenario.earnings import Earnings
from gpusim.units import DAY_S, months, number_of

TABLE = ["rival", "supply", "orders", "again", "units", "received", "cancelled", "waited_days"]


def has_rivals(result: Record) -> bool:
    """Whether rivals ordered anything in a result."""
    return "build_requests" in result.tables and bool(result.build_requests["is_rival"].any())


def by_rival(result: Record) -> pd.DataFrame:
    """What each rival asked of each supply.

    Returns
    -------
    DataFrame
        ``TABLE``: orders, how many of them were placed once more, units asked for in all, units received, orders
        cancelled, and the mean wait of what was received [d].
    """
    asked = result.build_requests[result.build_requests["is_rival"]]
    rows = []
    for (rival, supply), part in asked.groupby(["taker", "supply"], sort=False):
        got = part[part["received_s"].notna()]
        again, cancelled = (part["order"] == "again").sum(), part["cancelled_s"].notna().sum()
        waited_days = (got["received_s"] - got["asked_s"]).mean() / DAY_S
        orders = len(part) - again
        rows.append((rival, supply, orders, again, part["units"].sum(), got["units"].sum(), cancelled, waited_days))
    table = pd.DataFrame(rows, columns=TABLE)
    order = list(result.manifest["scenario"]["rivals"])
    return table.sort_values("rival", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def lines(result: Record) -> pd.DataFrame:
    """Units that wait for each supply that rivals order, as each month begins: supply, time_s, ours, rivals."""
    requests = result.build_requests
    start = datetime.fromisoformat(result.manifest["start"])
    times_s = np.array([from_s for _month, from_s, _to_s in months(start, result.manifest["duration_s"])])
    tables = []
    for supply in requests.loc[requests["is_rival"], "supply"].unique():
        mine = requests[requests["supply"] == supply]
        left_s = mine["received_s"].fillna(np.inf).clip(upper=mine["cancelled_s"].fillna(np.inf))
        waits = (mine["asked_s"].to_numpy() <= times_s[:, None]) & (left_s.to_numpy() > times_s[:, None])
        units, rival = mine["units"].to_numpy(), mine["is_rival"].to_numpy()
        sums = {"ours": waits @ (units * ~rival), "rivals": waits @ (units * rival)}
        tables.append(pd.DataFrame({"supply": supply, "time_s": times_s, **sums}))
    return pd.concat(tables, ignore_index=True)


def by_the_hour(result: Record) -> pd.DataFrame:
    """Means by GPU type and year of what is asked for by the hour, who sells it, and the price.

    Returns
    -------
    DataFrame
        gpu_type, year, usd_per_gpu_hour, asked_gpus, rivals_gpus, rivals_sold_gpus, on_demand_share; empty where demand
        is not modelled. Types that nobody asks for are left out.
    """
    prices = result.tables.get(PRICES)
    if prices is None or "asked_gpus" not in prices:
        return pd.DataFrame(columns=["gpu_type", "year"])
    asked = prices[prices.groupby("gpu_type")["asked_gpus"].transform("max") > 0.0]
    usd = asked["on_demand_price_ratio"] * list_usd(result, asked["gpu_type"])
    asked = asked.assign(usd_per_gpu_hour=usd, year=asked["month"].str[:4])
    columns = ["usd_per_gpu_hour", "asked_gpus", "rivals_gpus", "rivals_sold_gpus", "on_demand_share"]
    return asked.groupby(["gpu_type", "year"], sort=False, as_index=False)[columns].mean()


def list_usd(result: Record, kinds: pd.Series) -> pd.Series:
    """[USD/h] List prices of GPU types."""
    gpus = result.manifest["scenario"]["gpus"]
    return kinds.map({name: spec["usd_per_gpu_hour"] for name, spec in gpus.items()})


def rivalry(result: Record, competition: Competition | None = None) -> str:
    """What rivals did, and what they cost if that is known, in a few sentences."""
    table = by_rival(result)
    rivals, supplies = table["rival"].nunique(), table["supply"].nunique()
    orders = number_of(table["orders"].sum(), "order")
    said = f"{number_of(rivals, 'rival')} placed {orders} of {number_of(supplies, 'supply')}"
    cancelled = table["cancelled"].sum()
    if table["again"].sum():
        were = "was" if cancelled == 1 else "were"
        said += f", {table['again'].sum():,} of them twice; {cancelled:,} {were} cancelled"
    if competition is None:
        return f"{said}."
    costs = competition.rivals.set_index("rival")
    alone, n = costs.drop(ALL), competition.about["replications"]
    basis = Earnings.of_manifest(result.manifest).basis
    costliest, later = alone["usd"].idxmax(), number_of(f"{costs.loc[ALL, 'later_days']:,.0f}", "day")
    return (
        f"{said}. Without rivals, projects would be delivered {later} earlier on average over"
        f" {number_of(n, 'replication')}, and {gpu_hours(costs.loc[ALL, 'gpu_hours'])} more would be live"
        f"{worth(costs.loc[ALL, 'usd'], basis)}. The most expensive: {spelled(costliest)},"
        f" {quantity(alone.loc[costliest, 'usd'])} USD."
    )
