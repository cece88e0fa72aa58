"""Hindcast of delays: what was promised at the start of 2025, what the model says of it, what came.

The forecast knows no shock, since none had come. One number is fitted: the p90 of construction over its median, 2
times, to the first row. All others are checked: the spread of transformers, GPUs and grid connections is published, the
correlations and the tail are assumptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.path import delivery
from gpusim.buildout.schedule import simulate
from gpusim.regulation.building import limited
from gpusim.scenario.files import located
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, seconds_between
from gpusim.validation.anchor import Effort, Row

CONSTRUCTION = 2.0  # p90 over median
LATE_DAYS = 90.0  # dates are announced by quarter: later than this is late (assumption)
COREWEAVE, STARGATE = "coreweave_openai_2025", "stargate_10gw"
DENTON = ("denton_1", "denton_2", "denton_3", "denton_4")
# Of 110 data centres that were to come in 2025 26% were delayed, another tenth moved their dates without saying so; 30
# to 50% were expected to be in 2026 (Sightline by Semafor, 2026-02-24).
LATE_2025, LATE_2026 = 0.26, (0.3, 0.5)
# From P10 to P90; of five outcomes one lies outside by chance. CoreWeave's does, since its sites have grids, and thus
# common causes, of their own (docs/build_out.md).
WITHIN, ABOVE_P90 = 0.8, 0.9
WIDER = {"MW of IT added in 2025": ABOVE_P90}
# What came: (seed, projects, what is counted, by when, how much, source)
CAME = (
    (COREWEAVE, ("",), "MW of IT added in 2025", datetime(2026, 1, 1, tzinfo=UTC), 490.0,
     "360 to 850 MW; secondary, nasdaq.com, 2026-03-06"),
    (COREWEAVE, DENTON, "GPUs in Denton at the end of 2025", datetime(2026, 1, 1, tzinfo=UTC), 16_344.0,
     "16,000, the first hall; theminermag.com, 2026-01-14"),
    (STARGATE, ("abilene",), "MW in Abilene in April 2026", datetime(2026, 4, 17, tzinfo=UTC), 300.0,
     "Epoch by kdc.bussetech, 2026-04-17"),
)  # fmt: skip


def as_promised(name: str, spread: float = CONSTRUCTION, changes: dict[str, object] | None = None) -> Scenario:
    """A seed scenario as one saw it at the start of 2025: without shocks, and with Denton's halls as any others.

    ``spread``: p90 of construction over its median.
    """
    scenario = Scenario.from_toml(located(name))
    tasks = [(project, task, spec) for project, one in scenario.projects.items() for task, spec in one.tasks.items()]
    p90_days = {
        f"projects.{project}.tasks.{task}.p90_days": spread * spec.median_days
        for project, task, spec in tasks
        if spec.p90_days == CONSTRUCTION * spec.median_days or (project in DENTON and task == "lease")
    }
    return limited(scenario.with_({"shocks": {}, **p90_days, **(changes or {})}))


def delivered(scenario: Scenario, seeds: Iterable[int]) -> pd.DataFrame:
    """One row per project: planned_s and, by seed, the time [s] at which all that it adds is there."""
    network = TaskNetwork(scenario)
    parts = {name: one.adds.components for name, one in scenario.projects.items() if one.adds.components}
    planned_s = {
        name: max(network.plan_s[a.index] for a in network.arrivals if a.project == name and a.component in parts[name])
        for name in parts
    }
    columns: dict[object, list[float]] = {"planned_s": list(planned_s.values())}
    for seed in seeds:
        schedule = simulate(network, scenario, seed)
        columns[seed] = [delivery(network, schedule, name, parts[name])[0] for name in parts]
    return pd.DataFrame(columns, index=list(parts))


def late_share(tables: Iterable[tuple[Scenario, pd.DataFrame]], year: int) -> float:
    """Mean share of the projects due in a year that come later than ``LATE_DAYS`` after their date."""
    late, due = 0.0, 0
    for scenario, table in tables:
        from_s, to_s = (
            seconds_between(scenario.run.start, datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1)
        )  # fmt: skip
        of_year = table[table["planned_s"].between(from_s, to_s, inclusive="left")]
        over = of_year.drop(columns="planned_s").sub(of_year["planned_s"], axis=0) > LATE_DAYS * DAY_S
        late, due = late + float(over.mean(axis=1).sum()), due + len(of_year)
    return late / due


def amount(scenario: Scenario, table: pd.DataFrame, projects: tuple[str, ...], what: str, by: datetime) -> np.ndarray:
    """What has come by a date, by seed; of projects whose names begin with one of ``projects``."""
    mine = [name for name in table.index if name.startswith(projects)]
    adds = {name: scenario.projects[name].adds for name in mine}
    sizes = {
        "GPUs": {name: float(sum(one.gpus.values())) for name, one in adds.items()},
        "MW": {name: one.grid_mw or 0.0 for name, one in adds.items()},
        "MW of IT": {name: one.hall_mw or 0.0 for name, one in adds.items()},
    }
    unit = next(unit for unit in sorted(sizes, key=len, reverse=True) if what.startswith(unit))
    came = table.loc[mine].drop(columns="planned_s") < seconds_between(scenario.run.start, by)
    return came.mul(pd.Series(sizes[unit]), axis=0).sum().to_numpy()


def rank(values: np.ndarray, came: float) -> float:
    """Share of the forecasts below what came, those that are equal to it by half."""
    close = np.isclose(values, came, rtol=0.01)
    return float(np.mean((values < came) & ~close) + 0.5 * np.mean(close))


def promised(effort: Effort, spread: float = CONSTRUCTION, changes: dict[str, object] | None = None) -> Iterator[Row]:
    """55: shares of late projects, and whether what came lies between the forecast's P10 and P90."""
    seeds = range(max(effort.runs(200), 24))
    plans = {name: as_promised(name, spread, changes) for name in (COREWEAVE, STARGATE)}
    tables = {name: delivered(plan, seeds) for name, plan in plans.items()}
    pairs = [(plans[name], tables[name]) for name in plans]
    what = "share of projects more than a quarter late, due in"
    yield Row(55, f"{what} 2025 (fitted)", LATE_2025, late_share(pairs, 2025), effort.widen(0.1))
    low, high = LATE_2026
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    yield Row(55, f"{what} 2026; 30 to 50% were expected", middle, late_share(pairs, 2026), half / middle)
    for name, projects, figure, by, came, _source in CAME:
        values = amount(plans[name], tables[name], projects, figure, by)
        p10, p50, p90 = np.quantile(values, [0.1, 0.5, 0.9], method="inverted_cdf")
        reason = "; power came in greater lumps than planned" if figure in WIDER else ""
        spans = f"P10 {p10:,.0f}, P50 {p50:,.0f}, P90 {p90:,.0f}"
        said = f"{figure}: rank of {came:,.0f} in the forecast, {spans}{reason}"
        yield Row(55, said, 0.5, rank(values, came), WIDER.get(figure, WITHIN))
