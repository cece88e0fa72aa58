"""Contracts: what was committed and delivered, when milestones are met, and the accounts."""

from __future__ import annotations

from datetime import datetime

from gpusim.report import document
from gpusim.report.figures import contracts
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, day_of, number
from gpusim.results.contracts import asked, dropped
from gpusim.results.tables.record import Record, undated
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import quantity, share
from gpusim.units import number_of

NOT = "not in run"
# Sums and balances of the accounts by year: name -> heading.
HOURS = ("committed", "delivered")
FLOWS = {"billed_usd": "billed", "credited_usd": "credited", "invoiced_usd": "invoiced"}


class ContractsSection(Section):
    """Where the scenario has any."""

    name, title, template = "contracts", "Contracts", "sections/contracts.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it has."""
        return "contract_accounts" in findings.result.tables

    def lead(self, findings: Findings) -> list[str]:
        """What contracts that asked were told, and who takes what tenants drop."""
        return asked(findings.result) + (dropped(findings.deliveries) if findings.deliveries else [])

    def figures(self, findings: Findings) -> Drawings:
        """GPUs committed and delivered over time."""
        return {"contracts": lambda: contracts.draw(findings.result, findings.deliveries)}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Milestones, and accounts by year."""
        milestones = _milestones(findings.result, findings.deliveries)
        return {"contract-milestones": milestones, "contract-accounts": _accounts(findings.result)}

    def values(self, findings: Findings) -> dict[str, object]:
        """What else happened to contracts, and replications behind the dates of milestones."""
        replications = findings.deliveries.about["replications"] if findings.deliveries else 0
        return {"departures": _departures(findings.result), "replications": replications}


def _milestones(result: Record, deliveries: Deliveries | None) -> dict[str, list]:
    start = datetime.fromisoformat(result.manifest["start"])
    day = day_of(start, NOT)
    columns = [
        Column("contract", "contract", str, text=True),
        Column("gpus", "GPUs committed", number),
        Column("due_utc", "due", lambda date: f"{date:%Y-%m-%d}"),
        Column("met_utc", "met in this run", lambda date: f"{date:%Y-%m-%d}", none=NOT),
        Column("state", "state", str, text=True),
    ]
    table = result.contract_milestones
    if deliveries:
        table = table.merge(undated(deliveries.milestones).drop(columns="gpus"), on=["contract", "milestone"])
        columns += [
            *(Column(f"p{q}_s", f"P{q}", day) for q in (10, 50, 90)),
            Column("on_time", "on time", share),
            Column("within_grace", "within grace", share),
        ]
    return document.table(table, tuple(columns))


def _accounts(result: Record) -> dict[str, list]:
    """Accounts by year."""
    accounts = result.contract_accounts
    accounts = accounts.assign(credited_usd=accounts["credit_usd"] + accounts["service_credit_usd"])
    groups = accounts.groupby(["contract", accounts["month"].str[:4].rename("year")], sort=False)
    table = groups[[*(f"{name}_gpu_hours" for name in HOURS), *FLOWS]].sum()
    table = table.join(groups[["backlog_usd", "state"]].last()).reset_index()
    table = table[(table[[*FLOWS, "backlog_usd"]] != 0).any(axis=1) | (table["committed_gpu_hours"] > 0.0)]
    columns = (
        Column("contract", "contract", str, text=True),
        Column("year", "year", str),
        Column("state", "state at year end", str, text=True),
        *(Column(f"{name}_gpu_hours", f"{name} [GPU-hours]", quantity) for name in HOURS),
        *(Column(name, f"{heading} [USD]", quantity) for name, heading in FLOWS.items()),
        Column("backlog_usd", "backlog [USD]", quantity),
    )
    return document.table(table, columns)


def _departures(result: Record) -> list[str]:
    """A sentence for each time that a tenant left."""
    return [
        f"{row.contract}: on {row.left_utc.day} {row.left_utc:%B %Y} the tenant"
        + (f" cut back ({row.shock})," if row.shock else "")
        + (
            " ended the contract"
            if row.whole
            else f" gave up {number_of(row.gpus, 'GPU' if row.shock else 'late GPU')}"
        )
        + "."
        for row in result.contract_departures.itertuples()
    ]
