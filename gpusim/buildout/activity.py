"""A task of a project in its place among those of all projects, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from statistics import NormalDist

import numpy as np

from gpusim import rng
from gpusim.scenario.project import Delays, Task
from gpusim.units import DAY_S

# A task of a project in its place among those of all projects.


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


# How long tasks take: a normal draw with causes in common, and the duration that stands at its quantile.

NORMAL = NormalDist()
P90 = NORMAL.inv_cdf(0.9)  # standard deviations from the median to the p90

Cause = tuple[str, str]  # "region" or "trade", and which


def is_certain(activity: Activity) -> bool:
    """Whether a task takes what was planned."""
    return activity.spec.p90_days in (None, activity.spec.median_days)


class Durations:
    """The law of all durations of a scenario: a one-factor copula for each pair of tasks, lognormal margins with Pareto
    tails.

    The draw of a task is sqrt(same_region) R + sqrt(same_trade) T + own E with standard normal R, T and E; two tasks
    have R in common in one region, T in one trade.
    """

    def __init__(self, activities: Sequence[Activity], spec: Delays):
        self.activities, self.spec = activities, spec
        self.own = sqrt(1.0 - spec.same_region - spec.same_trade)
        self.weights = {"region": sqrt(spec.same_region), "trade": sqrt(spec.same_trade)}
        places = [self.causes_of(activity) for activity in activities if not is_certain(activity)]
        self.causes = list(dict.fromkeys(cause for pair in places for cause in pair))

    @staticmethod
    def causes_of(activity: Activity) -> tuple[Cause, Cause]:
        """The common causes of a task's delay."""
        return ("region", activity.region), ("trade", activity.kind)

    def common(self, seed: int) -> dict[Cause, float]:
        """Draws of the common causes, each from a stream of its own."""
        return {cause: float(rng.stream(seed, "delay", *cause).standard_normal()) for cause in self.causes}

    def own_draw(self, activity: Activity, seed: int) -> float:
        """What is a task's own of its draw."""
        return float(rng.stream(seed, "programme", activity.project, activity.name).standard_normal())

    def shared(self, activity: Activity, common: Mapping[Cause, float]) -> float:
        """What a task's draw has from common causes."""
        return sum(self.weights[cause[0]] * common[cause] for cause in self.causes_of(activity))

    def work_s(self, seed: int) -> list[float]:
        """[s] Work in each task."""
        common = self.common(seed)
        return [
            activity.spec.median_days * DAY_S if is_certain(activity)
            else self.duration_s(activity, self.shared(activity, common) + self.own * self.own_draw(activity, seed))
            for activity in self.activities
        ]  # fmt: skip

    def duration_s(self, activity: Activity, z: float) -> float:
        """[s] Duration at the quantile of a standard normal draw."""
        median, p90, index = activity.spec.median_days, activity.spec.p90_days, self.spec.tail_index
        if not index or z <= P90:
            return median * DAY_S * exp(z * log(p90 / median) / P90)
        return p90 * DAY_S * (0.1 / (0.5 * erfc(z / sqrt(2.0)))) ** (1.0 / index)

    def z_of(self, activity: Activity, work_s: float) -> float:
        """The draw that gives a duration: the inverse of ``duration_s``."""
        median, p90, index = activity.spec.median_days, activity.spec.p90_days, self.spec.tail_index
        days = work_s / DAY_S
        if not index or days <= p90:
            return log(days / median) * P90 / log(p90 / median)
        return -NORMAL.inv_cdf(0.1 * (p90 / days) ** index)

    def common_given(self, seen: Mapping[int, float], seed: int) -> dict[Cause, float]:
        """Draws of the common causes, given the draws of some tasks by index.

        What a fresh draw of all would have shown is corrected by what was seen (Matheron's rule), which is exact for
        normal draws: what ended late makes what has its region or its trade late.
        """
        common = self.common(seed)
        if not seen or not self.causes:
            return common
        places = {cause: i for i, cause in enumerate(self.causes)}
        weights = np.zeros((len(seen), len(places)))
        for row, index in enumerate(seen):
            for cause in self.causes_of(self.activities[index]):
                weights[row, places[cause]] = self.weights[cause[0]]
        fresh = [
            self.shared(self.activities[index], common) + self.own * self.own_draw(self.activities[index], seed)
            for index in seen
        ]
        spread = weights @ weights.T + self.own**2 * np.eye(len(seen))
        shift = weights.T @ np.linalg.solve(spread, np.array(list(seen.values())) - np.array(fresh))
        return {cause: value + float(shift[places[cause]]) for cause, value in common.items()}
