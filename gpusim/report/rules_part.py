"""The part of a report on rules: what they did and cost, and the European report."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.wording import compact, quantity
from gpusim.regulation.effects import DEEDS, effects, reports, sources, summary, without_effect
from gpusim.report import document
from gpusim.report.tables import Column, number
from gpusim.tables.result import Result

KEYS = ("site", "year", "days")
SHARES = ("PUE", "ERF", "REF", "WUE [l/kWh]")  # written as they are; the rest are amounts


def rules_part(result: Result) -> dict[str, object]:
    """What the template ``rules.html`` asks for: sentences, and tables by their id."""
    figures, missing = reports(result)
    found = {"rules-effects": document.table(effects(result), _effects())}
    if len(figures):
        found["rules-reports"] = document.table(figures, _reports(figures))
    return {"lead": summary(result), "idle": without_effect(result), "missing": missing, "sources": sources(result),
            "tables": found}  # fmt: skip


def _effects() -> tuple[Column, ...]:
    return (
        Column("rule", "rule", str, text=True),
        Column("what", "what it did", lambda what: DEEDS[what], text=True),
        Column("sites", "where", str, text=True),
        Column("times", "times", number),
        Column("bound", "bound", number),
        Column("gpu_hours", "GPU-hours lost", _some),
        Column("lost_usd", "lost, list price [USD]", _some),
        Column("paid_usd", "paid [USD]", _some),
    )


def _compact(value: float) -> str:
    return compact(value) if value == value else "-"


def _some(value: float) -> str:
    return quantity(value) if value else ""


def _reports(figures: pd.DataFrame) -> tuple[Column, ...]:
    """Columns of the figures that a site has; a dash where another lacks one."""
    columns = [Column("site", "site", str, text=True), Column("year", "year", str), Column("days", "days", number)]
    for name in figures.columns:
        if name not in KEYS:
            columns.append(Column(name, name, number if name in SHARES else _compact))
    return tuple(columns)
