"""A task of a project in its place among those of all projects."""

from __future__ import annotations

from dataclasses import dataclass

from gpusim.scenario.project import Task


@dataclass(frozen=True)
class Activity:
    """A task in its place; its own end is the milestone with its index."""

    index: int
    project: str
    name: str
    spec: Task
    region: str
    jurisdiction: str
    priority: int
    earliest_s: float  # its project's start
    before: tuple[int, ...]  # milestones
    gives: int | None  # milestone of a component

    @property
    def kind(self) -> str:
        """What kind of work it is: its trade."""
        return self.spec.kind or self.name

    @property
    def stands_in(self) -> bool:
        """Whether it is begun only if another is late."""
        return self.spec.when == "late"
