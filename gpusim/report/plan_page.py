"""The page of a plan: what to buy, what each further dollar brings, and how sure that is."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from gpusim.analysis.labels import Unit, unit_of
from gpusim.analysis.measure import none_of
from gpusim.analysis.wording import no_number
from gpusim.report import document
from gpusim.report.scenario_text import to_toml
from gpusim.report.tables import NOT_BY_UNIT, Column, amount, number
from gpusim.report.verdict import verdict
from gpusim.studies.planning.goal import Condition
from gpusim.studies.planning.proposal import Proposal

MET = {(True, True): "sure", (True, False): "on average", (False, False): "missed"}


def write(plan: Proposal, pictures: list[Path], path: Path) -> Path:
    """Render the page of a plan to ``path``; ``pictures`` are those of ``plan_figures``."""
    about = plan.store.about
    return document.write(
        path,
        "plan.html",
        pictures,
        name=plan.scenario.name,
        description=plan.scenario.description,
        text=verdict(plan),
        goal=plan.goal.text,
        about=about,
        tables={"purchases": _purchases(plan.purchases), "front": _front(plan)},
        cost=number(plan.chosen["cost_usd"]),
        candidates=len(plan.candidates),
        scenario_text=to_toml(plan.scenario.to_toml_dict()),
    )


def _purchases(purchases: pd.DataFrame) -> dict[str, list]:
    columns = (
        Column("option", "option", str, text=True),
        Column("what", "what", str, text=True),
        Column("how", "how", str, text=True),
        Column("amount", "amount", amount),
        Column("usd_per_unit", "USD per unit", number, none=NOT_BY_UNIT),
        Column("cost_usd", "USD", number),
        Column("from_day", "from day", lambda day: f"{day:g}"),
    )
    return document.table(purchases, columns)


def _front(plan: Proposal) -> dict[str, list]:
    met = [MET[bool(met), bool(sure)] for met, sure in zip(plan.front["met"], plan.front["sure"])]
    rows = plan.front.assign(goal=met)
    options = list(rows.columns[1 : rows.columns.get_loc("cost_usd")])
    columns = [Column("cost_usd", "USD", number), *(Column(name, name, amount) for name in options)]
    for one in plan.goal.conditions:
        rows[one.text] = figures(rows, one)
        columns.append(Column(one.text, f"{one.text} {one.operator} {one.shown}", str))
    return document.table(rows, (*columns, Column("goal", "goal", str, text=True)))


def figures(rows: pd.DataFrame, condition: Condition) -> list[str]:
    """A condition's figures of candidates: mean and 95% interval, in a unit that suits its limit."""
    unit = unit_of(condition.measure.text, abs(condition.limit))
    columns = [rows[f"{condition.text}{end}"] for end in ("", " low", " high")]
    none = none_of(condition.measure.text)
    return [_figure(unit, none, *values) for values in zip(*columns)]


def _figure(unit: Unit, none: str, mean: float, low: float, high: float) -> str:
    if not math.isfinite(mean):
        return no_number(mean, none)
    return unit.said(mean) + (f" ({unit.number(low)} to {unit.number(high)})" if math.isfinite(high - low) else "")
