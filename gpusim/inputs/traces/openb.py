"""Alibaba 2023 GPU-sharing cluster ("openb"): pods of ``cluster-trace-gpu-v2023``, times [s] from an unknown origin."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, build_trace, final_states
from gpusim.units import BYTES_PER_GB

REQUIRED = {"name": str, "num_gpu": float, "gpu_milli": float}
OPTIONAL = {
    "creation_time": float,
    "deletion_time": float,
    "scheduled_time": float,
    "gpu_spec": str,
    "cpu_milli": float,
    "memory_mib": float,
    "pod_phase": str,
}
TIMES = {"creation_time", "deletion_time"}


def mismatch_openb(source: Source) -> str:
    return source.lacks("num_gpu", "gpu_milli")


def read_openb(source: Source) -> Trace:
    """Pods as jobs: runtime is the time from scheduling to deletion, gpu_spec the allowed GPU types.

    A pod that was never scheduled runs as long as it existed. Variants without times are placement lists: their pods
    come at 0 and end at once.
    """
    rows = Rows(source, REQUIRED, OPTIONAL)
    gpus = rows.number("num_gpu")
    gpus = gpus * _share(rows, gpus)
    if TIMES & set(source.header):
        for name in sorted(TIMES - set(source.header)):
            source.faults.stop(f"column '{name}' is missing; give both {' and '.join(sorted(TIMES))}, or neither")
        created, deleted = rows.number("creation_time"), rows.number("deletion_time")
        scheduled = rows.number("scheduled_time") if "scheduled_time" in rows else np.full(len(rows), np.nan)
        source.note("rows never scheduled: deletion - creation taken as runtime", np.count_nonzero(np.isnan(scheduled)))
        runtime_s = deleted - np.where(np.isnan(scheduled), created, scheduled)
    else:
        source.note("rows without times: submitted at 0 with zero runtime", len(rows))
        created = runtime_s = np.zeros(len(rows))
    takes = {
        ours: np.nan_to_num(rows.number(theirs)) * unit
        for ours, theirs, unit in (("cpus", "cpu_milli", 1e-3), ("memory_gb", "memory_mib", 2**20 / BYTES_PER_GB))
        if theirs in rows
    }
    texts = {}
    if "gpu_spec" in rows:
        texts["gpu_types"] = rows.text("gpu_spec")
    if "pod_phase" in rows:
        texts["final_state"] = final_states(rows.text("pod_phase"))
    return build_trace(
        source,
        "openb",
        submit_s=created,
        runtime_s=runtime_s,
        gpus=gpus,
        job_id=rows.text("name"),
        takes=takes,
        **texts,
    )


def _share(rows: Rows, gpus: np.ndarray) -> np.ndarray:
    """Of each of its GPUs that a pod asks for, from 0 to 1."""
    milli = rows.number("gpu_milli")
    blank = np.isnan(milli) & ~rows.faults.is_unread("gpu_milli", rows.lines)
    rows.source.note("rows without gpu_milli, taken as whole GPUs", np.count_nonzero(blank & (gpus > 0)))
    rows.faults.add_rows(
        "column 'gpu_milli' must hold numbers from 0 to 1000", (milli < 0) | (milli > 1000), rows.lines, milli
    )
    return np.where(np.isnan(milli), 1.0, milli / 1000)
