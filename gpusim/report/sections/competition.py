"""Competition: what rivals ordered and cost, and what was sold beside them."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.figures import competition
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, number
from gpusim.results.lateness import spelled
from gpusim.results.rivalry import by_rival, by_the_hour, has_rivals, lines, rivalry
from gpusim.results.tables.studies import ALL
from gpusim.results.wording import compact, quantity, share

MOST_PROJECTS = 10


class CompetitionSection(Section):
    """Where the scenario has any."""

    name, title, template = "competition", "Competition", "sections/competition.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it has."""
        return has_rivals(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """What they did, and what they cost."""
        return [rivalry(findings.result, findings.competition)]

    def figures(self, findings: Findings) -> Drawings:
        """Lines and prices."""
        result = findings.result
        return {"competition": lambda: competition.draw(result)} if competition.has_panels(result) else {}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Orders, sales by the hour; and over replications costs and delays."""
        result, costs = findings.result, findings.competition
        found = {"competition-rivals": document.table(by_rival(result), RIVALS)}
        hourly = by_the_hour(result)
        if len(hourly):
            found["competition-hourly"] = document.table(hourly, HOURLY)
        if costs:
            found["competition-costs"] = document.table(costs.rivals, COSTS)
            projects = costs.projects[costs.projects["rival"] == ALL]
            latest = projects.sort_values("later_days", ascending=False, kind="stable").head(MOST_PROJECTS)
            found["competition-projects"] = document.table(latest, PROJECTS)
        return found

    def values(self, findings: Findings) -> dict[str, object]:
        """Replications behind what each costs, and supplies without a line."""
        table = lines(findings.result)
        unwaited = set(table["supply"]) - set(competition.waited_for(table))
        return {
            "replications": findings.competition.about["replications"] if findings.competition else 0,
            "unwaited": sorted(map(spelled, unwaited)),
        }


def _days(value: float) -> str:
    return "never" if value == float("inf") else f"{value:,.0f}"


RIVALS = (
    Column("rival", "rival", str, text=True),
    Column("supply", "orders of", spelled, text=True),
    Column("orders", "orders", number),
    Column("again", "ordered twice", number),
    Column("units", "units", quantity),
    Column("received", "received", quantity),
    Column("cancelled", "cancelled orders", number),
    Column("waited_days", "mean wait [days]", _days, none="none received"),
)
HOURLY = (
    Column("gpu_type", "GPU type", str, text=True),
    Column("year", "year", str),
    Column("usd_per_gpu_hour", "on demand [USD/h]", lambda value: f"{value:.2f}"),
    Column("asked_gpus", "GPUs demanded", compact),
    Column("rivals_gpus", "rivals' GPUs", compact),
    Column("rivals_sold_gpus", "rented from rivals", compact),
    Column("on_demand_share", "uncontracted GPUs in use", share),
)
COSTS = (
    Column("rival", "with minus without rival", str, text=True),
    Column("later_days", "mean delay [days]", _days),
    Column("gpu_hours", "mean GPU-hours lost", quantity),
    Column("p10_gpu_hours", "P10", quantity),
    Column("p90_gpu_hours", "P90", quantity),
    Column("usd", "lost, worth [USD]", quantity),
)
PROJECTS = (
    Column("project", "project", str, text=True),
    Column("later_days", "mean delay [days]", _days),
    Column("p10_days", "P10", _days),
    Column("p90_days", "P90", _days),
    Column("later", "replications delayed", share),
)
