"""What links carried in a run, what that cost, and which copies of data sets came where."""

from __future__ import annotations

import pandas as pd

from gpusim.results.tables.names import COPIES, LINKS
from gpusim.results.tables.record import Record
from gpusim.units import BYTES_PER_TB, HOUR_S, number_of

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


def in_words(result: Record) -> list[str]:
    """How much crossed links for how much, how long jobs waited for data, and what became of copies."""
    table, waits = result.table(LINKS), result.waits
    used = int((table["data_bytes"] > 0.0).sum())
    price = f" for {table['usd'].sum():,.0f} USD" if table["usd"].sum() else ""
    said = [
        f"{number_of(used, 'link')} of {len(table):,} carried {_tb(float(table['data_bytes'].sum()))} in total{price};"
        " data that cross several links count on each."
    ]
    waited_h = float(waits.loc[waits["cause"] == "data", "job_s"].sum()) / HOUR_S
    if waited_h > 0.0:
        said.append(f"Jobs waited {number_of(f'{waited_h:,.3g}', 'hour')} in total for data.")
    copies = brought(result)
    if len(copies):
        count = {name: int(copies[name].sum()) for name in ("copies", "kept", "dropped")}
        dropped = f", {count['dropped']:,} of these later dropped to make room" if count["dropped"] else ""
        said.append(
            f"{number_of(count['copies'], 'copy')} of data sets arrived at sites: {count['kept']:,} kept{dropped}."
        )
    return said


def _tb(size_bytes: float) -> str:
    return f"{size_bytes / BYTES_PER_TB:,.3g} TB"
