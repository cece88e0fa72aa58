"""How much of the GPU time that jobs held was work that counts."""

from __future__ import annotations

import numpy as np

from gpusim.record.result import Result


def useful_gpu_s(result: Result) -> np.ndarray:
    """[GPU-s] of each job that were work and not loading, checkpoints or lost work, shape (jobs,).

    A run loads for ``load_s`` and then alternates between ``checkpoint_interval_s`` of work and a checkpoint of
    ``checkpoint_write_s``; whatever follows the last checkpoint is work (it was lost if the run was cut short, and
    is counted as such). Exact for jobs that have ended, unless they were evicted while they loaded; for one that
    still runs the ledger spreads its checkpoints evenly, so that the two differ by one checkpoint at most.
    """
    jobs, classes = result.jobs, result.manifest["scenario"].get("workload", {}).get("classes", {})

    def of_class(name: str, default: float) -> np.ndarray:
        found = [classes.get(label, {}).get(name, default) for label in jobs["job_class"].cat.categories]
        return np.array(found, dtype=float)[jobs["job_class"].cat.codes]

    gpus = jobs["gpus"].to_numpy(float)
    runs = jobs["evictions"].to_numpy() + (jobs["status"] != "queued").to_numpy()
    at_work_s = (
        jobs["run_s"].to_numpy() - jobs["lost_gpu_s"].to_numpy() / _held(result) - runs * of_class("load_s", 0.0)
    )
    at_work_s = np.maximum(at_work_s, 0.0)
    interval_s, write_s = of_class("checkpoint_interval_s", np.inf), of_class("checkpoint_write_s", 0.0)
    cycle_s = np.where(interval_s > 0.0, interval_s + write_s, np.inf)
    checkpoints = np.maximum(np.ceil(at_work_s / cycle_s) - 1.0, 0.0)
    return gpus * (at_work_s - checkpoints * write_s)


def _held(result: Result) -> np.ndarray:
    """GPUs that each job holds: a gang of more than a node holds whole nodes."""
    jobs = result.jobs
    gpus = jobs["gpus"].to_numpy()
    size = np.ones(len(jobs), dtype=gpus.dtype)
    for kind, gpu in result.manifest["gpus"].items():
        size[(jobs["gpu_type"] == kind).to_numpy()] = gpu["gpus_per_node"]
    return np.where(gpus <= size, gpus, -(-gpus // size) * size)
