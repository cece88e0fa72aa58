"""Task graphs of the catalogue: durations of usual projects, every figure with its basis, source and date."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted

PROVENANCE = ("basis", "source", "date")


@cache
def templates() -> dict[str, dict[str, dict]]:
    """Tasks of each template, with their provenance (basis: published, derived or assumption; source, date)."""
    folder = files("gpusim.scenario") / "catalogue" / "tasks"
    texts = {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return {name: tomllib.loads(texts[name])["tasks"] for name in sorted(texts) if name}


def filled_in(data: dict) -> tuple[dict, list[str]]:
    """Copy of a scenario's tables whose projects have the tasks of their template, and a fault for each unknown one.

    What a project's own tasks say goes first. The name of the template is gone afterwards: what is left is the whole.
    """
    projects = data.get("projects")
    if not isinstance(projects, dict):
        return data, []
    filled, faults = {}, []
    for name, project in projects.items():
        filled[name] = project
        if not isinstance(project, dict) or not isinstance(wanted := project.get("template"), str):
            continue
        if wanted not in templates():
            near, known = did_you_mean(wanted, templates()), ", ".join(templates())
            place = dotted(("projects", name, "template"))
            faults.append(f"{place}: unknown template {kinds.in_toml(wanted)}{near}; known: {known}")
        rest = {key: value for key, value in project.items() if key != "template"}
        filled[name] = {**rest, "tasks": _merged(templates().get(wanted, {}), project.get("tasks", {}))}
    return {**data, "projects": filled}, faults


def _merged(usual: dict[str, dict], own: object) -> object:
    if not isinstance(own, dict):
        return own
    known = {task: {k: v for k, v in table.items() if k not in PROVENANCE} for task, table in usual.items()}
    whole = {task: {**known.get(task, {}), **table} for task, table in own.items() if isinstance(table, dict)}
    return {**known, **own, **whole}


def left_over(data: dict) -> list[str]:
    """A fault for each template that was set after the file was read, when it could fill in nothing any more."""
    projects = data.get("projects")
    return [
        f"{dotted(('projects', name, 'template'))}: its tasks are filled in when the file is read; change it there"
        for name, project in (projects.items() if isinstance(projects, dict) else ())
        if isinstance(project, dict) and project.get("template") is not None
    ]
