"""From a scenario and a seed to its build-out: what was done when, and what was not there in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan

import pandas as pd

from gpusim.buildout import ledger
from gpusim.buildout.activity import Activity
from gpusim.buildout.inventory import Inventory, brought, firm_mw
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import critical_path, delivery, giver, path_steps
from gpusim.buildout.schedule import Schedule, StockLevel, simulate
from gpusim.errors import one_line
from gpusim.regulation.building import limited
from gpusim.results.tables.record import dated
from gpusim.scenario.scenario import BUILDING, Scenario
from gpusim.scenario.shock import Shock
from gpusim.units import DAY_S, number_of

TASKS = ["project", "site", "task", "kind", "planned_start_s", "planned_end_s", "ready_s", "start_s", "end_s",
         "waited_s", "supply", "units", "expedited", "critical", "usd"]  # fmt: skip
CAPACITY = ["site", "project", "component", "gpu_type", "amount", "unit", "planned_s", "arrived_s", "task"]
PATHS = ["project", "position", "task_project", "task", "kind", "held_by", "from_s", "to_s"]
PROJECTS = ["project", "site", "component", "planned_s", "delivered_s", "late_s", "usd"]
LAST_DAY = 1e6  # that a step may have
REQUESTS = ["supply", "taker", "is_rival", "order", "units", "priority", "asked_s", "received_s", "cancelled_s"]
EVENTS = ["time_s", "site", "kind", "detail", "value", "unit"]


@dataclass(frozen=True)
class BuildOut:
    """The build-out of a scenario in one replication. Times are seconds since the run's start, NaN: never.

    Attributes
    ----------
    projects : DataFrame
        One row per project: project, site, component (the last to come), planned_s, delivered_s (everything it adds is
        there), late_s, usd (of started tasks).
    tasks : DataFrame
        One row per task: project, site, task, kind, planned_start_s, planned_end_s, ready_s, start_s, end_s, waited_s
        (for its supply), supply, units, expedited, critical (on the critical path of its project), usd (including
        expediting, spent evenly from start to end; 0 for a stand-in that never started).
    capacity : DataFrame
        One row per component and GPU type: site, project, component, gpu_type, amount, unit, planned_s, arrived_s,
        task (that gave it).
    live : DataFrame
        site, gpu_type, time_s, planned_gpus, live_gpus, delivered_gpus: from each change on, within the run.
    months : DataFrame
        site, gpu_type, month, planned_gpu_hours, live_gpu_hours.
    ledger : DataFrame
        site, gpu_type, month, project, cause (kind of the task that made it late), held_by (supply that it waited
        for, or shock that stopped it), gpu_hours (planned but not live; negative: ahead of plan), usd (what
        they would have earned). Sums to planned less live of ``months``.
    paths : DataFrame
        The critical path of each project, first to last: project, position, task_project, task, kind, held_by, from_s,
        to_s.
    requests : DataFrame
        Orders of projects and rivals from supplies, by time: supply, taker (project or rival), is_rival, order (task;
        for a rival "order", or "again" for a double order), units, priority (final), asked_s, received_s, cancelled_s.
        The build-out ends with its last task: later orders of rivals are not in it.
    line : DataFrame
        With ``[market.index]``, the supplies that it names at the start of each month: month, supply,
        waiting_own_units, waiting_rivals_units, free_units, units_per_month.
    events : DataFrame
        time_s, site, kind, detail, value, unit: what happened, in order.
    """

    projects: pd.DataFrame
    tasks: pd.DataFrame
    capacity: pd.DataFrame
    live: pd.DataFrame
    months: pd.DataFrame
    ledger: pd.DataFrame
    paths: pd.DataFrame
    requests: pd.DataFrame
    line: pd.DataFrame
    events: pd.DataFrame

    def __repr__(self) -> str:
        parts = ("project", self.projects), ("task", self.tasks), ("event", self.events)
        return one_line(f"<BuildOut: {', '.join(number_of(len(table), noun) for noun, table in parts)}>")


def play(scenario: Scenario, seed: int = 0, overheads: Mapping[str, float] | None = None) -> BuildOut:
    """Simulate the projects, supplies and shocks of a scenario, without its jobs.

    Parameters
    ----------
    seed : int
        Feeds a stream for each task and each shock: scenarios that differ in one project share all other draws.
    overheads : mapping of str to float, optional
        Facility watts per IT watt at the hottest hour, by site; by default those of mild weather.

    Returns
    -------
    BuildOut
        Its tables have timestamps (UTC) beside the seconds: ``start_utc`` beside ``start_s``.
    """
    scenario = limited(scenario)
    network = TaskNetwork(scenario)
    found = build_out_of(scenario, network, simulate(network, scenario, seed), overheads)
    return BuildOut(**{name: dated(table, scenario.run.start) for name, table in vars(found).items()})


def build_out_of(
    scenario: Scenario, network: TaskNetwork, schedule: Schedule, overheads: Mapping[str, float] | None = None
) -> BuildOut:
    """Tables of a schedule; arguments as of ``play``."""
    lasts = {
        name: delivery(network, schedule, name, project.adds.components) for name, project in scenario.projects.items()
    }
    return BuildOut(
        projects=_projects(scenario, network, schedule, lasts),
        tasks=_tasks(scenario, network, schedule, lasts),
        capacity=_capacity(scenario, network, schedule),
        paths=_paths(network, schedule, lasts),
        requests=requests_of(network, schedule),
        line=line_of(schedule),
        events=_events(scenario, network, schedule),
        **ledger.tables(scenario, network, schedule, overheads),
    )


def built(scenario: Scenario, network: TaskNetwork, schedule: Schedule) -> Scenario:
    """The scenario without its projects, and with what they brought as steps of its sites.

    What never comes is planned all the same: it stands at the end of all days.
    """
    data = scenario.to_toml_dict()
    for site, arrivals in network.added.items():
        inventory, table = Inventory(scenario, site, arrivals), data["sites"][site]
        *pools, halls, grid, _own = (
            _as_steps(inventory.steps(column, schedule.time_s)) for column in range(len(inventory.base))
        )
        for kind, steps in zip(inventory.pools, pools, strict=True):
            table["pools"][kind]["gpus"] = steps
        table["grid_mw"] = grid
        brought(table, scenario.projects, arrivals, schedule.time_s, LAST_DAY)
        if table.get("hall_mw") is not None:
            table["hall_mw"] = halls
    for key in ("index", "demand"):  # they are about supplies and rivals
        data.get("market", {}).pop(key, None)
    data.get("workload", {}).pop("contracted", None)  # its jobs are made of projects and contracts
    return Scenario.from_dict({key: value for key, value in data.items() if key not in BUILDING}, scenario.name)


def _as_steps(steps: list[tuple[float, float]]) -> list[dict[str, float]]:
    """Steps as a scenario holds them; of two that are one moment there the later counts."""
    days = {(at := min(time_s / DAY_S, LAST_DAY)) * DAY_S: {"at": at, "value": level} for time_s, level in steps}
    return list(days.values())


def _known(time_s: float) -> float:
    return nan if time_s in (inf, -inf) else time_s


def costs_usd(network: TaskNetwork, schedule: Schedule) -> list[float]:
    """[USD] What each task costs, expediting included; 0 of one that was not begun."""
    return [_usd(schedule, activity) for activity in network.activities]


def _usd(schedule: Schedule, activity: Activity) -> float:
    if schedule.start_s[activity.index] == inf:
        return 0.0
    return activity.spec.usd + (activity.spec.expedite.usd if schedule.hurried[activity.index] else 0.0)


def _tasks(scenario: Scenario, network: TaskNetwork, schedule: Schedule, lasts: dict) -> pd.DataFrame:
    critical = set()
    for name, (_time_s, last) in lasts.items():
        if last is not None:
            path = critical_path(network, schedule, giver(network, schedule, last))
            critical |= {activity.index for activity in path if activity.project == name}
    rows = []
    for activity in network.activities:
        i, spec = activity.index, activity.spec
        ready_s, start_s = schedule.ready_s[i], schedule.start_s[i]
        rows.append(
            (
                activity.project, scenario.projects[activity.project].site, activity.name, activity.kind,
                network.plan_start_s[i], network.plan_s[i], _known(ready_s), _known(start_s),
                _known(schedule.time_s[i]), start_s - ready_s if start_s < inf else nan, spec.supply or "",
                spec.units if spec.supply else 0.0,
                schedule.hurried[i], i in critical, _usd(schedule, activity),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=TASKS)


def _capacity(scenario: Scenario, network: TaskNetwork, schedule: Schedule) -> pd.DataFrame:
    rows = []
    for arrival in network.arrivals:
        adds = scenario.projects[arrival.project].adds
        parts = {
            "gpus": [(kind, float(gpus), "GPUs") for kind, gpus in adds.gpus.items()],
            "halls": [("", adds.hall_mw, "MW")],
            "grid": [("", adds.grid_mw, "MW")],
            "on_site": [("", firm_mw(scenario.sites[arrival.site].on_site, adds.on_site), "MW")],
        }[arrival.component]
        if arrival.component in adds.components:
            times_s = network.plan_s[arrival.index], _known(schedule.time_s[arrival.index])
            task = network.activities[giver(network, schedule, arrival.index)].name
            rows += [(arrival.site, arrival.project, arrival.component, *part, *times_s, task) for part in parts]
    return pd.DataFrame(rows, columns=CAPACITY)


def _projects(scenario: Scenario, network: TaskNetwork, schedule: Schedule, lasts: dict) -> pd.DataFrame:
    rows = []
    for name, project in scenario.projects.items():
        time_s, last = lasts[name]
        planned_s = max(
            (network.plan_s[a.index] for a in network.arrivals
             if a.project == name and a.component in project.adds.components), default=nan,
        )  # fmt: skip
        component = "" if last is None else network.arrival(last).component
        usd = sum(_usd(schedule, activity) for activity in network.activities if activity.project == name)
        rows.append((name, project.site, component, planned_s, _known(time_s), _known(time_s) - planned_s, usd))
    return pd.DataFrame(rows, columns=PROJECTS)


def _paths(network: TaskNetwork, schedule: Schedule, lasts: dict) -> pd.DataFrame:
    rows = []
    for name, (_time_s, last) in lasts.items():
        if last is None:
            continue
        for position, step in enumerate(path_steps(network, schedule, last)):
            activity = step.activity
            times_s = _known(step.from_s), _known(step.to_s)
            rows.append((name, position, activity.project, activity.name, activity.kind, step.held_by, *times_s))
    return pd.DataFrame(rows, columns=PATHS)


def line_of(schedule: Schedule) -> pd.DataFrame:
    """As ``BuildOut.line``."""
    return pd.DataFrame(schedule.line, columns=StockLevel._fields)


def requests_of(network: TaskNetwork, schedule: Schedule) -> pd.DataFrame:
    """As ``BuildOut.requests``."""
    received_s = {number: time_s for grants in schedule.grants.values() for time_s, number, _units in grants}
    rows = []
    for activity in network.activities:
        asked_s = schedule.ready_s[activity.index]
        if activity.spec.supply is not None and asked_s < inf:
            got_s = received_s.get(activity.index, inf)
            left_s = schedule.time_s[activity.gives] if activity.stands_in and got_s == inf else inf
            rows.append((activity.spec.supply, activity.project, False, activity.name, activity.spec.units,
                         activity.priority, asked_s, _known(got_s), _known(left_s)))  # fmt: skip
    for one in schedule.requests:
        got_s, kind = received_s.get(one.number, inf), "again" if one.is_again else "order"
        rows.append((one.order.supply, one.order.rival, True, kind, one.units, one.priority, one.asked_s,
                     _known(got_s), _known(one.cancelled_s)))  # fmt: skip
    return pd.DataFrame(rows, columns=REQUESTS).sort_values("asked_s", kind="stable", ignore_index=True)


def _hit(shock: Shock) -> str:
    """What a shock is about."""
    return shock.supply or shock.kind or shock.tenant or ""


def _reactions(schedule: Schedule) -> list[tuple]:
    """What rivals did about orders that waited, as events."""
    rows = []
    for one in schedule.requests:
        of, found = f"of {one.order.supply}", []
        if one.is_again:
            found.append((one.asked_s, f"orders {one.units:g} {of} again"))
        if one.paid_s < inf:
            found.append((one.paid_s, f"pays for priority {of}"))
        if one.cancelled_s < inf:
            found.append((one.cancelled_s, f"cancels {one.units:g} {of}"))
        rows += [(time_s, "", "rival", f"{one.order.rival}: {what}", one.units, "units") for time_s, what in found]
    return rows


def _events(scenario: Scenario, network: TaskNetwork, schedule: Schedule) -> pd.DataFrame:
    """Shocks, rivals' reactions, stand-ins begun, tasks hurried, and components that arrived, with the days late."""
    rows = _reactions(schedule) + [
        (window.from_s, "", "shock", f"{window.name}: {window.spec.effect} of {_hit(window.spec)}",
         nan if window.to_s == inf else (window.to_s - window.from_s) / DAY_S, "days")
        for window in schedule.windows
    ]  # fmt: skip
    for activity in network.activities:
        site, start_s = scenario.projects[activity.project].site, schedule.start_s[activity.index]
        if start_s < inf and activity.stands_in:
            detail = f"{activity.project}: {activity.name} begun for {activity.spec.gives}"
            rows.append((start_s, site, "stand-in", detail, nan, ""))
        if schedule.hurried[activity.index]:
            detail = f"{activity.project}: {activity.name} hurried"
            rows.append((start_s, site, "expedite", detail, activity.spec.expedite.usd, "USD"))
    for arrival in network.arrivals:
        time_s = schedule.time_s[arrival.index]
        if time_s < inf:
            late_days = (time_s - network.plan_s[arrival.index]) / DAY_S
            task = network.activities[giver(network, schedule, arrival.index)].name
            late = number_of(f"{late_days:+.0f}", "day")
            detail = f"{arrival.project}: {arrival.component} there with {task}, {late} against plan"
            rows.append((time_s, arrival.site, "arrival", detail, late_days, "days"))
    return pd.DataFrame(rows, columns=EVENTS).sort_values("time_s", kind="stable", ignore_index=True)
