"""The warm-up of a study's runs, found in pilot runs where it is not given."""

from __future__ import annotations

import numpy as np

from gpusim.errors import GpusimError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.statistics.warmup import mser5
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend
from gpusim.studies.sweeps.execution import answer, shared_traces, submit
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.studies.sweeps.worker import Failure, jobs_present
from gpusim.units import DAY_S

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
