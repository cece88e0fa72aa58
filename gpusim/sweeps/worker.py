"""What happens in a worker: one run, from its scenario to the content of its file."""

from __future__ import annotations

import traceback
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from gpusim.analysis.outcome import outcome
from gpusim.engine.run import run as simulate
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces.shared import open_shared
from gpusim.model.scenario import Scenario
from gpusim.record.store import to_bytes
from gpusim.sweeps.run import Run


class Failure(NamedTuple):
    """Why a run failed; ``trace`` is empty for errors that a user can cause and repair."""

    kind: str
    message: str
    trace: str = ""


def work(run: Run, trace: Path | None) -> bytes | Failure:
    """The content of a run's file, or why there is none.

    Parameters
    ----------
    trace : Path, optional
        Shared copy of the scenario's trace.
    """
    try:
        result = simulate(run.scenario, run.seed, trace=_shared(trace) if trace else None)
        return to_bytes(run.key, outcome(result, run.warm_up_s))
    except GpusimError as error:
        return Failure(type(error).__name__, str(error))
    except Exception as error:  # a defect, or a policy's: the other runs go on
        return Failure(type(error).__name__, str(error), traceback.format_exc())


def load_kernels() -> None:
    """Run a fleet of one node for a moment: compiles the kernels, or loads them from disk."""
    simulate(Scenario.from_dict(_TINY))


@lru_cache(maxsize=8)
def _shared(file: Path) -> JobTable:
    """A trace that all runs of this process share, mapped from its file."""
    return open_shared(file)


_TINY = {
    "name": "one node",
    "run": {"start": "2026-01-01", "days": 0.01},
    "sites": {"one": {"region": "GB", "jurisdiction": "UK", "grid_mw": 1.0, "pools": {"H100": {"gpus": 16.0}}}},
    "tenants": {"one": {}},
    "workload": {
        "classes": {"one": {}},
        "streams": {"one": {"tenant": "one", "job_class": "one", "jobs_per_day": 1000.0, "preemptible": True}},
    },
    "services": {
        "one": {
            "tenant": "one", "gpus_per_replica": 8, "mean_tokens_per_s": 100.0, "peak_to_mean": 2.0,
            "tokens_per_s_per_gpu": {"H100": 10.0}, "deployments": [{"site": "one", "gpu_type": "H100"}],
        }
    },
}  # fmt: skip
