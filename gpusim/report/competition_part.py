"""The part of a report on competition: what rivals ordered and cost, and what was sold beside them."""

from __future__ import annotations

from gpusim.analysis.lateness import plain
from gpusim.analysis.rivalry import by_rival, by_the_hour, rivalry
from gpusim.analysis.wording import compact, quantity, share
from gpusim.report import document
from gpusim.report.tables import Column, number
from gpusim.tables.competition import ALL, Competition
from gpusim.tables.result import Result

MOST_PROJECTS = 10


def competition_part(result: Result, competition: Competition | None) -> dict[str, object]:
    """What the template ``competition.html`` asks for: sentences, and tables by their id."""
    found = {"competition-rivals": document.table(by_rival(result), RIVALS)}
    hourly = by_the_hour(result)
    if len(hourly):
        found["competition-hourly"] = document.table(hourly, HOURLY)
    if competition:
        found["competition-costs"] = document.table(competition.rivals, COSTS)
        projects = competition.projects[competition.projects["rival"] == ALL]
        latest = projects.sort_values("later_days", ascending=False, kind="stable").head(MOST_PROJECTS)
        found["competition-projects"] = document.table(latest, PROJECTS)
    return {"lead": rivalry(result, competition), "tables": found,
            "replications": competition.about["replications"] if competition else 0}  # fmt: skip


def _days(value: float) -> str:
    return "never" if value == float("inf") else f"{value:,.0f}" if value == value else "-"


RIVALS = (
    Column("rival", "rival", str, text=True),
    Column("supply", "orders of", plain, text=True),
    Column("orders", "orders", number),
    Column("again", "placed twice", number),
    Column("units", "units", quantity),
    Column("received", "received", quantity),
    Column("cancelled", "cancelled orders", number),
    Column("waited_days", "days waited, mean", _days),
)
HOURLY = (
    Column("gpu_type", "GPU type", str, text=True),
    Column("year", "year", str),
    Column("usd_per_gpu_hour", "on demand [USD/h]", lambda value: f"{value:.2f}"),
    Column("asked_gpus", "GPUs asked for", compact),
    Column("rivals_gpus", "rivals have", compact),
    Column("rivals_sold_gpus", "rivals let", compact),
    Column("on_demand_share", "let of ours that contracts leave", share),
)
COSTS = (
    Column("rival", "with, less without", str, text=True),
    Column("later_days", "days later, mean", _days),
    Column("gpu_hours", "GPU-hours lost, mean", quantity),
    Column("p10_gpu_hours", "P10", quantity),
    Column("p90_gpu_hours", "P90", quantity),
    Column("usd", "lost, list price [USD]", quantity),
)
PROJECTS = (
    Column("project", "project", str, text=True),
    Column("later_days", "days later, mean", _days),
    Column("p10_days", "P10", _days),
    Column("p90_days", "P90", _days),
    Column("later", "later in", share),
)
