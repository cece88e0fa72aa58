"""All formats that can be read, and the search for the one that a file has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from gpusim import plugins
from gpusim.inputs.traces.openb import mismatch_openb, read_openb
from gpusim.inputs.traces.own import mismatch_csv, mismatch_parquet, read_csv, read_parquet
from gpusim.inputs.traces.pai import TABLES, mismatch_pai, read_folder, read_pai
from gpusim.inputs.traces.philly import mismatch_log, mismatch_table, read_log, read_table
from gpusim.inputs.traces.slurm import mismatch_acme, mismatch_helios, read_acme, read_helios
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.swf import mismatch_swf, read_swf
from gpusim.inputs.traces.tiresias import mismatch_tiresias, read_tiresias
from gpusim.inputs.traces.trace import Trace


@dataclass(frozen=True)
class Format:
    """One format of trace files.

    Attributes
    ----------
    title : str
        For messages and tables.
    names : tuple of str
        Patterns of the publisher's file names, asked only if no format knows the content.
    mismatch : callable
        Why a file's content is not of this format, as a sentence; '' if it is.
    read : callable
        The trace of such a file; ``TraceError`` with all its faults.
    """

    title: str
    names: tuple[str, ...]
    mismatch: Callable[[Source], str]
    read: Callable[[Source], Trace]


# In order of asking: the first whose content fits reads the file. Those of other packages are asked after these.
FORMATS: tuple[Format, ...] = (
    Format("gpusim Parquet", ("*.parquet",), mismatch_parquet, read_parquet),
    Format("gpusim CSV", (), mismatch_csv, read_csv),
    Format("Philly job log (JSON)", ("cluster_job_log*",), mismatch_log, read_log),
    Format("Philly table (Sia)", ("philly.csv",), mismatch_table, read_table),
    Format("Acme", ("trace_seren*.csv", "trace_kalos*.csv"), mismatch_acme, read_acme),
    Format("Helios", ("cluster_log*.csv",), mismatch_helios, read_helios),
    Format("Alibaba PAI 2020", tuple(f"{name}*.csv" for name in TABLES), mismatch_pai, read_pai),
    Format("Alibaba openb 2023", ("openb_pod_list*.csv",), mismatch_openb, read_openb),
    Format("Tiresias, Chronus", ("60_job.csv", "trace_job_*.csv"), mismatch_tiresias, read_tiresias),
    Format("Standard Workload Format", ("*.swf",), mismatch_swf, read_swf),
)


def open_trace(path: str | Path, columns: dict[str, str] | None = None) -> Trace:
    """Trace of a file of any known format, plain or gzip-ed; of a folder with the tables of Alibaba PAI 2020.

    Parameters
    ----------
    path : str or Path
    columns : dict of str to str, optional
        The file's columns -> gpusim's, say ``{"num_gpus": "gpus"}``: whatever its format, it is read as a plain table
        with these names.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        With all faults of the file; for an unknown format with all formats and why each is not the file's.
    """
    path = Path(path)
    if columns:
        return _read_named(Source(path), columns)
    if path.is_dir():
        return read_folder(path)
    source = Source(path)
    source.fold_capitals()
    reasons, formats = [], (*FORMATS, *plugins.loaded(plugins.TRACES, Format))
    for format in formats:
        reason = format.mismatch(source)
        if not reason:
            return _read(source, format)
        reasons.append(f"\n    {format.title}: {reason}")
    name = path.name.lower().removesuffix(".gz")
    for format in formats:  # a damaged file tells by its name what it should be, and its reader what is wrong
        if any(fnmatch(name, pattern) for pattern in format.names):
            return _read(source, format)
    if source.separator:
        source.faults.stop(source.separator)
    found = f"its content is of no known format (first line: {source.head[:60]!r})"
    if len(source.header) > 1:
        reasons.append("\n  - a table with other names of columns is read with a map of them, say --map num_gpus=gpus")
    source.faults.stop(f"{found}. Formats read:{''.join(reasons)}")


def _read_named(source: Source, columns: dict[str, str]) -> Trace:
    source.faults.source = f"{source.path} (read with {', '.join('='.join(pair) for pair in columns.items())})"
    return read_parquet(source, columns) if source.is_parquet else read_csv(source, columns)


def _read(source: Source, format: Format) -> Trace:
    source.faults.source = f"{source.path} (read as {format.title})"
    return format.read(source)
