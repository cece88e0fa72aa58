"""What links carried in a run, what that cost, and which copies of data sets came where."""

from __future__ import annotations

import pandas as pd

from gpusim.results.tables.names import COPIES, LINKS
from gpusim.results.tables.record import Record
from gpusim.units import BYTES_PER_TB

CARRIED = ["link", "transfers", "tb", "usd"]
BROUGHT = ["data_set", "site", "copies", "tb", "kept", "dropped"]


def has_traffic(result: Record) -> bool:
    """Whether any link carried anything."""
    return LINKS in result.tables and bool((result.table(LINKS)["data_bytes"] > 0.0).any())


def carried(result: Record) -> pd.DataFrame:
    """A row per link: transfers that arrived over it, [TB] that it carried, and what these cost [USD]."""
    table = result.table(LINKS)
    return table.assign(tb=table["data_bytes"] / BYTES_PER_TB)[CARRIED]


def brought(result: Record) -> pd.DataFrame:
    """Copies of data sets that arrived, by set and site: how many, [TB], how many were kept, and later dropped."""
    if COPIES not in result.tables:
        return pd.DataFrame(columns=BROUGHT)
    table = result.table(COPIES)
    there = table[table["arrived_s"].notna()]
    by_site = there.groupby(["data_set", "site"], sort=False, as_index=False).agg(
        copies=("kept", "size"), tb=("data_bytes", "sum"), kept=("kept", "sum"), dropped=("dropped_s", "count")
    )
    return by_site.assign(tb=by_site["tb"] / BYTES_PER_TB)[BROUGHT]
