"""What to buy: the verdict, in sentences, and the purchases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.table import Table

from gpusim.report import document
from gpusim.report.section import Head, Section
from gpusim.report.tables import NOT_BY_UNIT, Column, amount, cells, number, text
from gpusim.report.terminal import Terminal, in_lines, listing
from gpusim.studies.planning.proposal import Proposal
from gpusim.units import number_of

# The verdict of a plan: what was found and how sure it is, in sentences.


def verdict(plan: Proposal) -> str:
    """What was found, what is not known, what was tried and what failed."""
    return " ".join([_found(plan), *_unknown(plan), _searched(plan), *_failures(plan)])


def _found(plan: Proposal) -> str:
    cost = f"{plan.chosen['cost_usd']:,.0f} USD"
    if not plan.chosen["met"]:
        return f"No plan tried meets the goal. The nearest costs {cost}; {_missed(plan)}"
    what = "Nothing has to be bought: the scenario as it is" if plan.purchases.empty else f"A plan of {cost}"
    if plan.chosen["sure"]:
        return f"{what} meets the goal with 95% confidence."
    surer = plan.candidates[plan.candidates["sure"] & (plan.candidates["cost_usd"] > plan.chosen["cost_usd"])]
    more = ""
    if len(surer):
        more = f"; among more expensive ones, {surer['cost_usd'].min():,.0f} USD meets it with 95% confidence"
    extend = "interval extends" if len(plan.goal.conditions) == 1 else "intervals extend"
    return f"{what} meets the goal on average{more}. Its 95% {extend} beyond the goal."


def _missed(plan: Proposal) -> str:
    if np.isfinite(plan.chosen["shortfall"]):
        return f"it misses the limits by {plan.chosen['shortfall']:,.1%} in total."
    endless = [one.text for one in plan.goal.conditions if np.isinf(plan.chosen[one.text])]
    return f"it has no finite {' and no finite '.join(endless or ['figure'])}, as where jobs are rejected."


def _unknown(plan: Proposal) -> list[str]:
    missing = [one.text for one in plan.goal.conditions if np.isnan(plan.chosen[one.text])]
    return [
        f"There is no demand for {name}, so every limit is met."
        if name in plan.unasked
        else f"Some runs have no {name}; this counts as not met."
        for name in missing
    ]


def _searched(plan: Proposal) -> str:
    count = len(plan.candidates)
    tried = f"{number_of(count, 'candidate')} {'was' if count == 1 else 'were'} tried in {number_of(plan.runs, 'run')}"
    cheaper = int((plan.candidates["cost_usd"] < plan.chosen["cost_usd"]).sum())
    left = "all others cost at least as much" if plan.chosen["met"] else "none are left to try"
    if plan.chosen["met"] and cheaper:
        which = "the cheaper one" if cheaper == 1 else f"the {cheaper:,} cheaper ones"
        left = f"{which} missed the goal, and those not tried cost at least as much"
    return {
        "all": f"{tried}; {left}.",
        "budget": f"{tried}; the budget of {plan.budget:,} is spent; cheaper plans may exist.",
        "repeats": f"{tried}; the search proposes nothing new; cheaper plans may exist.",
    }[plan.ended]


def _failures(plan: Proposal) -> list[str]:
    return [f"{number_of(plan.failed, 'run')} failed, see {plan.store.folder / 'failures'}."] if plan.failed else []


# What to buy.

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
