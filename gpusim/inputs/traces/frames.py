"""Jobs of a DataFrame."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.errors import TraceError
from gpusim.inputs.jobtable import CODED, COLUMNS, JobTable
from gpusim.inputs.traces.columns import WORDS, add_misspelt, job_table, named
from gpusim.inputs.traces.faults import Faults
from gpusim.inputs.traces.trace import elapsed


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
