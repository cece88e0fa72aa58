"""Schedules that other simulators recorded, with what they were made from, read from their files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError, did_you_mean
from gpusim.inputs.traces.source import Source
from gpusim.units import number_of
from gpusim.validation.plain_gavel import TYPES
from gpusim.validation.plain_gavel_shares import BY_NAME
from gpusim.validation.recorded_inputs import JOB_ID, Table, gavel_jobs, jobs_of

STARTS, ENDS = ("first_start", "start_time", "start", "start_s"), ("end", "end_time", "end_s")
SUBMISSIONS = ("submit", "submit_time", "submit_s", "arrival")
UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
SPEC = ("num_switch", "num_node_p_switch", "num_gpu_p_node")  # of Tiresias's clusters
MOST_GPUS = 1_000_000  # of a cluster
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
    tell. They may be calendar times, without a zone in UTC.

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
    if capacity:
        _check_types(table, policy, capacity, jobs)
    else:
        _check_sizes(table, nodes * size, number_of(nodes * size, "GPU"), jobs)
    needed = {"job_id": JOB_ID, "end_s": ENDS} if capacity else {"job_id": JOB_ID, "end_s": ENDS, "start_s": STARTS}
    found = Table(Source(recorded, "a recorded schedule"), needed, {"submit_s": SUBMISSIONS})
    ids = found.ids()
    given = pd.DataFrame({name: found.seconds(name) for name in found.named if name != "job_id"}, index=ids)
    found.rows.faults.check()
    _check_known(found, ids, table, jobs)
    rows = given.reindex(table.index)
    if rows["end_s"].isna().all():
        raise TraceError(f"{recorded}: no job of {jobs} has an end")
    unit_s, zero_s = _clock(rows, table["submit_s"], recorded)
    times = (rows * unit_s - zero_s).reindex(columns=["start_s", "end_s"])
    if capacity:
        times["start_s"] = np.nan
    _check_order(found, times.reindex(ids), table["submit_s"].reindex(ids).to_numpy())
    times.loc[times["end_s"].isna(), "start_s"] = np.nan
    table.index = times.index = _numbered(table.index)
    return Recording(simulator, policy, table.drop(columns="line"), nodes, size, capacity, times)


def _numbered(ids: pd.Index) -> pd.Index:
    """Whole numbers, where all identities are such."""
    whole = all(text.isdecimal() and len(text) < 19 for text in ids)
    return (ids.astype("int64") if whole else ids).rename("job_id")


def _check_sizes(table: pd.DataFrame, most: int, has: str, jobs: Path) -> None:
    """No job may need more GPUs than it can ever get: it would wait for ever."""
    large = table[table["num_gpus"] > most]
    if len(large):
        first = large.iloc[0]
        raise TraceError(
            f"{jobs}: line {int(first['line'])}: job {large.index[0]} needs {number_of(int(first['num_gpus']), 'GPU')},"
            f" the cluster has {has} ({number_of(len(large), 'such job')}): give the cluster of the schedule, or leave"
            " these jobs out of both files"
        )


def _check_types(table: pd.DataFrame, policy: str, capacity: tuple[int, ...], jobs: Path) -> None:
    """Likewise of Gavel, whose jobs run on one type at a time, under its FIFO on the last by name alone."""
    there = [kind for kind in BY_NAME if capacity[kind]]
    usable = there[-1:] if policy == "fifo" else there
    most, named = max(capacity[kind] for kind in usable), " or ".join(TYPES[kind] for kind in usable)
    _check_sizes(table, most, f"at most {number_of(most, 'GPU')} of {named}", jobs)
    idle = table[(table[[TYPES[kind] for kind in usable]] <= 0.0).all(axis=1)]
    if len(idle):
        line, job = int(idle["line"].iloc[0]), idle.index[0]
        raise TraceError(f"{jobs}: line {line}: job {job} does no step on {named}: give the cluster of the schedule")


def _check_known(found: Table, ids: pd.Index, table: pd.DataFrame, jobs: Path) -> None:
    """All recorded jobs are among those that were given."""
    unknown = ~ids.isin(table.index)
    what = f"{number_of(int(unknown.sum()), 'job')} not in {jobs}"
    found.rows.faults.add_rows(what, unknown, found.rows.lines, ids)
    found.rows.faults.check()


def _check_order(found: Table, times: pd.DataFrame, submit_s: np.ndarray) -> None:
    """Nobody starts before submission or ends before the start."""
    start_s, end_s = (times[name].to_numpy() for name in ("start_s", "end_s"))
    faults, lines = found.rows.faults, found.rows.lines
    hint = "; leave the times of jobs that never ran empty"
    early = (start_s < submit_s - CLOSE_S) | (end_s < submit_s - CLOSE_S)
    faults.add_rows(f"jobs that start or end before their submission{hint}", early, lines, times.index)
    faults.add_rows("jobs that end before they start", ~early & (end_s < start_s), lines, times.index)
    faults.check()


def _clock(rows: pd.DataFrame, submit_s: pd.Series, recorded: Path) -> tuple[float, float]:
    """[s] Unit of the recorded times, and where the jobs' zero is on their clock."""
    there = rows["submit_s"].notna() if "submit_s" in rows else pd.Series(False, index=rows.index)
    if not there.any():
        return 1.0, 0.0
    theirs, known_s = rows.loc[there, "submit_s"].to_numpy(float), submit_s[there].to_numpy(float)
    fits = []
    for unit_s in UNITS_S.values():
        zero_s = float(np.median(theirs * unit_s - known_s))
        off_s = np.abs(theirs * unit_s - zero_s - known_s)
        worst_s = abs(unit_s - 1.0) if np.ptp(known_s) == 0.0 else off_s.max()
        fits.append((worst_s, float(np.median(off_s)), unit_s, zero_s))
    best = min(fits)
    if best[0] > CLOSE_S:  # for the message: the clock by which most agree
        best = min(fits, key=lambda fit: fit[1:])
    unit_s, zero_s = best[2:]
    off_s = np.abs(theirs * unit_s - zero_s - known_s)
    worst = int(off_s.argmax())
    if off_s[worst] > CLOSE_S:
        raise TraceError(
            f"{recorded}: job {rows.index[there][worst]} is submitted at {theirs[worst]:.10g}, in the jobs' file at"
            f" {known_s[worst]:.10g} s, and no unit ({', '.join(UNITS_S)}) and zero of the clock make all submissions"
            " agree: these are not the jobs of this schedule"
        )
    return unit_s, 0.0 if abs(zero_s) <= CLOSE_S else zero_s


def _nodes(cluster: str) -> tuple[int, int]:
    if cluster.lower().endswith((".csv", ".csv.gz")):
        return _nodes_of_file(Path(cluster))
    found = re.fullmatch(r"\s*(\d{1,9})\s*[xX×]\s*(\d{1,9})\s*", cluster)
    if not found or 0 in (nodes_size := (int(found[1]), int(found[2]))):
        raise TraceError(
            f"cluster {cluster!r}: give nodes and GPUs of each, as in 100x8, or a cluster file of Tiresias (.csv)"
        )
    return _bounded(*nodes_size, cluster)


def _nodes_of_file(path: Path) -> tuple[int, int]:
    """Nodes and GPUs of each of a cluster file of Tiresias, which has one row."""
    table = Table(Source(path, "a cluster of Tiresias"), {name: (name,) for name in SPEC})
    values = {name: table.rows.number(name) for name in SPEC}
    faults, lines = table.rows.faults, table.rows.lines
    for name, column in values.items():
        bad = ~((column >= 1) & (column == np.floor(column))) & ~faults.is_unread(name, lines)
        faults.add_rows(f"column '{name}' must hold a whole number from 1", bad, lines, column)
    if len(lines) > 1:
        faults.add(f"{number_of(len(lines), 'row')}; a cluster of Tiresias is one row, all nodes alike")
    faults.check()
    switches, nodes, size = (int(column[0]) for column in values.values())
    return _bounded(switches * nodes, size, str(path))


def _bounded(nodes: int, size: int, cluster: str) -> tuple[int, int]:
    if nodes * size > MOST_GPUS:
        raise TraceError(f"cluster {cluster!r}: {nodes * size:,} GPUs; at most {MOST_GPUS:,} can be compared")
    return nodes, size


def _capacity(cluster: str) -> tuple[int, ...]:
    found = {}
    for part in cluster.lower().split(","):
        kind, _, count = (text.strip() for text in part.partition("="))
        if kind not in TYPES or kind in found or not re.fullmatch(r"\d{1,7}", count):
            twice = " appears twice" if kind in found else did_you_mean(kind, TYPES)
            raise TraceError(
                f"cluster {cluster!r}: found {kind!r}{twice}; give GPUs of {', '.join(TYPES)}, as in"
                " v100=8,p100=12,k80=16"
            )
        found[kind] = int(count)
    if not any(found.values()):
        raise TraceError(f"cluster {cluster!r}: no GPUs; give those of {', '.join(TYPES)}, as in v100=8,p100=12,k80=16")
    return tuple(found.get(kind, 0) for kind in TYPES)
