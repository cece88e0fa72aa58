"""The warm-up of a study's runs, found in pilot runs where it is not given."""

from __future__ import annotations

import numpy as np

from gpusim.analysis.warmup import mser5
from gpusim.engine.run import run as simulate
from gpusim.errors import GpusimError
from gpusim.model.scenario import Scenario
from gpusim.model.sweep import SweepSpec
from gpusim.units import DAY_S

PILOTS = 3  # runs of a point, averaged


def warm_up_s(spec: SweepSpec, scenarios: list[Scenario]) -> float:
    """[s] to leave out at the start of every run: as the sweep says; for ``"auto"`` the longest that pilots call for.

    Pilots are the first replications of the first and the last point, over which the number of jobs in queues and at
    work is averaged.

    Raises
    ------
    GpusimError
        If the runs of a pilot do not settle in their first half.
    """
    if spec.warm_up_days != "auto":
        return spec.warm_up_days * DAY_S
    return max(_settled_s(spec, scenario) for scenario in (scenarios[0], scenarios[-1]))


def _settled_s(spec: SweepSpec, scenario: Scenario) -> float:
    series, edges_s = [], None
    for r in range(min(PILOTS, spec.replications)):
        pools = simulate(scenario, spec.first_seed + r).pools
        jobs = (pools["queued_jobs"] + pools["running_jobs"]).groupby(pools["start_s"]).sum()
        series.append(jobs.to_numpy())
        edges_s = jobs.index.to_numpy()
    least = min(map(len, series))
    found = mser5(np.stack([values[:least] for values in series]))
    if not found.trusted:
        raise GpusimError(
            f"{spec.name}: warm_up_days: pilot runs do not settle within their first half; give days instead of"
            ' "auto", or longer runs (run.days)'
        )
    return float(edges_s[found.index])
