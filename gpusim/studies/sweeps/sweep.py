"""A sweep executed: the runs of a design, made into its store, with the warm-up that pilot runs find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import GpusimError
from gpusim.results.measure import Measure
from gpusim.results.tables.folder import folder_name
from gpusim.scenario.scenario import Scenario
from gpusim.studies.statistics.stopping import stop
from gpusim.studies.statistics.warmup import mser5
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend, open_backend
from gpusim.studies.sweeps.design import design_table, points, scenarios_of
from gpusim.studies.sweeps.execution import Progress, answer, execute, shared_traces, submit
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.studies.sweeps.worker import Failure, jobs_present
from gpusim.units import DAY_S
from gpusim.version import __version__

# The warm-up of a study's runs, found in pilot runs where it is not given.

PILOTS = 3  # runs of a point, averaged


def warm_up_s(spec: SweepSpec, scenarios: list[Scenario], store: Store, backend: Backend) -> float:
    """[s] to leave out at the start of every run: as the sweep says; for ``"auto"`` the longest that pilots call for.

    Pilots are the first replications of the first and the last point, over which the number of jobs in queues and at
    work is averaged. They run once for a store, which remembers what they called for.

    Raises
    ------
    GpusimError
        If pilots fail, or do not settle in their first half.
    """
    if spec.warm_up_days != "auto":
        return spec.warm_up_days * DAY_S
    ends = dict.fromkeys((0, len(scenarios) - 1))
    pilots = [Run(scenarios[i], spec.first_seed + r) for i in ends for r in range(min(PILOTS, spec.replications))]
    found_s = store.recall_warm_up_s([run.key for run in pilots])
    if found_s is None:
        series = _series(spec.name, pilots, store, backend)
        each = len(pilots) // len(ends)
        found_s = max(_settled_s(spec.name, series[i : i + each]) for i in range(0, len(pilots), each))
        store.remember_warm_up_s([run.key for run in pilots], found_s)
    return found_s


def _series(name: str, pilots: list[Run], store: Store, backend: Backend) -> list[tuple[np.ndarray, np.ndarray]]:
    """Record times [s] and jobs present of every pilot."""
    traces = shared_traces(pilots, store)
    found = [answer(future) for future in [submit(jobs_present, run, traces, backend) for run in pilots]]
    failed = [one for one in found if isinstance(one, Failure)]
    if failed:
        raise GpusimError(f"{name}: warm_up_days: a pilot run failed: {failed[0].kind}: {failed[0].message}")
    return found


def _settled_s(name: str, series: list[tuple[np.ndarray, np.ndarray]]) -> float:
    least = min(len(jobs) for _times_s, jobs in series)
    found = mser5(np.stack([jobs[:least] for _times_s, jobs in series]))
    if not found.trusted:
        raise GpusimError(
            f"{name}: warm_up_days: pilot runs do not settle within their first half; give days instead of"
            ' "auto", or longer runs (run.days)'
        )
    return float(series[0][0][found.index])


# A sweep executed: the runs of a design, made into its store.


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
