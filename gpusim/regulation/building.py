"""What connection policies mean for projects: tasks that they have besides, and work that rests or is slower."""

from __future__ import annotations

from math import inf

from gpusim.regulation.scope import sites_under
from gpusim.results.tables.rules import RuleEntry
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.project import Project, Task
from gpusim.scenario.rule import AddedTask, Connection
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.shock import Shock
from gpusim.units import DAY_S, HOUR_S, number_of, seconds_between


def limited(scenario: Scenario, without: str = "") -> Scenario:
    """The scenario with what its connection policies ask of projects; itself if they ask nothing.

    A project is under a policy whose place holds its site if it starts while the policy is in force. Its added task
    stands beside its own, and whatever gives the component that waits for it comes behind it; a project that has a task
    of that name keeps its own. The kind of the added task names the rule, as the ledger of the build-out should. Work
    that rests or is slower becomes a shock with the name of the rule, on those projects alone.

    Parameters
    ----------
    without : str
        A rule that is left out.
    """
    for name, rule in scenario.rules.of_kind(Connection):
        under = projects_under(scenario, rule) if name != without else []
        if not under:
            continue
        tasks = {key: _with_task(scenario.projects[key], rule.task, name) for key in under if rule.task}
        shocks = _shocks(name, rule, under)
        if tasks or shocks:
            scenario = scenario.model_copy(
                update={
                    "projects": {**scenario.projects, **tasks},
                    "shocks": {**scenario.shocks, **{key: shocks[key] for key in shocks if key not in scenario.shocks}},
                }
            )
    return scenario


def delay_entry(name: str, scenario: Scenario, project: str, free_s: float, here_s: float) -> RuleEntry:
    """What it costs that a policy moves a project's delivery from ``free_s`` to ``here_s`` [s], within the run."""
    spec, end_s = scenario.projects[project], scenario.run.days * DAY_S
    hours = max(0.0, min(here_s, end_s) - min(max(free_s, 0.0), end_s)) / HOUR_S
    gpus = spec.adds.gpus
    days = (here_s - free_s) / DAY_S
    detail = (
        f"project {project}: {number_of(round(days), 'day')} later"
        if days < inf
        else f"project {project}: never delivered"
    )
    gpu_hours = hours * sum(gpus.values())
    earnings, span_s = Earnings.of(scenario), (min(max(free_s, 0.0), end_s), max(0.0, min(here_s, end_s)))
    usd = sum(count * float(earnings.usd(spec.site, kind, *span_s)) for kind, count in gpus.items()) if hours else 0.0
    return RuleEntry(name, spec.site, free_s, here_s, "delay", detail, days, gpu_hours=gpu_hours, usd=usd, unit="days")


def projects_under(scenario: Scenario, rule: Connection) -> list[str]:
    """Projects to which a policy applies: by the place of their site, its complete connection, and their start."""
    sites = sites_under(scenario, rule)
    return [
        name
        for name, project in scenario.projects.items()
        if project.site in sites and rule.since <= project.start and (rule.until is None or project.start < rule.until)
    ]


def _with_task(project: Project, added: AddedTask, rule: str) -> Project:
    waiting = [task for task in project.givers(added.before) if project.tasks[task].when == "always"]
    if not waiting or added.name in project.tasks:
        return project
    task = Task(
        after=[name for name in added.after if name in project.tasks],
        median_days=added.median_days,
        p90_days=added.p90_days,
        kind=f"{added.name} ({rule})",
        usd=added.usd_per_mw * (project.adds.grid_mw or 0.0),
    )
    behind = {
        name: project.tasks[name].model_copy(update={"after": [*project.tasks[name].after, added.name]})
        for name in waiting
    }
    return project.model_copy(update={"tasks": {**project.tasks, added.name: task, **behind}})


def _shocks(name: str, rule: Connection, under: list[str]) -> dict[str, Shock]:
    """Shocks of a rule by name: its own, with the kind of work where it has several."""
    effects = {**{kind: ("stop", None) for kind in rule.stops}, **{k: ("duration", f) for k, f in rule.slows.items()}}
    days = None if rule.until is None else seconds_between(rule.since, rule.until) / DAY_S
    return {
        name if len(effects) == 1 else f"{name} {kind}": Shock(
            at=rule.since, days=days, effect=effect, factor=factor, kind=kind, projects=under
        )
        for kind, (effect, factor) in effects.items()
    }
