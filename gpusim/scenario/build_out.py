"""Projects, supplies and shocks as a whole: what tasks wait for, and what must fit the sites.

Works on the nested tables as they stand in the file; what is not valid by itself is passed over here.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted
from gpusim.scenario.project import COMPONENTS, Project, Supply, Task
from gpusim.scenario.references import find
from gpusim.units import number_of

M = TypeVar("M", bound=BaseModel)
PartKey = tuple[str, str]  # project, and task or component of it


def target(reference: str, project: str, names: Mapping[str, Container[str]]) -> PartKey | None:
    """What an entry of ``after`` means: (project, task or component); None if there is no such thing.

    Parameters
    ----------
    names : mapping of str to container of str
        Tasks of each project.
    """
    if reference in names[project] or reference in COMPONENTS:
        return project, reference
    for other, tasks in names.items():
        rest = reference.removeprefix(f"{other}.")
        if rest != reference and (rest in tasks or rest in COMPONENTS):
            return other, rest
    return None


def gpus_added(projects: Mapping[str, Project]) -> dict[tuple[str, str], int]:
    """GPUs that all projects add in all, by site and type."""
    added: dict[tuple[str, str], int] = {}
    for project in projects.values():
        for kind, gpus in project.adds.gpus.items():
            added[project.site, kind] = added.get((project.site, kind), 0) + gpus
    return added


def valid_projects(data: dict) -> dict[str, Project]:
    """The projects that are valid by themselves."""
    return {place[1]: project for place, table in find(data, ("projects", "*")) if (project := _valid(Project, table))}


def faults_of_projects(data: dict) -> Iterator[str]:
    """A fault for each thing that projects, supplies and shocks say of each other, or of sites, and that cannot be."""
    projects = valid_projects(data)
    tasks = {name: project.tasks for name, project in projects.items()}
    whole = len(projects) == sum(1 for _ in find(data, ("projects", "*")))
    for name, project in projects.items():
        yield from _components(name, project)
        yield from _site(data, name, project)
        for task in project.tasks:
            yield from _supply(data, name, task, project.tasks[task])
            if whole:  # else what is missing may be in a project that is not valid by itself
                yield from _references(name, task, tasks)
    if whole:
        yield from _cycles(projects, tasks)
        yield from _kinds(data, projects)


def _valid(model: type[M], table: object) -> M | None:
    try:
        return model.model_validate(table)
    except ValidationError:
        return None


def _components(name: str, project: Project) -> Iterator[str]:
    """What a project adds is given by a task, and not by stand-ins alone."""
    for component in project.adds.components:
        givers = project.givers(component)
        place = dotted(("projects", name))
        if not givers:
            yield f'{place}: adds {component}, but no task gives them; add gives = "{component}" to one of its tasks'
        elif all(project.tasks[task].when == "late" for task in givers):
            yield f"{place}: {component} come from stand-ins alone; one task must give them always"
    for task in project.tasks:
        if task in COMPONENTS:
            yield f"{dotted(('projects', name, 'tasks', task))}: the name of a component; give it another"


def _site(data: dict, name: str, project: Project) -> Iterator[str]:
    """The site has the pools, and the limits that the project raises; GPUs come in whole nodes."""
    site = next((table for _place, table in find(data, ("sites", project.site))), None)
    if not isinstance(site, dict):
        return
    place = ("projects", name, "adds")
    if project.adds.hall_mw is not None and site.get("hall_mw") is None:
        key = dotted(("sites", project.site, "hall_mw"))
        yield f"{dotted((*place, 'hall_mw'))}: the halls of its site have no limit; give {key}, say 0.0"
    yield from _own_power(data, site, name, project)
    for kind, gpus in project.adds.gpus.items():
        pools = site.get("pools")
        if isinstance(pools, dict) and kind not in pools:
            table = dotted(("sites", project.site, "pools", kind))
            yield f"{dotted((*place, 'gpus', kind))}: its site has no such pool; add [{table}] with gpus = 0.0"
        for _place, node in find(data, ("gpus", kind, "gpus_per_node")):
            if isinstance(node, int) and node > 0 and gpus % node:
                low = gpus // node * node
                yield (
                    f"{dotted((*place, 'gpus', kind))}: found {gpus}, not a whole number of nodes of"
                    f" {number_of(node, 'GPU')}; give {low or low + node} or {low + node}"
                )


def _own_power(data: dict, site: dict, name: str, project: Project) -> Iterator[str]:
    """What a project brings of power on site is described there, has no date of its own, and comes once."""
    here = {"sites": {project.site: site}}
    patterns = [("generators", "*"), ("battery",), ("solar",)]
    own = [found for one in patterns for found in find(here, ("sites", project.site, "on_site", *one))]
    known = {str(place[-1]): part for place, part in own}
    others = [
        part
        for other, one in valid_projects(data).items()
        if other != name and one.site == project.site
        for part in one.adds.on_site
    ]
    key = dotted(("projects", name, "adds", "on_site"))
    for part in dict.fromkeys(project.adds.on_site):
        if part not in known:
            yield f"{key}: {_unknown_at(project.site, part, list(known))}"
        elif isinstance(spec := known[part], dict) and spec.get("ordered") is not None:
            yield f'{key}: "{part}" is ordered by the site already; remove ordered there, or it here'
        elif part in others or project.adds.on_site.count(part) > 1:
            yield f'{key}: "{part}" comes more than once; keep it in one place'


def _unknown_at(site: str, part: str, known: list[str]) -> str:
    """That a site has no such power."""
    there = f"known: {', '.join(known)}" if known else f"there is none, add [{dotted(('sites', site, 'on_site'))}]"
    return f'unknown name "{part}"{did_you_mean(part, known)}; {there}'


def _supply(data: dict, name: str, task_name: str, task: Task) -> Iterator[str]:
    """A crew is, at some time, as large as what a task needs of it."""
    if task.supply is None:
        return
    supply = next((_valid(Supply, table) for _place, table in find(data, ("supplies", task.supply))), None)
    if supply is not None and supply.kind == "crew" and task.units > supply.level.peak():
        yield (
            f"{dotted(('projects', name, 'tasks', task_name, 'units'))}: found {task.units:g}, but"
            f" {dotted(('supplies', task.supply))} never has more than {supply.level.peak():g}; give less, or it more"
        )


def _references(name: str, task: str, tasks: dict[str, dict[str, Task]]) -> Iterator[str]:
    for i, reference in enumerate(tasks[name][task].after):
        key = dotted(("projects", name, "tasks", task, "after", i))
        found = target(reference, name, tasks)
        if found is None:
            known = [*tasks[name], *COMPONENTS, *(f"{p}.{t}" for p in tasks if p != name for t in tasks[p])]
            own = ", ".join([*tasks[name], *COMPONENTS])
            near = did_you_mean(reference, known)
            yield f"{key}: unknown name {kinds.in_toml(reference)}{near}; known: {own}, or PROJECT.TASK"
            continue
        project, what = found
        if what in COMPONENTS and not _givers(found, tasks):
            yield f'{key}: no task of {dotted(("projects", project))} gives {what}; add gives = "{what}" to one'
        elif what not in COMPONENTS and tasks[project][what].when == "late":
            gives = tasks[project][what].gives
            yield f'{key}: {kinds.in_toml(reference)} is a stand-in that may never begin; name what it gives, "{gives}"'


def _givers(place: PartKey, tasks: dict[str, dict[str, Task]]) -> list[str]:
    return [task for task, spec in tasks[place[0]].items() if spec.gives == place[1]]


def _cycles(projects: dict[str, Project], tasks: dict[str, dict[str, Task]]) -> Iterator[str]:
    """Tasks that wait for each other; a component counts as all tasks that give it."""
    graph: dict[PartKey, list[PartKey]] = {}
    for name, project in projects.items():
        for task, spec in project.tasks.items():
            before = graph.setdefault((name, task), [])
            for place in filter(None, (target(reference, name, tasks) for reference in spec.after)):
                before += [(place[0], t) for t in _givers(place, tasks)] if place[1] in COMPONENTS else [place]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = " waits for ".join(".".join(place) for place in reversed(error.args[1]))
        yield f"projects: tasks that wait for each other: {ring}; remove one entry of their after"


def _kinds(data: dict, projects: dict[str, Project]) -> Iterator[str]:
    """A shock hits a kind of work that there is."""
    known = list(dict.fromkeys(spec.kind or task for p in projects.values() for task, spec in p.tasks.items()))
    for place, kind in find(data, ("shocks", "*", "kind")):
        if isinstance(kind, str) and kind not in known:
            listed = ", ".join(known) or "none"
            yield f"{dotted(place)}: unknown kind {kinds.in_toml(kind)}{did_you_mean(kind, known)}; known: {listed}"
