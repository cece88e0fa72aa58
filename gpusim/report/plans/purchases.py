"""What to buy."""

from __future__ import annotations

import pandas as pd
from rich.table import Table

from gpusim.report import document
from gpusim.report.section import Head, Section
from gpusim.report.tables import NOT_BY_UNIT, Column, amount, cells, number, text
from gpusim.report.terminal import Terminal, in_lines, listing
from gpusim.report.verdict import verdict
from gpusim.studies.planning.proposal import Proposal

KEY = 15  # of a line of what is bought, in characters: a plan by days then fits 80
COLUMNS = (
    text("option", "option"),
    text("what", "what"),
    text("how", "how"),
    Column("amount", "amount", amount),
    Column("usd_per_unit", "USD per unit", number, none=NOT_BY_UNIT),
    Column("cost_usd", "USD", number),
    Column("from_day", "from day", lambda day: f"{day:g}"),
)


class PurchasesSection(Section[Proposal]):
    """The verdict, and what the plan buys."""

    name, title, template = "buy", "What to buy", "plans/purchases.html"

    def head(self, findings: Proposal) -> Head:
        """What was found and how sure it is."""
        return Head("plan", "headline", verdict(findings))

    def tables(self, findings: Proposal) -> dict[str, dict[str, list]]:
        """An option a row."""
        at = [column.key for column in COLUMNS].index("amount") + 1
        return {"purchases": document.table(findings.purchases, (*COLUMNS[:at], text("unit", "unit"), *COLUMNS[at:]))}

    def values(self, findings: Proposal) -> dict[str, object]:
        """What it costs in all."""
        return {"cost": number(findings.chosen["cost_usd"])}

    def say(self, findings: Proposal, terminal: Terminal) -> None:
        """The verdict and the options."""
        terminal.print()
        terminal.print(verdict(findings), style="bold")
        if len(findings.purchases):
            terminal.print(_listing(findings.purchases))


def _listing(purchases: pd.DataFrame) -> Table:
    headings = (column.heading if column.text else f"{column.heading}>" for column in COLUMNS)
    table = listing(*headings, title="What to buy")
    for option, what, *others in cells(purchases, COLUMNS):
        table.add_row(option, in_lines(what, KEY), *others)
    table.add_row("total", "", "", "", "", number(purchases["cost_usd"].sum()), "", style="bold")
    return table
