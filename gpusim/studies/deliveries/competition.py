"""``gpusim.competition``: what each rival does to our delivery dates, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from gpusim.buildout.ledger import live_table
from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import delivery
from gpusim.buildout.schedule import simulate
from gpusim.engine.build import check_regions
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import ScenarioError
from gpusim.regulation.building import limited
from gpusim.results.tables.studies import ALL, Competition
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.quantiles import quantiles
from gpusim.studies.deliveries.trade import earned
from gpusim.units import DAY_S

REPLICATIONS = 50


def competition(
    scenario: Scenario,
    replications: int = REPLICATIONS,
    seed: int = 0,
    *,
    progress: Callable[[float], None] | None = None,
) -> Competition:
    """Simulate the build-out of a scenario with its rivals, without each of them, and without all.

    Compared build-outs share their seed, and with it all durations, shocks and orders of the remaining rivals: only the
    rival differs. Costs of rivals in the same line do not add up: without one the others move up.

    Parameters
    ----------
    scenario : Scenario
        With projects and rivals.
    replications : int
    seed : int
        Of the first replication; the others have those that follow. The weather is that of this seed in all.
    progress : callable, optional
        Called with the share that is done.

    Raises
    ------
    ScenarioError
        If the scenario has no projects or no rivals.

    Examples
    --------
    >>> found = gpusim.competition(scenario)
    >>> found.rivals  # cost of each rival in GPU-hours, USD and days
    """
    faults = [f"{key}: found none; give one" for key in ("projects", "rivals") if not getattr(scenario, key)]
    if faults:
        raise ScenarioError(scenario.name, faults)
    check_regions(scenario)
    game = _Game(scenario, peak_overheads(scenario, seed))
    seeds = range(seed, seed + replications)
    for i, one in enumerate(seeds):
        game.add(one)
        if progress is not None:
            progress((i + 1) / replications)
    about = {
        "scenario": scenario.to_toml_dict(), "seed": seed, "replications": replications,
        "start": scenario.run.start.isoformat(), "duration_s": scenario.run.days * DAY_S,
    }  # fmt: skip
    return Competition(about, game.rivals(), game.projects(), game.replications(seeds))


class _Game:
    """Differences that rivals made in the replications so far."""

    def __init__(self, scenario: Scenario, overheads: Mapping[str, float]):
        self.scenario, self.overheads = limited(scenario), overheads
        self.network, self.earnings = TaskNetwork(self.scenario), Earnings.of(scenario)
        self.adding = [name for name, project in self.scenario.projects.items() if project.adds.components]
        self.later_s: dict[str, list[np.ndarray]] = {name: [] for name in (*scenario.rivals, ALL)}
        self.lost: dict[str, list[np.ndarray]] = {name: [] for name in self.later_s}

    def add(self, seed: int) -> None:
        """A replication, with the rivals and without."""
        rivals = self.scenario.rivals
        with_s, with_worth = self._played(self.scenario, seed)
        for name in self.later_s:
            left = {} if name == ALL else {key: rival for key, rival in rivals.items() if key != name}
            without_s, worth = self._played(self.scenario.model_copy(update={"rivals": left}), seed)
            with np.errstate(invalid="ignore"):  # never with and without it: no difference
                self.later_s[name].append(np.where(with_s == without_s, 0.0, with_s - without_s))
            self.lost[name].append(worth - with_worth)

    def _played(self, scenario: Scenario, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """([s] when each project is there, GPU-hours live within the run and what they would earn)."""
        schedule = simulate(self.network, scenario, seed)
        parts = [scenario.projects[name].adds.components for name in self.adding]
        there_s = [delivery(self.network, schedule, *one)[0] for one in zip(self.adding, parts, strict=True)]
        live = live_table(scenario, self.network, schedule, self.overheads)
        return np.array(there_s), np.array(earned(scenario, live, self.earnings))

    def rivals(self) -> pd.DataFrame:
        """As ``Competition.rivals``."""
        rows = []
        for name, lost in self.lost.items():
            p10, _p50, p90 = quantiles(np.array(lost))
            mean = np.mean(lost, axis=0)
            parts = [(mean[i], p10[i], p90[i]) for i in range(2)]
            rows.append((name, np.mean(self.later_s[name]) / DAY_S, *parts[0], *parts[1]))
        amounts = [f"{part}{unit}" for unit in ("gpu_hours", "usd") for part in ("", "p10_", "p90_")]
        table = pd.DataFrame(rows, columns=["rival", "later_days", *amounts])
        return table.sort_values("usd", ascending=False, ignore_index=True, kind="stable")

    def projects(self) -> pd.DataFrame:
        """As ``Competition.projects``."""
        tables = []
        for name, later_s in self.later_s.items():
            days = np.array(later_s) / DAY_S
            p10, _p50, p90 = quantiles(days)
            columns = {"later_days": days.mean(axis=0), "p10_days": p10, "p90_days": p90, "later": (days > 0.0).mean(0)}
            tables.append(pd.DataFrame({"rival": name, "project": self.adding, **columns}))
        return pd.concat(tables, ignore_index=True)

    def replications(self, seeds: range) -> pd.DataFrame:
        """As ``Competition.replications``."""
        rows = [(name, seed, *one) for name, lost in self.lost.items() for seed, one in zip(seeds, lost, strict=True)]
        return pd.DataFrame(rows, columns=["rival", "seed", "gpu_hours", "usd"])
