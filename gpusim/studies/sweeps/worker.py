"""What happens in a worker: one run, from its scenario to the content of its file."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from gpusim.engine.run import run as simulate
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces.shared import open_shared
from gpusim.results.outcome import outcome
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.studies.run_file import to_bytes
from gpusim.studies.sweeps.run import Run, inputs_of, policy_digest

T = TypeVar("T")


class Failure(NamedTuple):
    """Why a run failed; ``trace`` is empty for errors that a user can cause and repair."""

    kind: str
    message: str
    trace: str = ""


OTHER_INPUTS = Failure(
    "OtherInputs",
    "the worker sees other files, another policy or another version of gpusim than the study did when it began; workers"
    " need the same working directory, the same files and the same version",
)


def work(run: Run, trace: Path | None) -> bytes | Failure:
    """The content of a run's file, or why there is none.

    Parameters
    ----------
    trace : Path, optional
        Shared copy of the scenario's trace.
    """
    return _guarded(run, lambda: to_bytes(run.key, outcome(_simulated(run, trace), run.warm_up_s)))


def jobs_present(run: Run, trace: Path | None) -> tuple[np.ndarray, np.ndarray] | Failure:
    """Record times [s] of a run, and the jobs in queues and at work then; parameters as of ``work``."""

    def count() -> tuple[np.ndarray, np.ndarray]:
        pools = _simulated(run, trace).pools
        jobs = (pools["queued_jobs"] + pools["running_jobs"]).groupby(pools["start_s"]).sum()
        return jobs.index.to_numpy(), jobs.to_numpy()

    return _guarded(run, count)


def load_kernels() -> None:
    """Run a fleet of one node for a moment: compiles the kernels, or loads them from disk."""
    simulate(Scenario.from_dict(_TINY))


def _guarded(run: Run, find: Callable[[], T]) -> T | Failure:
    """What a run is asked, unless it fails, or this worker would not run what the run's key was made from."""
    try:
        if inputs_of(run.scenario) != run.inputs:
            return OTHER_INPUTS
        for key, path in run.scenario.scheduler.own_policies.items():
            _renew_policy(key, path)
        return find()
    except GpusimError as error:
        return Failure(type(error).__name__, str(error))
    except BaseException as error:  # a defect, or a policy's: the other runs go on
        if isinstance(error, KeyboardInterrupt) and multiprocessing.parent_process() is None:
            raise  # Ctrl-C, which workers do not hear
        return Failure(type(error).__name__, str(error), traceback.format_exc())


def _simulated(run: Run, trace: Path | None) -> Record:
    return simulate(run.scenario, run.seed, trace=_shared(trace) if trace else None)


def _renew_policy(key: str, path: str) -> None:
    """Have a custom policy imported anew if its source is not the one that this process imported."""
    module, digest = path.partition(":")[0], policy_digest(key, path)
    with _renewing:
        if _imported.get(module) != digest:
            sys.modules.pop(module, None)
            _imported[module] = digest


_renewing, _imported = threading.Lock(), {}  # digests of custom policies that this process imported, by their module


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
