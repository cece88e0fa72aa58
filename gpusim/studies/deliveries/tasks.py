"""When tasks begin and end over replications."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.buildout.network import Network
from gpusim.buildout.schedule import Schedule
from gpusim.studies.deliveries.quantiles import QUANTILES, quantiles


class TaskTally:
    """Starts and ends of the tasks of the replications so far."""

    def __init__(self, network: Network):
        self.network = network
        self.start_s: list[list[float]] = []
        self.end_s: list[list[float]] = []

    def look(self, schedule: Schedule) -> tuple[list[float], list[float]]:
        """Starts and ends [s] of a replication."""
        return schedule.start_s, schedule.time_s[: len(self.network.activities)]

    def count(self, look: tuple[list[float], list[float]]) -> None:
        self.start_s.append(look[0])
        self.end_s.append(look[1])

    def table(self, critical: pd.DataFrame) -> pd.DataFrame:
        """One row per task, as ``Deliveries.tasks``; ``critical`` is the table of that name of ``Criticality``."""
        start_s, end_s = np.array(self.start_s), np.array(self.end_s)
        own = critical[critical["project"] == critical["task_project"]].set_index(["project", "task"])["index"]
        rows = []
        for activity in self.network.activities:
            begun = np.isfinite(start_s[:, activity.index])
            nothing = np.full(len(QUANTILES), np.inf)
            ends = quantiles(end_s[begun, activity.index]) if begun.any() else nothing
            starts = quantiles(start_s[begun, activity.index]) if begun.any() else nothing
            rows.append(
                {
                    "project": activity.project, "task": activity.name, "kind": activity.kind,
                    "planned_start_s": self.network.plan_start_s[activity.index],
                    "planned_end_s": self.network.plan_s[activity.index], "begun": begun.mean(),
                    "start_p50_s": starts[1],
                    **{f"end_p{q}_s": value for q, value in zip(QUANTILES, ends, strict=True)},
                    "index": float(own.get((activity.project, activity.name), 0.0)),
                }
            )  # fmt: skip
        return pd.DataFrame(rows)
