"""How much of the GPU time that jobs held was work that counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.tables.result import Result


def useful_gpu_s(result: Result) -> np.ndarray:
    """[GPU-s] of each job that were work and not loading, checkpoints or lost work, shape (jobs,).

    A run loads for ``load_s`` and then alternates between ``checkpoint_interval_s`` of work and a checkpoint of
    ``checkpoint_write_s``. A run that was cut short ends, less what was lost, with a checkpoint; any other with work.
    The same as the ledger's training but for evictions while a job loads, and for jobs that still run: the ledger
    spreads their checkpoints evenly, so that a job differs by one checkpoint at most.
    """
    jobs = result.jobs
    queued = (jobs["status"] == "queued").to_numpy()
    load_s, interval_s, write_s = _classes(result)
    runs = jobs["evictions"].to_numpy() + ~queued
    lost_s = jobs["lost_gpu_s"].to_numpy() / _held(result)
    at_work_s = np.maximum(jobs["run_s"].to_numpy() - lost_s - runs * load_s, 0.0)
    cycles = at_work_s / np.where(interval_s > 0.0, interval_s + write_s, np.inf)
    checkpoints = np.where(queued, np.rint(cycles), np.maximum(np.ceil(cycles) - 1.0, 0.0))
    return jobs["gpus"].to_numpy() * (at_work_s - checkpoints * write_s)


def _classes(result: Result) -> np.ndarray:
    """load_s, checkpoint_interval_s, checkpoint_write_s [s] of each job, shape (3, jobs)."""
    classes = result.manifest["scenario"].get("workload", {}).get("classes", {})
    codes, names = pd.factorize(result.jobs["job_class"])
    defaults = {"load_s": 0.0, "checkpoint_interval_s": np.inf, "checkpoint_write_s": 0.0}
    rows = [[classes.get(name, {}).get(key, default) for name in names] for key, default in defaults.items()]
    return np.array(rows, dtype=float)[:, codes]


def _held(result: Result) -> np.ndarray:
    """GPUs that each job holds: a gang of more than a node holds whole nodes."""
    kinds, names = pd.factorize(result.jobs["gpu_type"])
    # Jobs without a place come last (code -1); they hold nothing.
    sizes = [result.manifest["gpus"][name]["gpus_per_node"] for name in names]
    size, gpus = np.array([*sizes, 1])[kinds], result.jobs["gpus"].to_numpy()
    return np.where(gpus <= size, gpus, -(-gpus // size) * size)
