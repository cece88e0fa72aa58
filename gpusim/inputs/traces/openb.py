"""Alibaba 2023 GPU-sharing cluster ("openb"): pods of ``cluster-trace-gpu-v2023``, times [s] from an unknown origin."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, build_trace, final_states

REQUIRED = {"name": str, "num_gpu": float, "gpu_milli": float}
OPTIONAL = {
    "creation_time": float,
    "deletion_time": float,
    "scheduled_time": float,
    "gpu_spec": str,
    "pod_phase": str,
}


def mismatch(source: Source) -> str:
    return source.lacks("num_gpu", "gpu_milli")


def read(source: Source) -> Trace:
    """Pods as jobs: runtime is the time from scheduling to deletion, gpu_spec the allowed GPU types.

    A pod that was never scheduled runs as long as it existed. Variants without times are placement lists: their pods
    come at 0 and end at once.
    """
    rows = Rows(source, REQUIRED, OPTIONAL)
    gpus = rows.number("num_gpu") * np.where(rows.number("gpu_milli") < 1000, rows.number("gpu_milli") / 1000, 1.0)
    if {"creation_time", "deletion_time"} <= set(source.header):
        created, deleted = rows.number("creation_time"), rows.number("deletion_time")
        scheduled = rows.number("scheduled_time") if "scheduled_time" in rows else np.full(len(rows), np.nan)
        source.note("rows never scheduled: deletion - creation taken as runtime", np.count_nonzero(np.isnan(scheduled)))
        runtime_s = deleted - np.where(np.isnan(scheduled), created, scheduled)
    else:
        source.note("rows without times: submitted at 0 with zero runtime", len(rows))
        created = runtime_s = np.zeros(len(rows))
    texts = {}
    if "gpu_spec" in rows:
        texts["gpu_types"] = rows.text("gpu_spec")
    if "pod_phase" in rows:
        texts["final_state"] = final_states(rows.text("pod_phase"))
    return build_trace(
        source, "openb", submit_s=created, runtime_s=runtime_s, gpus=gpus, job_id=rows.text("name"), **texts
    )
