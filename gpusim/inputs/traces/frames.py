"""Jobs of tables in memory: columns named as ours or by a map, checked together, and made into jobs."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.errors import TraceError, did_you_mean
from gpusim.gangs import MILLI
from gpusim.inputs.jobtable import CODED, COLUMNS, RANGE, ROUNDED, SHARED, JobTable, divided, encode
from gpusim.inputs.traces.faults import Faults
from gpusim.inputs.traces.rows import GREATEST
from gpusim.inputs.traces.trace import LONGEST_S, NO_ESTIMATE, UNORDERED, elapsed

# Columns of job tables from elsewhere: named as ours or by a map, checked together, made into the job table.

NEEDED = ("submit_s", "runtime_s", "gpus")
NUMBERS = [name for name in COLUMNS if name not in CODED]
WORDS = {"f8": "numbers", "i8": "whole numbers", "i4": "whole numbers", "?": "True or False"}


def named(faults: Faults, found: list[str], given: dict[str, str], notes: dict[str, int]) -> dict[str, str]:
    """Our columns that a table has: ours -> its own name.

    Parameters
    ----------
    found : list of str
        Columns of the table.
    given : dict of str to str
        Its names -> ours; columns that are not in it keep their names, and what is then no column of ours is noted.
    """
    for theirs, ours in given.items():
        if theirs not in found:
            turned = f"; the table's name comes first: {ours}={theirs}" if ours in found and theirs in COLUMNS else ""
            faults.add(f"no column '{theirs}'{turned or did_you_mean(theirs, found)}; found: {', '.join(found)[:200]}")
        if ours not in COLUMNS:
            faults.add(f"'{theirs}' cannot be '{ours}'{did_you_mean(ours, COLUMNS)}; columns are: {', '.join(COLUMNS)}")
    for ours in dict.fromkeys(given.values()):
        same = [theirs for theirs, name in given.items() if name == ours]
        if len(same) > 1:
            faults.add(f"{', '.join(same)} cannot all be '{ours}'; leave one")
    faults.check()
    names = {name: name for name in found if name in COLUMNS and name not in given}
    names |= {ours: theirs for theirs, ours in given.items()}
    left = [name for name in found if name not in names.values()]
    if given and left:
        notes[f"columns that are not read: {', '.join(left)[:60]}"] = len(left)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        faults.stop(
            f"columns {', '.join(missing)} are missing; found: {', '.join(found)[:200]}. Map other names,"
            " theirs first, say num_gpus=gpus"
        )
    return names


def add_misspelt(faults: Faults, found: list[str], names: dict[str, str]) -> None:
    """A fault for each column whose name is nearly one of ours, in a table whose columns are named as ours."""
    for name in found if names == {ours: ours for ours in names} else ():
        near = did_you_mean(name, set(COLUMNS) - set(names))
        if name not in COLUMNS and near:
            faults.add(f"unknown column '{name}'{near}")


def job_table(
    faults: Faults, notes: dict[str, int], columns: dict[str, np.ndarray], lines: np.ndarray, unit: str
) -> JobTable:
    """The job table of columns by our names; whatever it cannot hold is a fault.

    An estimate that is not positive, nor given, is none: the runtime is taken, and counted in ``notes``, as rows out of
    order are.

    Parameters
    ----------
    lines : ndarray, shape (n_rows,)
        Where each row stands, in ``unit``, for messages.
    """
    if not set(NEEDED) <= set(columns):
        faults.check()
    if not len(lines):
        faults.stop("no jobs")
    _fill_estimates(notes, columns)
    _check(faults, columns, lines, unit)
    faults.check()
    _note(notes, UNORDERED, np.count_nonzero(np.diff(columns["submit_s"]) < 0))
    names = {}
    for name in CODED:
        if name in columns:
            columns[name], names[name] = encode(columns[name])
    if SHARED not in columns:
        _note(notes, ROUNDED, np.count_nonzero(columns["gpus"] < 1))
        columns |= divided(columns["gpus"])
    return JobTable.build(names, notes, **columns)


def _fill_estimates(notes: dict[str, int], columns: dict[str, np.ndarray]) -> None:
    if "estimate_s" not in columns:
        return
    given, runtime_s = columns["estimate_s"].astype("f8"), columns["runtime_s"]
    absent = np.isnan(given) | (given == 0) | (given == -1)
    _note(notes, NO_ESTIMATE, np.count_nonzero(absent & ~(runtime_s == 0)))
    columns["estimate_s"] = np.where(absent, runtime_s, given)


def _note(notes: dict[str, int], what: str, count: int) -> None:
    if count:
        notes[what] = notes.get(what, 0) + int(count)


def _check(faults: Faults, columns: dict[str, np.ndarray], lines: np.ndarray, unit: str) -> None:
    def refuse(name: str, must: str, bad: np.ndarray) -> None:
        bad = bad & ~faults.is_unread(name, lines)
        faults.add_rows(f"column '{name}' must hold {must}", bad, lines, columns[name], unit=unit)

    most = np.iinfo("i4").max
    for name in NUMBERS:
        values = columns.get(name)
        if values is None or name == "preemptible":
            continue
        if name == "job_id":
            if values.dtype.kind not in "iu":
                texts = pd.Series(values, dtype=object).astype(str).str.strip()
                bad = ~texts.str.fullmatch(r"[+-]?\d{1,18}").to_numpy()
                refuse(name, "whole numbers of at most 18 digits", bad)
            elif values.dtype.kind == "u" and (values > np.iinfo("i8").max).any():
                refuse(name, "whole numbers below 2^63", values > np.iinfo("i8").max)
            else:
                refuse(name, "each identity once", pd.Series(values).duplicated().to_numpy())
        elif name == "gpus":
            parts = (values > 0) & (values < 1) & (SHARED not in columns)  # which says it apart
            whole = (values >= 1) & (values <= most) & (values == np.floor(values))
            refuse(name, f"whole numbers from 1 to {most}, or parts of one GPU", ~(whole | parts))
        elif name == SHARED:
            whole = (values >= 0) & (values < MILLI) & (values == np.floor(values))
            fits = (values == 0) | (columns["gpus"] == 1)
            refuse(name, "0, or whole numbers from 1 to 999 beside one GPU", ~(whole & fits))
        elif name in RANGE:
            gpus, sign = columns["gpus"], 1.0 if name == "min_gpus" else -1.0
            whole = (values >= 0) & (values <= most) & (values == np.floor(values))
            refuse(name, f"whole numbers from 0 to {most}", ~whole)
            side = "at most" if name == "min_gpus" else "at least"
            refuse(name, f"0 or {side} the job's gpus", whole & (values > 0) & (sign * (values - gpus) > 0))
        elif name == "priority":
            refuse(name, f"whole numbers within +-{most}", ~((np.abs(values) <= most) & (values == np.floor(values))))
        else:
            greatest = LONGEST_S if name.endswith("_s") else GREATEST
            refuse(name, f"numbers from 0 to {greatest:g}", ~((values >= 0) & (values <= greatest)))


# Jobs of a DataFrame.


def jobs_from(frame: pd.DataFrame, columns: dict[str, str] | None = None) -> JobTable:
    """Jobs of a DataFrame, one a row, for ``gpusim.run(scenario, jobs=...)``.

    Parameters
    ----------
    frame : DataFrame
        ``submit_s``, ``runtime_s`` and ``gpus`` are needed, the other columns of ``docs/traces.md`` may be there.
        ``submit_s`` may hold timestamps, then counted from the earliest; times [s] may be timedeltas.
    columns : dict of str to str, optional
        The frame's names -> ours: ``{"num_gpus": "gpus"}``.

    Raises
    ------
    TraceError
        With every fault of the frame.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TraceError(f"jobs_from: found {type(frame).__name__}; give a pandas DataFrame, one row a job")
    faults, notes = Faults("DataFrame"), {}
    found, _origin = columns_of_frame(faults, frame, columns or {}, notes)
    return job_table(faults, notes, found, np.arange(len(frame)), "row")


def columns_of_frame(
    faults: Faults, frame: pd.DataFrame, given: dict[str, str], notes: dict[str, int]
) -> tuple[dict[str, np.ndarray], datetime | None]:
    """Columns by our names, and the calendar time of second 0 if submissions are times."""
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        faults.stop(f"column '{twice[0]}' appears twice; leave one")
    found = [str(name) for name in frame.columns]
    names = named(faults, found, given, notes)
    add_misspelt(faults, found, names)
    cells_of = dict(zip(map(str, frame.columns), (frame[name] for name in frame.columns)))
    columns, origin = {}, None
    for ours, theirs in names.items():
        cells = cells_of[theirs]
        if ours in CODED:
            columns[ours] = cells.astype(object).where(cells.notna(), "").astype(str).to_numpy(dtype=object)
        elif ours == "submit_s" and cells.dtype.kind == "M":
            columns[ours], origin = elapsed(pd.to_datetime(cells, utc=True).dt.tz_localize(None).to_numpy("M8[us]"))
        elif ours.endswith("_s") and cells.dtype.kind == "m":
            columns[ours] = cells.dt.total_seconds().to_numpy()
        elif cells.dtype.kind in ("iub" if ours in ("job_id", "preemptible") else "iuf"):
            columns[ours] = cells.to_numpy("f8", na_value=np.nan) if cells.hasnans else cells.to_numpy()
        else:
            faults.add(f"column '{theirs}' must hold {WORDS[COLUMNS[ours][0]]}, found {cells.dtype}")
    return columns, origin
