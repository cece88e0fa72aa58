"""Schedules that other simulators recorded, with what they were made from, read from their files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError, did_you_mean
from gpusim.units import number_of
from gpusim.validation.plain_gavel import TYPES
from gpusim.validation.recorded_inputs import first_of, gavel_jobs, jobs_of, table_of

STARTS, ENDS = ("first_start", "start_time", "start", "start_s"), ("end", "end_time", "end_s")
SUBMISSIONS = ("submit", "submit_time", "submit_s", "arrival")
UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
SPEC = ("num_switch", "num_node_p_switch", "num_gpu_p_node")  # of Tiresias's clusters
CLOSE_S = 1.0  # simulators that count whole seconds round submissions


@dataclass(frozen=True)
class Recording:
    """A schedule that another simulator made.

    Attributes
    ----------
    simulator, policy : str
    jobs : DataFrame
        By job, in order of submission: ``submit_s``, ``num_gpus``, and ``runtime_s``, ``estimate_s``; of Gavel in their
        place ``steps``, ``weight`` and the steps/s on each type.
    nodes, size : int
        Of the cluster, of one type.
    capacity : tuple of int
        GPUs of each of Gavel's types.
    recorded : DataFrame
        ``start_s`` and ``end_s`` of each job, both NaN of a job without a recorded end; of Gavel all starts are NaN.
    """

    simulator: str
    policy: str
    jobs: pd.DataFrame
    nodes: int
    size: int
    capacity: tuple[int, ...]
    recorded: pd.DataFrame


def read(
    simulator: str, policy: str, jobs: Path, recorded: Path, cluster: str, throughputs: Path | None = None
) -> Recording:
    """A recording from its files.

    Recorded times may count from another zero and in another unit than the jobs' submissions: the recorded submissions
    tell.

    Parameters
    ----------
    cluster : str
        ``"100x8"``: so many nodes of so many GPUs, or a cluster file of Tiresias; of Gavel
        ``"v100=8,p100=12,k80=16"``.
    throughputs : Path, optional
        Of Gavel: its ``simulation_throughputs.json``, plain or gzip-ed.

    Raises
    ------
    TraceError
        Where a file is not what it should be.
    """
    capacity = _capacity(cluster) if simulator == "gavel" else ()
    nodes, size = (0, 0) if capacity else _nodes(cluster)
    table = gavel_jobs(jobs, throughputs) if capacity else jobs_of(jobs)
    found = table_of(recorded)
    columns = {"end_s": first_of(found, ENDS, recorded)}
    if not capacity:
        columns["start_s"] = first_of(found, STARTS, recorded)
    rows = found.set_index(first_of(found, ("job_id",), recorded))
    unknown = rows.index.difference(table.index)
    if len(unknown):
        named = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise TraceError(f"{recorded}: {number_of(len(unknown), 'job')} not in {jobs}: {named}")
    if rows.index.has_duplicates:
        raise TraceError(f"{recorded}: job {rows.index[rows.index.duplicated()][0]} is there twice")
    rows = rows.reindex(table.index)
    if rows[columns["end_s"]].isna().all():
        raise TraceError(f"{recorded}: no job of {jobs} has an end")
    unit_s, zero_s = _clock(rows, table["submit_s"], recorded)
    times = {name: rows[column].astype(float) * unit_s - zero_s for name, column in columns.items()}
    times = pd.DataFrame(times, index=table.index).reindex(columns=["start_s", "end_s"])
    times.loc[times["end_s"].isna(), "start_s"] = np.nan
    return Recording(simulator, policy, table, nodes, size, capacity, times)


def _clock(rows: pd.DataFrame, submit_s: pd.Series, recorded: Path) -> tuple[float, float]:
    """[s] Unit of the recorded times, and where the jobs' zero is on their clock."""
    name = next((name for name in SUBMISSIONS if name in rows), None)
    if name is None:
        return 1.0, 0.0
    there = rows[name].notna()
    theirs, known_s = rows.loc[there, name].to_numpy(float), submit_s[there].to_numpy(float)
    fits = []
    for unit_s in UNITS_S.values():
        zero_s = theirs[0] * unit_s - known_s[0]
        off_s = np.abs(theirs * unit_s - zero_s - known_s)
        fits.append((abs(unit_s - 1.0) if np.ptp(known_s) == 0.0 else off_s.max(), unit_s, zero_s, int(off_s.argmax())))
    _off_s, unit_s, zero_s, worst = min(fits)
    if abs(theirs[worst] * unit_s - zero_s - known_s[worst]) > CLOSE_S:
        raise TraceError(
            f"{recorded}: job {rows.index[there][worst]} is submitted at {theirs[worst]:g}, in the jobs' file at"
            f" {known_s[worst]:g} s, and no unit ({', '.join(UNITS_S)}) and zero of the clock make all submissions"
            " agree: these are not the jobs of this schedule"
        )
    return unit_s, 0.0 if abs(zero_s) <= CLOSE_S else zero_s


def _nodes(cluster: str) -> tuple[int, int]:
    if cluster.endswith(".csv"):
        spec, path = table_of(Path(cluster)), Path(cluster)
        switches, nodes, size = (int(spec[first_of(spec, (name,), path)].iloc[0]) for name in SPEC)
        return switches * nodes, size
    found = re.fullmatch(r"(\d+)x(\d+)", cluster)
    if not found or "0" in found.groups():
        raise TraceError(
            f"cluster {cluster!r}: give nodes and GPUs of each, as in 100x8, or a cluster file of Tiresias (.csv)"
        )
    return int(found[1]), int(found[2])


def _capacity(cluster: str) -> tuple[int, ...]:
    found = dict(part.partition("=")[::2] for part in cluster.split(","))
    for kind, count in found.items():
        if kind not in TYPES or not count.isdecimal():
            raise TraceError(
                f"cluster {cluster!r}: {kind!r}{did_you_mean(kind, TYPES)}: give GPUs of {', '.join(TYPES)},"
                " as in v100=8,p100=12,k80=16"
            )
    return tuple(int(found.get(kind, 0)) for kind in TYPES)
