"""Many replications of the build-out: when projects are delivered, and which tasks and supplies decide that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.buildout.ledger import site_ledgers
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import critical_path, delivery, giver
from gpusim.buildout.schedule import Schedule, simulate
from gpusim.regulation.building import limited
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S

QUANTILES = (10, 50, 90)  # [%]


@dataclass(frozen=True)
class Criticality:
    """What decides the dates of projects, over replications.

    Attributes
    ----------
    deliveries : DataFrame
        One row per seed and project: seed, project, delivered_s (infinite: never).
    dates : DataFrame
        project, site, planned_s, p10_s, p50_s, p90_s of its delivery (infinite: never), on_time and never (shares of
        replications).
    tasks : DataFrame
        project, task_project, task, kind, index (share of replications in which the task is on the project's critical
        path), the most critical first within each project.
    losses : DataFrame
        project, cause, held_by, gpu_hours (mean over replications; planned but not live within the run, negative:
        ahead of plan), p10_gpu_hours, p90_gpu_hours, usd (mean, what they would have earned), the greatest first.
    supplies : DataFrame
        project, supply, index (share of replications in which its critical path waited for the supply), waited_days
        (mean over all replications).
    """

    deliveries: pd.DataFrame
    dates: pd.DataFrame
    tasks: pd.DataFrame
    losses: pd.DataFrame
    supplies: pd.DataFrame


def criticality(scenario: Scenario, seeds: Iterable[int], overheads: Mapping[str, float] | None = None) -> Criticality:
    """Play the projects of a scenario once for each seed; ``overheads`` as of ``play``.

    The criticality index of a task is that of Van Slyke (1963): the probability that it is on the critical path.

    Examples
    --------
    >>> criticality(scenario, range(1000)).tasks
    """
    scenario = limited(scenario)
    network = TaskNetwork(scenario)
    tally, seeds = Tally(scenario, network, overheads), list(seeds)
    for seed in seeds:
        tally.count(tally.look(simulate(network, scenario, seed)))
    return tally.result(seeds)


class PathLook(NamedTuple):
    """Deliveries, tasks on critical paths, waits there and losses of one replication."""

    delivered_s: list[float]  # of the projects that add anything
    on_path: list[tuple[str, int]]  # project, task
    waits: list[tuple[tuple[str, str], float]]  # (project, supply), waited [s]
    lost: dict[tuple[str, str, str], tuple[float, float]]  # (project, cause, held by) -> GPU-hours, USD


class Tally:
    """Critical paths, dates and losses of the replications so far."""

    def __init__(self, scenario: Scenario, network: TaskNetwork, overheads: Mapping[str, float] | None):
        self.scenario, self.network, self.overheads = scenario, network, overheads
        self.whole = [("", 0.0, scenario.run.days * DAY_S)]
        self.earnings = Earnings.of(scenario)
        self.parts = {name: project.adds.components for name, project in scenario.projects.items()}
        self.parts = {name: parts for name, parts in self.parts.items() if parts}
        self.delivered_s: list[list[float]] = []
        self.on_path: Counter[tuple[str, int]] = Counter()
        self.waits: Counter[tuple[str, str]] = Counter()
        self.waited_s: Counter[tuple[str, str]] = Counter()
        self.lost: dict[tuple[str, str, str], list[tuple[float, float]]] = {}

    def look(self, schedule: Schedule) -> PathLook:
        """What one replication says."""
        times_s, on_path, waits = [], [], []
        for name, parts in self.parts.items():
            time_s, last = delivery(self.network, schedule, name, parts)
            times_s.append(time_s)
            for activity in critical_path(self.network, schedule, giver(self.network, schedule, last)):
                on_path.append((name, activity.index))
                ready_s, start_s = schedule.ready_s[activity.index], schedule.start_s[activity.index]
                if ready_s < start_s:
                    waits.append(((name, activity.spec.supply), start_s - ready_s))
        return PathLook(times_s, on_path, waits, self._losses_of(schedule))

    def count(self, look: PathLook) -> None:
        """Take in what a replication said; in the order of seeds."""
        self.delivered_s.append(look.delivered_s)
        self.on_path.update(look.on_path)
        self.waits.update({key for key, _waited_s in look.waits})
        for key, waited_s in look.waits:
            self.waited_s[key] += waited_s
        for key, values in look.lost.items():
            self.lost.setdefault(key, []).append(values)

    def _losses_of(self, schedule: Schedule) -> dict[tuple[str, str, str], tuple[float, float]]:
        """GPU-hours and USD of one replication by project, cause and who held it up."""
        sums: dict[tuple[str, str, str], tuple[float, float]] = {}
        for ledger in site_ledgers(self.scenario, self.network, schedule, self.overheads):
            for (_kind, _period, *key), (hours, usd) in ledger.booked(self.whole, self.earnings).items():
                before = sums.get(tuple(key), (0.0, 0.0))
                sums[tuple(key)] = before[0] + hours, before[1] + usd
        return sums

    def result(self, seeds: list[int]) -> Criticality:
        """Tables of all replications."""
        names, n = list(self.parts), len(seeds)
        delivered_s = np.array(self.delivered_s).reshape(n, len(names))
        deliveries = pd.DataFrame(
            {
                "seed": np.repeat(seeds, len(names)),
                "project": names * n,
                "delivered_s": delivered_s.ravel(),
            }
        )
        planned_s = {
            name: max(self.network.plan_s[a.index] for a in self.network.arrivals
                      if a.project == name and a.component in parts)
            for name, parts in self.parts.items()
        }  # fmt: skip
        activities, kinds = self.network.activities, ["project", "task_project", "task", "kind", "index"]
        tasks = [
            (name, activities[i].project, activities[i].name, activities[i].kind, count / n)
            for (name, i), count in sorted(
                self.on_path.items(), key=lambda entry: (names.index(entry[0][0]), -entry[1], entry[0][1])
            )
        ]
        supplies = [
            (name, supply, count / n, self.waited_s[name, supply] / n / DAY_S)
            for (name, supply), count in sorted(self.waits.items())
        ]
        return Criticality(
            deliveries,
            self._dates(names, np.array([planned_s[name] for name in names]), delivered_s),
            pd.DataFrame(tasks, columns=kinds),
            self._losses(n),
            pd.DataFrame(supplies, columns=["project", "supply", "index", "waited_days"]),
        )

    def _losses(self, n: int) -> pd.DataFrame:
        """Losses by project, cause and who held it up; a replication in which it did not occur counts as none."""
        rows = []
        for key, values in self.lost.items():
            hours, usd = np.zeros((2, n))
            hours[: len(values)], usd[: len(values)] = np.transpose(values)
            low, high = np.quantile(hours, [0.1, 0.9])
            rows.append((*key, hours.mean(), low, high, usd.mean()))
        columns = ["project", "cause", "held_by", "gpu_hours", "p10_gpu_hours", "p90_gpu_hours", "usd"]
        return pd.DataFrame(rows, columns=columns).sort_values("usd", ascending=False, ignore_index=True, kind="stable")

    def _dates(self, names: list[str], planned_s: np.ndarray, delivered_s: np.ndarray) -> pd.DataFrame:
        """Dates by project; a quantile is that of the replication in that place, so that never stays never."""
        quantiles = np.quantile(delivered_s, [q / 100 for q in QUANTILES], axis=0, method="inverted_cdf")
        return pd.DataFrame(
            {
                "project": names,
                "site": [self.scenario.projects[name].site for name in names],
                "planned_s": planned_s,
                **{f"p{q}_s": values for q, values in zip(QUANTILES, quantiles, strict=True)},
                "on_time": (delivered_s <= planned_s).mean(axis=0),
                "never": (delivered_s == inf).mean(axis=0),
            }
        )
