"""Contracts: what was committed and delivered, when milestones are met, and the accounts."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from gpusim.report import document
from gpusim.report.figures import contracts
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, day_of, number
from gpusim.results.tables.record import Record, undated
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import compact, quantity, share
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


# Who takes the GPUs that a tenant drops, in sentences.

HOURLY = {"on_demand": "sold on demand", "spot": "sold as spot", "idle": "idle"}
LEAST = 0.005  # of what is dropped: takers of less are not named


def dropped(deliveries: Deliveries) -> list[str]:
    """One sentence for each shock to a tenant that came in a replication."""
    groups = deliveries.dropped.groupby(["shock", "tenant"], sort=False)
    return [_sentence(shock, tenant, rows) for (shock, tenant), rows in groups]


def _sentence(shock: str, tenant: str, rows: pd.DataFrame) -> str:
    hours = rows.set_index("taker")["gpu_hours"]
    lost = -hours[hours < 0.0].sum()
    text = f"{tenant} cuts back ({shock}) in {share(rows['comes'].iloc[0])} of replications"
    if not lost > 0.0:
        return f"{text}, but has no GPUs to give up then."
    taken = hours[hours > LEAST * lost].sort_values(ascending=False, kind="stable")
    parts = [f"{share(value / lost)} {HOURLY.get(name, f'to {name}')}" for name, value in taken.items()]
    usd = rows["usd"].sum()
    change = f"{'-' if usd < 0.0 else '+'}{compact(abs(usd))}"
    return (
        f"{text}: of the {compact(lost)} GPU-hours that it drops on average, {', '.join(parts)}; revenue {change} USD."
    )


# Contracts that were checked before they were signed, in words.


def asked(result: Record) -> list[str]:
    """A sentence for each contract of a result that was checked before it was signed, in order of time."""
    return [
        f"{row.contract} was checked on {row.asked_utc.day} {row.asked_utc:%B %Y}: each milestone is met within grace"
        f" with a probability of {share(row.probability)} or more, over {number_of(row.replications, 'replication')}"
        f" of what was not known then. It needed {share(row.admit)}, so it was {'' if row.signed else 'not '}signed."
        for row in result.contract_signings.itertuples()
    ]
