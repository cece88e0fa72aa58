"""Cost-effectiveness front: the front of cost and what the goal asks for."""

from __future__ import annotations

import math

import pandas as pd
from rich.table import Table

from gpusim.report import document
from gpusim.report.figures import plan_front
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, amount, cells, number, text
from gpusim.report.terminal import Terminal, listing
from gpusim.results.labels import Unit, unit_of
from gpusim.results.measure import none_of
from gpusim.results.wording import no_number
from gpusim.studies.planning.goal import Condition
from gpusim.studies.planning.proposal import Proposal

MOST_ROWS = 15  # on the console
MET = {(True, True): "sure", (True, False): "on average", (False, False): "missed"}


class FrontSection(Section[Proposal]):
    """Plans to which no other is cheaper and as near to the goal."""

    name, title, template = "front", "Cost-effectiveness front", "plans/front.html"

    def figures(self, findings: Proposal) -> Drawings:
        """Figures of the goal against cost."""
        plan = findings
        return {"front": lambda: plan_front.draw(plan.goal, plan.candidates, plan.front, plan.chosen)}

    def tables(self, findings: Proposal) -> dict[str, dict[str, list]]:
        """A plan a row; amounts with their units."""
        rows, shown = _shown(findings)
        units = {name: unit for name, unit in findings.units.items() if unit not in ("", name)}
        named = [
            one._replace(heading=f"{one.heading} [{units[one.key]}]") if one.key in units else one for one in shown
        ]
        return {"front": document.table(rows, (*named, text("goal", "goal")))}

    def say(self, findings: Proposal, terminal: Terminal) -> None:
        """The same, of many the costliest."""
        terminal.print(_listing(findings))
        count = len(findings.front)
        hidden = f" The last {MOST_ROWS} of {count}; all are in front.csv." if count > MOST_ROWS else ""
        terminal.print(
            "Mean and 95% interval over replications; goal: on average, or sure (95% confidence)." + hidden, style="dim"
        )


def _shown(plan: Proposal) -> tuple[pd.DataFrame, list[Column]]:
    """The front as page and console show it, but for its last column, ``goal``: whether the goal is met."""
    met = [MET[bool(met), bool(sure)] for met, sure in zip(plan.front["met"], plan.front["sure"])]
    rows = plan.front.assign(goal=met)
    options = list(rows.columns[1 : rows.columns.get_loc("cost_usd")])
    columns = [Column("cost_usd", "USD", number), *(Column(name, name, amount) for name in options)]
    for one in plan.goal.conditions:
        rows[one.text] = _figures(rows, one)
        columns.append(Column(one.text, f"{one.text} {one.operator} {one.shown}", str))
    return rows, columns


def _listing(plan: Proposal) -> Table:
    rows, columns = _shown(plan)
    cost, *others = columns
    table = listing(f"{cost.heading}>", title="No other plan tried is cheaper and as close to the goal")
    for column in others:
        table.add_column(column.heading, justify="right", overflow="fold")
    table.add_column("goal")
    last = rows.tail(MOST_ROWS)
    for row, goal in zip(cells(last, tuple(columns)), last["goal"]):
        table.add_row(*row, goal)
    return table


def _figures(rows: pd.DataFrame, condition: Condition) -> list[str]:
    """A condition's figures of candidates: mean and 95% interval, in a unit that suits its limit."""
    unit = unit_of(condition.measure.text, abs(condition.limit))
    columns = [rows[f"{condition.text}{end}"] for end in ("", " low", " high")]
    none = none_of(condition.measure.text)
    return [_figure(unit, none, *values) for values in zip(*columns)]


def _figure(unit: Unit, none: str, mean: float, low: float, high: float) -> str:
    if not math.isfinite(mean):
        return no_number(mean, none)
    return unit.said(mean) + (f" ({unit.number(low)} to {unit.number(high)})" if math.isfinite(high - low) else "")
