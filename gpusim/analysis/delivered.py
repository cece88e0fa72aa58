"""What power cost, delivered: the bills of sites with a tariff by component, in all and for each MWh drawn."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.wording import quantity
from gpusim.tables.record import Record

COLUMNS = ["site", "component", "energy_mwh", "usd", "usd_per_mwh"]


def has_bills(result: Record) -> bool:
    """Whether any site of a result has a tariff."""
    return "bill" in result.tables and len(result.tables["bill"]) > 0


def delivered(result: Record) -> pd.DataFrame:
    """Bills of the whole run.

    Returns
    -------
    DataFrame
        site, component, energy_mwh (of the site's energy, what the component is for), usd, usd_per_mwh (for each MWh
        that the site drew; NaN if it drew none). Components in the order of the bill.
    """
    sums = result.tables["bill"].groupby(["site", "component"], sort=False)[["energy_mwh", "usd"]].sum().reset_index()
    drawn_mwh = sums.groupby("site")["energy_mwh"].transform("sum")
    return sums.assign(usd_per_mwh=sums["usd"] / drawn_mwh.where(drawn_mwh > 0.0))[COLUMNS]


def in_words(result: Record) -> list[str]:
    """A sentence on each bill: what a MWh cost delivered, and its largest parts."""
    found = []
    for site, lines in delivered(result).groupby("site", sort=False):
        if not lines["usd_per_mwh"].notna().any():
            found.append(f"{site} drew no power; its bill is {quantity(lines['usd'].sum())} USD.")
            continue
        parts = lines[lines["usd"] != 0.0].sort_values("usd", ascending=False, kind="stable")
        named = ", ".join(f"{row.component} {row.usd_per_mwh:z,.1f}" for row in parts.itertuples())
        total = f"{quantity(lines['usd'].sum())} USD, {lines['usd_per_mwh'].sum():z,.1f} USD/MWh"
        found.append(f"Power delivered to {site}: {total}" + (f" ({named})." if named else "."))
    return found
