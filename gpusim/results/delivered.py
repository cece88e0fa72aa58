"""What power cost, delivered: the bills of sites with a tariff by component, in all and for each MWh drawn."""

from __future__ import annotations

import pandas as pd

from gpusim.results.tables.record import Record
from gpusim.results.wording import quantity, share
from gpusim.units import HOUR_S, JOULE_PER_MWH

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


def matched(result: Record) -> pd.DataFrame:
    """How much of what sites with agreements drew these were for: hour by hour ("24/7"), and over the run.

    Returns
    -------
    DataFrame
        Index site; hourly, in_all (shares of the energy drawn; what agreements are for beyond it does not count),
        span_s [s] (of the hour, or of a longer metering interval).
    """
    meter = result.tables.get("meter", pd.DataFrame())
    if "agreed_mwh" not in meter:
        return pd.DataFrame(columns=["hourly", "in_all", "span_s"])
    hour = (meter["start_s"] // HOUR_S).rename("hour")
    by_hour = (
        meter.assign(drawn=meter["energy_j"] / JOULE_PER_MWH).groupby(["site", hour])[["drawn", "agreed_mwh"]].sum()
    )
    by_hour["met"] = by_hour.min(axis=1)
    sums = by_hour.groupby("site").sum()
    sums = sums[(sums["agreed_mwh"] > 0.0) & (sums["drawn"] > 0.0)]
    span_s = (meter["end_s"] - meter["start_s"]).groupby(meter["site"]).max().clip(lower=HOUR_S)
    return pd.DataFrame(
        {
            "hourly": sums["met"] / sums["drawn"],
            "in_all": (sums["agreed_mwh"] / sums["drawn"]).clip(upper=1.0),
            "span_s": span_s.reindex(sums.index),
        }
    )


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
    for row in matched(result).itertuples():
        by = "hour" if row.span_s <= HOUR_S else "metering interval"
        found.append(
            f"Agreements match {share(row.hourly)} of what {row.Index} drew {by} by {by}, {share(row.in_all)} over the"
            " run."
        )
    return found
