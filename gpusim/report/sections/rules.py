"""Rules: what they did and cost, and the European report."""

from __future__ import annotations

import pandas as pd

from gpusim.regulation.effects import DEEDS, effects, in_force, is_ruled, reports, sources, summary, without_effect
from gpusim.report import document
from gpusim.report.figures import rules
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, number
from gpusim.report.terminal import Terminal, listing
from gpusim.results.wording import compact, quantity

KEYS = ("site", "year", "days")
SHARES = ("PUE", "ERF", "REF", "WUE [l/kWh]")  # written as they are; the rest are amounts
MOST_RULES = 8  # of the console


class RulesSection(Section):
    """Where the scenario enforces any."""

    name, title, template = "rules", "Rules", "sections/rules.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it does."""
        return is_ruled(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """What they cost in all, and the most expensive."""
        return [summary(findings.result)]

    def figures(self, findings: Findings) -> Drawings:
        """When each was in force and bound."""
        return {"rules": lambda: rules.draw(findings.result)} if len(in_force(findings.result)) else {}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """What they did; and the figures of the European report, if a site owes one."""
        figures, _missing = reports(findings.result)
        found = {"rules-effects": document.table(effects(findings.result), EFFECTS)}
        if len(figures):
            found["rules-reports"] = document.table(figures, _reports(figures))
        return found

    def values(self, findings: Findings) -> dict[str, object]:
        """Rules without effect, figures that no site has, and where the rules stand."""
        _figures, missing = reports(findings.result)
        return {"idle": without_effect(findings.result), "missing": missing, "sources": sources(findings.result)}

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """The rules that bound, the most expensive first, and what they cost."""
        found = effects(findings.result)
        found = found[found["bound"] > 0]
        terminal.print()
        super().say(findings, terminal)
        if found.empty:
            return
        table = listing("rule", "effect", "binding>", "GPU-h>", "lost USD>", "paid USD>", title="Binding rules")
        for row in found.head(MOST_RULES).itertuples():
            costs = (compact(value) if value else "" for value in (row.gpu_hours, row.lost_usd, row.paid_usd))
            table.add_row(row.rule, DEEDS[row.what], f"{row.bound:,} of {row.times:,}", *costs)
        terminal.print(table)


def _some(value: float) -> str:
    return quantity(value) if value else ""


def _reports(figures: pd.DataFrame) -> tuple[Column, ...]:
    """Columns of the figures that a site has; "not given" where another lacks one."""
    columns = [Column("site", "site", str, text=True), Column("year", "year", str), Column("days", "days", number)]
    for name in figures.columns:
        if name not in KEYS:
            columns.append(Column(name, name, number if name in SHARES else compact, none="not given"))
    return tuple(columns)


EFFECTS = (
    Column("rule", "rule", str, text=True),
    Column("what", "effect", lambda what: DEEDS[what], text=True),
    Column("sites", "where", str, text=True),
    Column("times", "times", number),
    Column("bound", "binding", number),
    Column("gpu_hours", "GPU-hours lost", _some),
    Column("lost_usd", "lost, worth [USD]", _some),
    Column("paid_usd", "paid [USD]", _some),
)
