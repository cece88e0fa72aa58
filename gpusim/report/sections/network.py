"""What crossed the links between sites, and what that cost."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, number, text
from gpusim.results.network import brought, carried, has_traffic
from gpusim.results.tables.names import LINKS as TABLE
from gpusim.results.tables.record import Record
from gpusim.units import BYTES_PER_TB, HOUR_S, number_of


class NetworkSection(Section):
    """Where links carried something."""

    name, title = "network", "Links between sites"

    def applies(self, findings: Findings) -> bool:
        """Whether any did."""
        return has_traffic(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """How much, for how much, and how long jobs waited for it."""
        return in_words(findings.result)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row for each link; a row for each data set and site to which copies came."""
        copies = brought(findings.result)
        more = {"network-copies": document.table(copies, COPIES)} if len(copies) else {}
        return {"network-links": document.table(carried(findings.result), LINKS), **more}


def in_words(result: Record) -> list[str]:
    """How much crossed links for how much, how long jobs waited for data, and what became of copies."""
    table, waits = result.table(TABLE), result.waits
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


LINKS = (
    text("link", "link"),
    Column("transfers", "transfers", number),
    Column("tb", "carried [TB]", decimals(3)),
    Column("usd", "price [USD]", decimals(0)),
)
COPIES = (
    text("data_set", "data set"),
    text("site", "site"),
    Column("copies", "copies", number),
    Column("tb", "copied [TB]", decimals(3)),
    Column("kept", "kept", number),
    Column("dropped", "dropped later", number),
)
