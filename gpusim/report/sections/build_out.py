"""The build-out: when projects are delivered, what held them back, and on what that hangs."""

from __future__ import annotations

from datetime import datetime

from gpusim.report import document
from gpusim.report.figures import build_gantt, build_out
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, day_of, decimals, text
from gpusim.results.lateness import by_site, held_back, is_built, lateness, spelled
from gpusim.results.tables.record import Record, undated
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import compact, quantity, share
from gpusim.units import DAY_S

MOST_CAUSES, MOST_KINDS, MOST_WAITS = 15, 8, 15


class BuildOutSection(Section):
    """Where the scenario has projects."""

    name, title, template = "build-out", "Build-out", "sections/build_out.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it has."""
        return is_built(findings.result)

    def lead(self, findings: Findings) -> list[str]:
        """What made it late."""
        return [lateness(findings.result, findings.deliveries)]

    def figures(self, findings: Findings) -> Drawings:
        """Critical paths, GPUs that were missing, tasks."""
        result, deliveries = findings.result, findings.deliveries
        return {
            "build_paths": lambda: build_out.draw_paths(result, deliveries),
            "build_missing": lambda: build_out.draw_missing(result),
            "build_gantt": lambda: build_gantt.draw(result, deliveries),
        }

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Projects, causes, sites; and of replications criticality and supplies."""
        result, deliveries = findings.result, findings.deliveries
        found = {
            "build-projects": _projects(result, deliveries),
            "build-held": _held(result, deliveries),
            "build-sites": document.table(by_site(result.build_ledger), SITES),
        }
        if deliveries:
            found["build-criticality"] = _criticality(deliveries)
            longest = deliveries.supplies.sort_values("waited_days", ascending=False, kind="stable").head(MOST_WAITS)
            found["build-supplies"] = document.table(longest, SUPPLIES)
        return found

    def values(self, findings: Findings) -> dict[str, object]:
        """Replications behind dates, and behind the price of a delay."""
        about = findings.deliveries.about if findings.deliveries else {"replications": 0, "delayed": 0}
        return {"replications": about["replications"], "delayed": about["delayed"]}


def _projects(result: Record, deliveries: Deliveries | None) -> dict[str, list]:
    day = day_of(datetime.fromisoformat(result.manifest["start"]))
    table = result.build_projects[result.build_projects["component"] != ""]  # what adds nothing has no date
    columns = [
        Column("project", "project", str, text=True),
        Column("planned_s", "plan", day),
        Column("delivered_s", "in this run", day),
        Column("late_s", "days late", lambda value: f"{round(value / DAY_S):,}", none="never"),
        Column("usd", "cost [USD]", compact, none=""),
    ]
    if deliveries:
        dates = undated(deliveries.projects).drop(columns=["site", "planned_s"])
        delay = deliveries.delay[["project", "usd"]].rename(columns={"usd": "delay_usd"})
        table = table.merge(dates, on="project", how="left").merge(delay, on="project", how="left")
        columns[5:5] = [
            *(Column(f"p{q}_s", f"P{q}", day, none="") for q in (10, 50, 90)),
            Column("on_time", "on time", share, none=""),
        ]
        columns.append(Column("delay_usd", "loss if 30 days later [USD]", compact, none=""))
    return document.table(table, tuple(columns))


def _held(result: Record, deliveries: Deliveries | None) -> dict[str, list]:
    """What was planned but not live: over replications, and in the run as an example."""
    keys, table = ["cause", "held_by", "what"], held_back(result.build_ledger)
    example = ", the run shown" if deliveries else ""
    columns = [
        Column("what", "delayed by", str, text=True),
        Column("gpu_hours", f"GPU-hours{example}", quantity),
        Column("usd", f"worth [USD]{example}", quantity, none="no price"),
    ]
    if deliveries:
        mean = held_back(deliveries.losses)
        table = mean.merge(table, on=keys, how="outer", suffixes=("_mean", ""))
        table[["gpu_hours", "usd"]] = table[["gpu_hours", "usd"]].fillna(0.0)
        table = table.sort_values("usd_mean", ascending=False, kind="stable")
        columns[1:1] = [
            Column("gpu_hours_mean", "GPU-hours, mean of replications", quantity),
            Column("usd_mean", "worth [USD]", quantity, none="no price"),
        ]
    return document.table(table.head(MOST_CAUSES), tuple(columns))


def _criticality(deliveries: Deliveries) -> dict[str, list]:
    """A row per project, a column per kind of task: how often it is on the critical path; the most critical kinds."""
    tasks = deliveries.tasks
    table = tasks.pivot_table(index="project", columns="kind", values="index", aggfunc="max", sort=False, observed=True)
    table = table.reindex(list(deliveries.projects["project"]))
    kinds = list(table.sum().sort_values(ascending=False, kind="stable").index[:MOST_KINDS])
    columns = [Column("project", "project", str, text=True)]
    columns += [Column(kind, spelled(kind), share, none="") for kind in kinds]
    return document.table(table[kinds].reset_index(), tuple(columns))


SITES = (
    text("site", "site"),
    Column("gpu_hours", "GPU-hours, this run", quantity),
    Column("usd", "worth [USD]", quantity),
    text("what", "main reason"),
    Column("share", "share of loss", share),
)
SUPPLIES = (
    text("project", "project"),
    text("supply", "supply"),
    Column("index", "replications that waited", share),
    Column("waited_days", "mean wait [days]", decimals(1)),
)
