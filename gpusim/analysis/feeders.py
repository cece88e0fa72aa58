"""Nodes, racks, busways and halls with limits, in a run: what was asked of them, and for how long they capped jobs."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.wording import quantity
from gpusim.tables.record import Record
from gpusim.units import HOUR_S, WATT_PER_KW, number_of


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


def in_words(result: Record) -> list[str]:
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
