"""The tasks of all projects as one network, and its plan: medians, and supplies for everyone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gpusim.buildout.activity import Activity, Durations
from gpusim.scenario.build_out import target
from gpusim.scenario.project import COMPONENTS
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, seconds_between


@dataclass(frozen=True)
class Arrival:
    """A component of a project being there: a milestone behind those of the tasks."""

    index: int
    project: str
    site: str
    component: str
    givers: tuple[int, ...]


class TaskNetwork:
    """The tasks of a scenario's projects.

    Attributes
    ----------
    durations : Durations
        How long its tasks take.
    activities : list of Activity
        Tasks in the order of the file; also milestones 0 to n - 1.
    arrivals : list of Arrival
        Components in the order of projects; milestones from n on.
    plan_s : list of float
        [s] Planned time of each milestone: medians, no shocks, no stand-ins, no waiting for supplies.
    plan_start_s : list of float
        [s] Planned start of each task; of a stand-in, the time at which it is called if what it gives is late.
    """

    def __init__(self, scenario: Scenario):
        projects, start = scenario.projects, scenario.run.start
        names = {name: project.tasks for name, project in projects.items()}
        places = [(name, task) for name, project in projects.items() for task in project.tasks]
        given = [(name, part) for name, project in projects.items() for part in COMPONENTS if project.givers(part)]
        milestone = {place: i for i, place in enumerate([*places, *given])}
        self.activities = []
        for i, (name, task) in enumerate(places):
            project = projects[name]
            spec = project.tasks[task]
            before = tuple(milestone[target(reference, name, names)] for reference in spec.after)
            gives = milestone[name, spec.gives] if spec.gives else None
            site = scenario.sites[project.site]
            self.activities.append(
                Activity(
                    i, name, task, spec, site.region, site.jurisdiction, project.priority,
                    seconds_between(start, project.start), before, gives,
                )
            )  # fmt: skip
        self.arrivals = [
            Arrival(milestone[n, c], n, projects[n].site, c, tuple(milestone[n, t] for t in projects[n].givers(c)))
            for n, c in given
        ]
        self.durations = Durations(self.activities, scenario.delays)
        self.plan_s, self.plan_start_s = self._plan()

    def arrival(self, milestone: int) -> Arrival:
        """The component that a milestone behind the tasks is."""
        return self.arrivals[milestone - len(self.activities)]

    def planned_giver(self, milestone: int) -> int:
        """The task that gives a component if all goes as planned."""
        givers = self.arrival(milestone).givers
        always = [i for i in givers if not self.activities[i].stands_in] or givers
        return min(always, key=lambda i: self.plan_s[i])

    @cached_property
    def added(self) -> dict[str, list[Arrival]]:
        """Components of each site, in order."""
        by_site: dict[str, list[Arrival]] = {}
        for arrival in self.arrivals:
            by_site.setdefault(arrival.site, []).append(arrival)
        return by_site

    def _plan(self) -> tuple[list[float], list[float]]:
        """Times of all milestones and starts of all tasks, each after those before it."""
        n = len(self.activities)
        time_s: list[float | None] = [None] * (n + len(self.arrivals))
        start_s = [0.0] * n

        def reach(milestone: int) -> float:
            if time_s[milestone] is None:
                if milestone < n:
                    activity = self.activities[milestone]
                    start_s[milestone] = max([activity.earliest_s, *map(reach, activity.before)])
                    time_s[milestone] = start_s[milestone] + activity.spec.median_days * DAY_S
                else:
                    givers = self.arrival(milestone).givers
                    always = [i for i in givers if not self.activities[i].stands_in] or givers
                    time_s[milestone] = min(map(reach, always))
            return time_s[milestone]

        for milestone in range(len(time_s)):
            reach(milestone)
        for activity in self.activities:
            if activity.stands_in:
                called_s = time_s[activity.gives] + activity.spec.late_days * DAY_S
                start_s[activity.index] = max(start_s[activity.index], called_s)
                time_s[activity.index] = start_s[activity.index] + activity.spec.median_days * DAY_S
        return time_s, start_s
