"""Where a site's power came from: grid, generators, sun and battery, in all of a run."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.wording import quantity, share
from gpusim.tables.names import GRID
from gpusim.tables.record import Record
from gpusim.units import JOULE_PER_MWH

SUMS = {"given_j": "given_mwh", "taken_j": "taken_mwh", "lost_j": "lost_mwh"}
COLUMNS = [
    "site", "source", "kind", *SUMS.values(), "share", "usd", "fixed_usd", "usd_per_mwh", "carbon_kg",
    "carbon_kg_per_mwh",
]  # fmt: skip


def has_sources(result: Record) -> bool:
    """Whether any site makes or stores power itself."""
    return "on_site" in result.tables and len(result.tables["on_site"]) > 0


def sources(result: Record) -> pd.DataFrame:
    """Sources of each site that makes or stores power.

    Returns
    -------
    DataFrame
        site, source, kind, given_mwh, taken_mwh (by the battery), lost_mwh (sun and least loads that nobody wanted, and
        what the battery lost), share (of what the site drew that came from here; negative of a battery), usd (fuel,
        maintenance, what the grid charged), fixed_usd (of the time that it was there), usd_per_mwh (both, for each MWh
        given; NaN if none), carbon_kg, carbon_kg_per_mwh.
    """
    columns = [*SUMS, "usd", "fixed_usd", "carbon_kg"]
    found = result.tables["on_site"].groupby(["site", "source", "kind"], sort=False)[columns].sum().reset_index()
    for joules, mwh in SUMS.items():
        found[mwh] = found.pop(joules) / JOULE_PER_MWH
    net = found["given_mwh"] - found["taken_mwh"]
    drawn = net.groupby(found["site"]).transform("sum")
    given = found["given_mwh"].where(found["given_mwh"] > 0.0)
    found["share"] = net / drawn.where(drawn > 0.0)
    found["usd_per_mwh"] = (found["usd"] + found["fixed_usd"]) / given
    found["carbon_kg_per_mwh"] = found["carbon_kg"] / given
    return found[COLUMNS]


def in_words(result: Record) -> list[str]:
    """A sentence or two on each site: what it drew, what of it was made there, and what its own plant cost."""
    said = []
    for site, rows in sources(result).groupby("site", sort=False):
        own = rows[rows["source"] != GRID]
        makers = own[(own["kind"] != "battery") & (own["given_mwh"] > 0.0)]
        net_mwh = rows["given_mwh"] - rows["taken_mwh"]
        stored_mwh = max(0.0, -float(net_mwh[own.index].clip(upper=0.0).sum()))
        came_mwh = float(net_mwh.sum()) + stored_mwh
        cost = f"its own plant cost {quantity(float((own['usd'] + own['fixed_usd']).sum()))} USD"
        drew = f"{site} drew {quantity(float(net_mwh.sum()))} MWh"
        if came_mwh <= 0.0:
            said.append(f"{site} drew no power" + (f"; {cost}." if len(own) else "."))
            continue
        if stored_mwh > 0.0:
            drew = f"{drew}, and its battery kept or lost {quantity(stored_mwh)} MWh more"
        if len(makers):
            made = ", ".join(f"{row.source} {share(row.given_mwh / came_mwh)}" for row in makers.itertuples())
            said.append(f"{drew}. Made on site: {made}; {cost}.")
        else:
            said.append(f"{drew}, all of it from the grid" + (f"; {cost}." if len(own) else "."))
    return said
