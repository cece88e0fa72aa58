"""The runs of a relief study: replicated until the top of the ranking is separated, or a budget is spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

import pandas as pd

from gpusim.engine.run import run as simulate
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import GpusimError
from gpusim.results.measure import Measure, sign_of
from gpusim.results.rejections import rejected
from gpusim.results.tables.folder import folder_name
from gpusim.results.tables.studies import Relief
from gpusim.scenario.scenario import Scenario
from gpusim.studies.relief.answer import answer
from gpusim.studies.relief.constraints import counterfactuals
from gpusim.studies.relief.counterfactual import Counterfactual
from gpusim.studies.relief.enlarging import room_for
from gpusim.studies.relief.values import BASE, Trial, Values
from gpusim.studies.statistics.separation import Elimination, Separation
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend, open_backend
from gpusim.studies.sweeps.execution import Progress, execute
from gpusim.studies.sweeps.run import Run
from gpusim.version import __version__

LEAST = 4  # replications of the first round; every further round doubles them
CURVES = 3  # of the best groups
MULTIPLES = (0.5, 1.0, 2.0, 4.0, 8.0)  # of the step, along a curve
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the greatest step that makes a difference, where there is one


def relieve(
    scenario: Scenario,
    seed: int = 0,
    *,
    measure: str = "useful_gpu_hours",
    step: float = 0.1,
    days: float = 7.0,
    budget: int = 300,
    curves: int = CURVES,
    store: str | Path | None = None,
    executor: str | Executor = "processes",
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Relief:
    """What loosening each binding constraint would gain.

    One counterfactual per constraint, with the random streams of the base (seeds ``seed``, ``seed + 1``, ...). All run
    with four seeds; then those that may still be the best with twice as many, and so on, until one is separated from
    all others or the budget is spent. The k-th look at the data has a risk of 5% / k(k + 1), so the chance of a wrong
    best is below 5% overall. Then come the curves of the best three.

    Parameters
    ----------
    measure : str
        Figure of the fleet by which reliefs are ranked.
    step : float
        Step of quantities, as a share.
    days : float
        [d] Step of dates: how much earlier.
    budget : int
        Runs of the ranking, including those already in the store.
    curves : int
        How many of the best get a curve along multiples of their step; runs beyond the budget.
    store : path, optional
        Folder of the runs; by default ``out/NAME-relief/runs``.
    executor, workers, address
        As in ``gpusim.sweep``.

    Raises
    ------
    GpusimError
        If an argument makes no sense, or runs of the base fail.
    """
    _check(measure, step, days, budget)
    about = {"study": "relief", "scenario": scenario.to_toml_dict(), "seed": seed, "step": step, "days": days,
             "measure": measure, "gpusim_version": __version__}  # fmt: skip
    kept = Store.create(store or Path("out") / f"{folder_name(scenario.name)}-relief" / "runs", about)
    with open_backend(executor, workers, address) as backend:
        study = _Study(scenario, seed, measure, budget, kept, backend, progress)
        return study.play(step, days, curves)


class _Study:
    """The runs of one study so far, and what to run next."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        measure: str,
        budget: int,
        store: Store,
        backend: Backend,
        progress: Callable[[Progress], None],
    ):
        self.scenario, self.seed, self.measure, self.budget = scenario, seed, measure, budget
        self.store, self.backend, self.progress = store, backend, progress
        self.sign = sign_of(measure)
        self.runs: dict[Trial, Run] = {}

    def play(self, step: float, days: float, curves: int) -> Relief:
        """All rounds, then the curves, then the answer."""
        values = self._run([(BASE, 0.0, r) for r in range(LEAST)])
        if len(values.figures) < LEAST:
            first = next(iter(self.store.failures().values()))
            raise GpusimError(
                f"{self.scenario.name}: runs of the scenario as it is failed; see {self.store.folder}/failures. The"
                f" first: {first['message']}"
            )
        rooms = self._rooms(values.too_large())
        found = counterfactuals(self.scenario, values.base_held(), step, days, self.measure, rooms)
        self.reliefs = {one.name: one for one in found}
        separation = self._rank()
        values = self._curves(curves)
        settings = {"seed": self.seed, "step": step, "days": days, "budget": self.budget, "runs": len(self.runs)}
        return answer(self.scenario, self.reliefs, values, self.measure, separation, settings, self._rejected(values))

    def _rooms(self, too_large: dict[str, int]) -> list[Counterfactual]:
        """Room for the largest jobs that no pool can hold."""
        if not too_large:
            return []
        weather = [peak_overheads(self.scenario, self.seed + r) for r in range(LEAST)]
        overhead = {site: max(one[site] for one in weather) for site in self.scenario.sites}
        return [one for asked, need in too_large.items() for one in room_for(self.scenario, asked, need, overhead)]

    def _rejected(self, values: Values) -> str:
        """Which jobs the scenario as it is turns away, and why; "" if it takes all."""
        counts = values.figures.loc[(BASE, 0.0), "jobs_rejected"]
        if not counts.any():
            return ""
        seed = self.seed + int(counts.gt(0.0).idxmax())
        return f"With seed {seed}, {rejected(simulate(self.scenario, seed))}"

    def _rank(self) -> Separation | None:
        """Replicate until the best counterfactual is separated from the others, or the budget is spent."""
        race, replications, found = Elimination(list(self.reliefs)), range(LEAST), None
        while race.alive:
            tied = () if found is None else set(found.tied) - {found.best}
            wanted = [(name, 1.0, r) for name in [BASE, *race.alive] if name not in tied for r in replications]
            wanted = [(name, 0.0 if name == BASE else 1.0, r) for name, _one, r in wanted]
            new = [trial for trial in wanted if trial not in self.runs]
            if len(self.runs) + len(new) > self.budget and found is not None:
                return found
            found = race.look(self._run(new).gains(self.measure, self.sign, self.reliefs))
            if found.separated:
                return found
            replications = range(replications.stop, 2 * replications.stop)
        return found

    def _curves(self, most: int) -> Values:
        """Run the curves of the best groups that are quantities."""
        values = self._run([])
        gains = values.gains(self.measure, self.sign, self.reliefs).mean().sort_values(ascending=False, kind="stable")
        best: dict[str, Counterfactual] = {}
        for name, gain in gains.items():
            one = self.reliefs[name]
            if one.is_quantity and gain > 0.0 and len(best) < most:
                best.setdefault(one.group, one)
        amounts = [
            (one.name, multiple)
            for one in best.values()
            for multiple in (MULTIPLES if one.most == math.inf else [share * one.most for share in SHARES])
        ]
        return self._run([(name, multiple, r) for name, multiple in amounts for r in range(LEAST)])

    def _run(self, trials: Iterable[Trial]) -> Values:
        """Values of all runs so far and of these."""
        made = {run.key for run in self.runs.values()}
        for relief, multiple, r in trials:
            changed = self.scenario if relief == BASE else self.reliefs[relief].scenario(self.scenario, multiple)
            self.runs[relief, multiple, r] = Run(changed, self.seed + r)
        keys = {trial: run.key for trial, run in self.runs.items()}
        self.store.set_design(_design(keys, self.seed))
        new = [run for run in self.runs.values() if run.key not in made]  # a curve may have the step of the ranking
        execute(new, self.store, self.backend, self.progress)
        return Values(self.store, keys)


def _design(keys: dict[Trial, str], seed: int) -> pd.DataFrame:
    table = pd.DataFrame(list(keys), columns=["relief", "multiple", "replication"])
    point = table.groupby(["relief", "multiple"], sort=False).ngroup()
    return pd.DataFrame(
        {"run": list(keys.values()), "point": point, "replication": table["replication"],
         "seed": table["replication"] + seed, "relief": table["relief"], "multiple": table["multiple"]}
    )  # fmt: skip


def _check(measure: str, step: float, days: float, budget: int) -> None:
    faults = []
    try:
        if Measure.parse(measure).kind != "fleet":
            faults.append(f"measure: found {measure!r}; give a measure of the fleet, say useful_gpu_hours")
    except ValueError as error:
        faults.append(f"measure: {error}")
    if not 0.0 < step <= 10.0:
        faults.append(f"step: found {step:g}; give a share, 0.1 for a tenth more")
    if not 0.0 < days <= 3650.0:
        faults.append(f"days: found {days:g}; give days greater than 0")
    if budget < LEAST:
        faults.append(f"budget: found {budget}; give {LEAST} runs or more")
    if faults:
        raise GpusimError("relieve: " + "; ".join(faults))
