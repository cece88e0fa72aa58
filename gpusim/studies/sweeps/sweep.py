"""A sweep executed: the runs of a design, made into its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import pandas as pd

from gpusim import __version__
from gpusim.analysis.measure import Measure
from gpusim.scenario.scenario import Scenario
from gpusim.studies.statistics.stopping import stop
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend, open_backend
from gpusim.studies.sweeps.design import points
from gpusim.studies.sweeps.execution import Progress, execute
from gpusim.studies.sweeps.pilot import warm_up_s
from gpusim.studies.sweeps.points import design_table, scenarios_of
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.tables.folder import folder_name


def execute_sweep(
    spec: SweepSpec,
    store: str | Path | None,
    executor: str | Executor,
    workers: int | None,
    address: str | None,
    progress: Callable[[Progress], None],
) -> Store:
    """The store of a sweep, all of whose runs are finished or failed; arguments as of ``gpusim.sweep``."""
    table = points(spec)
    scenarios = scenarios_of(spec, table)
    about = {"study": "sweep", "spec": spec.model_dump(mode="json"), "gpusim_version": __version__}
    with open_backend(executor, workers, address) as backend:
        kept = Store.create(store or Path("out") / folder_name(spec.name), about)
        _Execution(spec, table, scenarios, kept, backend, progress).play()
    return kept


class _Execution:
    """The rounds of one sweep: the least replications of every point, then more where the stopping rule asks."""

    def __init__(
        self,
        spec: SweepSpec,
        points: pd.DataFrame,
        scenarios: list[Scenario],
        store: Store,
        backend: Backend,
        progress: Callable[[Progress], None],
    ):
        self.spec, self.points, self.scenarios, self.store, self.backend = spec, points, scenarios, store, backend
        self.progress = progress
        self.warm_up_s = warm_up_s(spec, scenarios, store, backend)
        self.runs: dict[tuple[int, int], Run] = {}

    def play(self) -> None:
        """Execute round after round until nothing more is asked for."""
        wanted = {point: self.spec.replications for point in range(len(self.points))}
        while wanted:
            made = {run.key for run in self.runs.values()}
            for point, replications in wanted.items():
                for r in range(replications):
                    if (point, r) not in self.runs:
                        self.runs[point, r] = Run(self.scenarios[point], self.spec.first_seed + r, self.warm_up_s)
            keys = {place: run.key for place, run in sorted(self.runs.items())}
            self.store.set_design(design_table(self.points, keys, self.spec.first_seed))
            new = [run for run in self.runs.values() if run.key not in made]
            execute(new, self.store, self.backend, self.progress)
            wanted = self._more() if self.spec.stop else {}

    def _more(self) -> dict[int, int]:
        """Replications that points still need, in all."""
        rule, more = self.spec.stop, {}
        made_by_point = Counter(point for point, _r in self.runs)
        for point, values in self._measured(Measure.parse(rule.measure).text):
            made = made_by_point[point]
            asked = stop(
                values, rule.half_width, relative=rule.relative, least=self.spec.replications, most=rule.most
            ).more
            if asked and made < rule.most:
                more[point] = min(made + asked, rule.most)
        return more

    def _measured(self, measure: str) -> Iterator[tuple[int, pd.Series]]:
        """Values of a measure by point; points of which no run has it are left out."""
        table = self.store.table()
        return iter(table.groupby("point")[measure]) if measure in table else iter(())
