"""Power at sites: where it came from, which limits it met on its way to GPUs, how efficiently it was used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.results.tables.names import GRID
from gpusim.results.tables.record import Record
from gpusim.results.wording import quantity, share
from gpusim.units import HOUR_S, JOULE_PER_KWH, JOULE_PER_MWH, WATT_PER_KW, number_of

# Where a site's power came from: grid, generators, sun and battery, in all of a run.

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


def sources_in_words(result: Record) -> list[str]:
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


# Nodes, racks, busways and halls with limits, in a run: what was asked of them, and for how long they capped jobs.


def has_feeders(result: Record) -> bool:
    """Whether any pool has limits between its nodes and its site."""
    return "feeders" in result.tables and len(result.tables["feeders"]) > 0


def feeders(result: Record) -> pd.DataFrame:
    """Feeders of each pool by tier.

    Returns
    -------
    DataFrame
        site, gpu_type, tier, feeders, capping (how many of these capped jobs), limit_kw, least_limit_kw (in the hottest
        hour, of halls that cool less then), asked_kw (the most asked of one), capped_hours (mean over all),
        longest_hours (of one).
    """
    table = result.tables["feeders"]
    least_w = table["least_limit_w" if "least_limit_w" in table else "limit_w"]
    table = table.assign(capping=table["capped_s"] > 0.0, hours=table["capped_s"] / HOUR_S, least_w=least_w)
    found = table.groupby(["site", "gpu_type", "tier"], sort=False, observed=True).agg(
        feeders=("feeder", "size"), capping=("capping", "sum"),
        limit_kw=("limit_w", "max"), least_limit_kw=("least_w", "min"), asked_kw=("asked_w", "max"),
        capped_hours=("hours", "mean"), longest_hours=("hours", "max"),
    )  # fmt: skip
    found[["limit_kw", "least_limit_kw", "asked_kw"]] /= WATT_PER_KW
    return found.reset_index()


def feeders_in_words(result: Record) -> list[str]:
    """A sentence on each kind of feeder that capped jobs, or one that none did."""
    said = []
    for row in feeders(result).itertuples():
        if row.capping == 0:
            continue
        one = row.feeders == 1
        of = f"of {row.gpu_type} at {row.site}"
        all_of_them = f"{number_of(row.feeders, row.tier)} {of}"
        some = f"All {all_of_them}" if row.capping == row.feeders else f"Of {all_of_them}, {row.capping:,}"
        who = f"The only {row.tier} {of}" if one else some
        hottest = " as in the hottest hour" if row.least_limit_kw < row.limit_kw else ""
        longest = f"for {number_of(quantity(row.longest_hours), 'hour')}{'' if one else ' at the longest'}"
        said.append(
            f"{who} capped jobs, {longest}; to cap none, {'it' if one else 'each'} would have to carry"
            f" {row.asked_kw:.4g} kW, not {row.least_limit_kw:.4g}{hottest}."
        )
    return said or ["No node, rack, busway or hall capped jobs."]


# Indicators of energy and water by site, as Delegated Regulation (EU) 2024/1364 (annex III) defines them, and CUE.
#
# PUE = energy at the meter / energy of IT; WUE = water taken [l] / energy of IT [kWh]; ERF = energy reused as heat /
# energy at the meter; REF = renewable energy / energy at the meter. CUE, which the regulation does not ask for, is CO2e
# of the energy [kg] / energy of IT [kWh] (ISO/IEC 30134-8).

GIVEN = {"erf": "heat_share", "ref": "renewable_share", "wue_l_per_kwh": "water_l_per_kwh"}


def efficiency(result: Record) -> pd.DataFrame:
    """Indicators of each site over the run.

    Returns
    -------
    DataFrame
        site, energy_facility_mwh (at the meter), energy_it_mwh, water_m3, pue, wue_l_per_kwh, cue_kg_per_kwh, erf, ref.
        Water is what its towers took, unless the site's ``sustainability`` says; ERF and REF are as it says. NaN where
        nobody says, and where no energy was drawn.
    """
    sites = result.sites.set_index("site")
    it_kwh = (sites["energy_it_j"] / JOULE_PER_KWH).where(sites["energy_it_j"] > 0.0)
    said = result.manifest["scenario"]["sites"]
    given = pd.DataFrame(
        {
            name: [(said[site].get("sustainability") or {}).get(key, np.nan) for site in sites.index]
            for name, key in GIVEN.items()
        },
        index=sites.index,
        dtype=float,
    )
    wue = given["wue_l_per_kwh"].fillna(sites["water_l"] / it_kwh)
    table = pd.DataFrame(
        {
            "energy_facility_mwh": sites["energy_facility_j"] / JOULE_PER_MWH,
            "energy_it_mwh": sites["energy_it_j"] / JOULE_PER_MWH,
            "water_m3": wue * it_kwh / 1000.0,
            "pue": sites["energy_facility_j"] / JOULE_PER_KWH / it_kwh,
            "wue_l_per_kwh": wue,
            "cue_kg_per_kwh": sites["carbon_kg"] / it_kwh,
            "erf": given["erf"],
            "ref": given["ref"],
        }
    )
    return table.reset_index()
