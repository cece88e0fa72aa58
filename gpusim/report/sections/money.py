"""Money: what contracts earned and cost, cash, debt and backlog."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from gpusim.report import document
from gpusim.report.figures import money
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, number, text
from gpusim.report.terminal import Terminal
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import quantity

# Sums of the statements of contracts: name -> heading; and who else has a part.
HELD = {
    "revenue": "revenue", "energy": "energy", "running": "rent, staff, network, overhead", "rules": "rules",
    "ebitda": "EBITDA", "depreciation": "depreciation", "ebit": "EBIT",
}  # fmt: skip
RUNNING = ("rent", "staff", "network", "overhead")
OTHERS = {"on_demand": "(on demand)", "spot": "(spot)", "idle": "(idle)"}
# Figures of money over replications -> what they are called.
MONEY = {
    "revenue": "revenue", "energy": "energy", "ebitda": "EBITDA", "interest": "interest",
    "capex": "capital expenditure", "free_cash": "free cash flow", "paid_in": "owners' contributions",
    "resale": "GPUs sold", "refused": "refused by covenants",
    "most_debt": "peak debt", "credit": "credits", "last_backlog": "backlog at the end",
}  # fmt: skip


class MoneySection(Section):
    """Where the scenario has contracts."""

    name, title, template = "money", "Money", "sections/money.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it has."""
        return "money_figures" in findings.result.tables

    def figures(self, findings: Findings) -> Drawings:
        """Statements over time; and cash over replications."""
        found = {"money": lambda: money.draw(findings.result)}
        if findings.deliveries:
            found["cash"] = lambda: money.draw_cash(findings.deliveries)
        return found

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """By contract, over replications, and all figures."""
        found = {
            "money-contracts": _holders(findings.result),
            "money-figures": document.table(findings.result.money_figures, FIGURES),
        }
        if findings.deliveries:
            found["money-replications"] = document.table(findings.deliveries.money, SPREAD)
        return found

    def values(self, findings: Findings) -> dict[str, object]:
        """Figures shown large."""
        deliveries = findings.deliveries
        cards = _cards(_figures(findings.result)) if deliveries is None else _spread(deliveries)
        count = deliveries.about["replications"] if deliveries else 0
        return {"cards": cards, "replications": count, "refused": refused(findings)}

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """The run's money in a few lines; nothing where replications of the build-out have told it."""
        if findings.deliveries:
            return
        value, fleet = _figures(findings.result), findings.result.money_fleet
        sold = f" GPUs sold {quantity(fleet['resale_usd'].sum())}," if "resale_usd" in fleet else ""
        terminal.print(
            f"Cash of the run: revenue {quantity(value['revenue_usd'])}, EBITDA {quantity(value['ebitda_usd'])},"
            f" capex {quantity(value['capex_usd'])},{sold} free cash {quantity(value['free_cash_usd'])} USD;"
            f" peak debt {quantity(fleet['debt_usd'].max())}, owners' contributions {quantity(value['paid_in_usd'])},"
            f" energy {quantity(value['energy_usd'])}, backlog at the end {quantity(value['backlog_usd'])} USD."
        )
        if said := refused(findings):
            terminal.print(said)


def _figures(result: Record) -> pd.Series:
    return result.money_figures.set_index("name")["value"]


def _holders(result: Record) -> dict[str, list]:
    """What contracts, the market and idle GPUs earned and cost over the run."""
    table = result.money_contracts
    table = table[(table["kind"] == "contract") | table["kind"].isin(table["kind"][table["mw"] > 0.0])]
    held = table["contract"].where(table["kind"] == "contract", table["kind"].map(OTHERS))
    table = table.assign(held=held, running_usd=table[[f"{name}_usd" for name in RUNNING]].sum(axis=1))
    sums = table.groupby("held", sort=False)[[f"{name}_usd" for name in HELD]].sum().reset_index()
    columns = (
        Column("held", "contract", str, text=True),
        *(Column(f"{name}_usd", heading, quantity) for name, heading in HELD.items()),
    )
    return document.table(sums, columns)


def _spread(deliveries: Deliveries) -> list[tuple[str, str, str]]:
    """The same over replications: median, and P10 to P90."""
    rows = deliveries.money.set_index("figure")
    return [
        (name, f"{quantity(p50)} USD", f"{MONEY[name]}, {quantity(p10)} to {quantity(p90)}")
        for name, (p10, p50, p90) in zip(shown(rows.index), rows.loc[shown(rows.index)].to_numpy(), strict=True)
    ]


def refused(findings: Findings) -> str:
    """What covenants kept loans from lending, and who pays for it; "" if nothing. Of replications, if there are any."""
    scenario = findings.result.manifest["scenario"]
    loans = scenario.get("money", {}).get("loans", {})
    least = {name: loan["least_coverage"] for name, loan in loans.items() if "least_coverage" in loan}
    amount = _refused(findings) if least else ""
    if not amount:
        return ""
    who = f"Loan{'s' * (len(least) > 1)} {', '.join(least)}"
    times = " or ".join(f"{coverage:g}" for coverage in dict.fromkeys(least.values()))
    return f"{who} refused {amount}: earnings did not cover the service of debt {times} times. The owners pay instead."


def _refused(findings: Findings) -> str:
    if not findings.deliveries:
        usd = _figures(findings.result)["refused_usd"]
        return f"{quantity(usd)} USD" if usd > 0.0 else ""
    rows = findings.deliveries.money.set_index("figure").loc["refused"]
    low, middle, high = (quantity(rows[f"p{q}_usd"]) for q in (10, 50, 90))
    return f"{middle} USD ({low} to {high})" if rows["p90_usd"] > 0.0 else ""


def shown(figures: Collection[str]) -> list[str]:
    """Those of the money over replications that are told, of those there are."""
    return [name for name in SHOWN if name in figures]


def _cards(figures: pd.Series) -> list[tuple[str, str, str]]:
    """Figure, value and meaning of what is shown large."""
    meanings = {
        "revenue_usd": "revenue in the run", "ebitda_usd": "EBITDA", "capex_usd": "capital expenditure",
        "resale_usd": "GPUs sold", "free_cash_usd": "free cash flow", "refused_usd": "refused by covenants",
        "paid_in_usd": "owners' contributions", "debt_usd": "debt at the end",
        "backlog_usd": "backlog at the end",
    }  # fmt: skip
    return [(name, f"{quantity(figures[name])} USD", said) for name, said in meanings.items() if name in figures]


SHOWN = ("revenue", "ebitda", "capex", "resale", "free_cash", "refused", "paid_in", "most_debt", "last_backlog")
SPREAD = (
    Column("figure", "figure", lambda name: MONEY[name], text=True),
    *(Column(f"p{q}_usd", f"P{q}", quantity) for q in (10, 50, 90)),
)
FIGURES = (
    text("name", "figure"),
    Column("value", "value", lambda value: number(value)),
    text("note", "note"),
)
