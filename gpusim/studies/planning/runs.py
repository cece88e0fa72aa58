"""The runs of a plan: executed into its store, and the figures of the goal read from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from gpusim.errors import GpusimError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.goal import WORST, Condition, Goal
from gpusim.studies.planning.search import Trial
from gpusim.studies.planning.shop import Shop
from gpusim.studies.planning.space import Candidate
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend
from gpusim.studies.sweeps.execution import Progress, execute
from gpusim.studies.sweeps.run import Run


class CandidateRuns:
    """Executes the runs of candidates and reads the figures of the goal."""

    def __init__(
        self,
        shop: Shop,
        goal: Goal,
        store: Store,
        backend: Backend,
        seed: int,
        budget: int,
        progress: Callable[[Progress], None],
    ):
        self.shop, self.goal, self.store, self.backend, self.seed = shop, goal, store, backend, seed
        self.progress, self.state = progress, Progress(budget, 0, 0, 0)
        self.scenarios: dict[Candidate, Scenario] = {}
        self.runs: dict[Trial, Run] = {}

    def figures(self, trials: Sequence[Trial]) -> list[np.ndarray]:
        """Figures of the goal's conditions in each run, shape (conditions,); NaN if it failed or has none.

        Of a run without demand for it a figure is ``Condition.unasked``.
        """
        for candidate, r in trials:
            if candidate not in self.scenarios:
                self.scenarios[candidate] = self.shop.scenario(candidate)
            self.runs[candidate, r] = Run(self.scenarios[candidate], self.seed + r)
        self.store.set_design(self._design())
        before = self.state
        state = execute([self.runs[trial] for trial in trials], self.store, self.backend, self._show)
        self.state = _sum(before, state)
        keys = [self.runs[trial].key for trial in trials]
        outcomes = self.store.outcomes(keys)
        table = np.column_stack([_figure(outcomes, one, keys) for one in self.goal.conditions])
        if trials[0][0] == self.shop.space.nothing:
            self._check(keys)
        return list(table)

    def _check(self, keys: list[str]) -> None:
        """A scenario that cannot be run as it is has no plan."""
        failures = self.store.failures()
        for key in keys:
            if key in failures:
                error = failures[key]
                why = f"{error['kind']}: {str(error['message']).partition(chr(10))[0]}"
                raise GpusimError(
                    f"runs of the scenario as it is fail ({why}); see {self.store.folder / 'failures' / key}.json"
                )

    def _show(self, state: Progress) -> None:
        if state.done or state.failed or state.damaged:
            self.progress(_sum(self.state, state))

    def _design(self) -> pd.DataFrame:
        points = {candidate: point for point, candidate in enumerate(self.scenarios)}
        space = self.shop.space
        table = pd.DataFrame(
            {
                "run": [run.key for run in self.runs.values()],
                "point": [points[candidate] for candidate, _r in self.runs],
                "replication": [r for _candidate, r in self.runs],
                "seed": [run.seed for run in self.runs.values()],
            }
        )
        for name, option in space.options.items():
            bought = [space.bought(candidate)[name] for candidate, _r in self.runs]
            table[name] = [str(choice) for choice in bought] if option.choices else bought
        return table.assign(cost_usd=[space.cost_usd(candidate) for candidate, _r in self.runs])


def _sum(before: Progress, state: Progress) -> Progress:
    return before._replace(
        kept=before.kept + state.kept, done=before.done + state.done, failed=before.failed + state.failed,
        damaged=state.damaged,
    )  # fmt: skip


def _figure(outcomes: pd.DataFrame, condition: Condition, keys: list[str]) -> np.ndarray:
    """The figure of a condition in each run; of the worst of its kind if that is what it names."""
    kind, name, cause, measure = condition.measure
    rows = outcomes[(outcomes["kind"] == kind) & (outcomes["measure"] == measure) & (outcomes["cause"] == cause)]
    rows = rows if name == WORST else rows[rows["name"] == name]
    values = rows.groupby(rows["run"].astype(str))["value"].agg("max" if condition.at_most else "min")
    runs = outcomes["run"].astype(str).unique()
    values = values.reindex(runs, fill_value=0.0 if cause else np.nan)  # a cause without a row cost nothing
    values[values.isna() & values.index.isin(_without_demand(outcomes, condition, runs))] = condition.unasked
    return values.reindex(keys).to_numpy(float)


def _without_demand(outcomes: pd.DataFrame, condition: Condition, runs: np.ndarray) -> set[str]:
    """Runs in which nobody asked for what a condition's figure tells of."""
    kind, name, _cause, measure = condition.measure
    if kind in ("job_class", "tenant", "size"):  # those without jobs have no rows
        rows = outcomes[(outcomes["kind"] == kind) & ((outcomes["name"] == name) | (name == WORST))]
        return set(runs) - set(rows["run"].astype(str))
    if kind == "service":
        return _runs_where(outcomes, kind, name, "demand_tokens", 0.0)
    no_tokens = _runs_where(outcomes, "fleet", "", "service_tokens_served_share", None)
    if measure == "service_tokens_served_share":
        return no_tokens
    if measure == "service_attainment":
        rows = outcomes[
            (outcomes["kind"] == "service") & (outcomes["measure"] == "requests") & (outcomes["value"] > 0.0)
        ]
        return set(runs) - set(rows["run"].astype(str))
    no_jobs = _runs_where(outcomes, "fleet", "", "jobs", 0.0)
    about_jobs = measure == "goodput" or measure.startswith(("wait_", "bounded_slowdown_"))
    return no_jobs if about_jobs else no_jobs & no_tokens


def _runs_where(outcomes: pd.DataFrame, kind: str, name: str, measure: str, value: float | None) -> set[str]:
    """Runs in which a figure has a value; None: in which it has none."""
    rows = outcomes[(outcomes["kind"] == kind) & (outcomes["name"] == name) & (outcomes["measure"] == measure)]
    return set(rows.loc[rows["value"].isna() if value is None else rows["value"] == value, "run"].astype(str))
