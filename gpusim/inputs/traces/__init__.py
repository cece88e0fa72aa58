"""Job traces: read in their publishers' formats, described, and converted to gpusim's own."""

from __future__ import annotations

from pathlib import Path

from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces.description import Description, describe
from gpusim.inputs.traces.formats import FORMATS, Format, open_trace
from gpusim.inputs.traces.own import check_ending, write
from gpusim.inputs.traces.trace import Trace

__all__ = ["FORMATS", "Description", "Format", "Trace", "convert", "describe", "open_trace", "read_trace"]


def read_trace(path: str | Path, columns: dict[str, str] | None = None) -> JobTable:
    """Job table of a trace file; ``submit_s`` counts from the earliest submission in the file. See ``open_trace``."""
    return open_trace(path, columns).table


def convert(path: str | Path, out: str | Path, columns: dict[str, str] | None = None) -> Trace:
    """Write the trace at ``path`` as gpusim's own CSV (``out`` ends in .csv) or Parquet (.parquet), with its notes.

    ``columns``: as of ``open_trace``.

    Returns the trace; the file read again gives the same one. ``TraceError`` if ``path`` cannot be read or ``out``
    not be written.
    """
    check_ending(Path(out))
    trace = open_trace(path, columns)
    write(trace, Path(out))
    return trace
