"""gpusim's own trace formats: the job table as CSV or as Parquet, with origin and notes.

CSV: a line ``# gpusim trace {...}`` with origin and notes as JSON, then the columns of ``jobtable.COLUMNS`` by name.
Parquet: the same columns, the same JSON in the schema's metadata. Only ``submit_s``, ``runtime_s`` and ``gpus`` are
needed, so that a table written by hand or by another program is read too; the others take their defaults.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gpusim.errors import TraceError, did_you_mean
from gpusim.inputs.jobtable import CODED, COLUMNS, JobTable, encode
from gpusim.inputs.traces.faults import Faults
from gpusim.inputs.traces.rows import GREATEST, Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import LONGEST_S, Trace
from gpusim.units import parse_utc

NEEDED = ("submit_s", "runtime_s", "gpus")
MARK = "# gpusim trace "
METADATA = b"gpusim trace"
NUMBERS = [name for name in COLUMNS if name not in CODED]
TRUTHS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


def mismatch_csv(source: Source) -> str:
    return "it is a Parquet file" if source.is_parquet else source.lacks(*NEEDED)


def read_csv(source: Source) -> Trace:
    """A table as ``write`` leaves it, or any CSV with the needed columns."""
    kinds = {name: str if name in CODED or name == "preemptible" else float for name in COLUMNS}
    rows = Rows(source, {name: kinds[name] for name in NEEDED}, kinds)
    columns = {}
    for name in rows.frame.columns.intersection(list(COLUMNS)):
        if name == "job_id":
            columns[name] = rows.identity(name)
        elif name == "preemptible":
            texts = rows.text(name)
            source.faults.add_rows(
                "column 'preemptible' must hold True or False", ~np.isin(texts, list(TRUTHS)), rows.lines, texts
            )
            columns[name] = np.array([TRUTHS.get(text, False) for text in texts])
        else:
            columns[name] = rows.text(name) if name in CODED else rows.number(name)
    first = source.data.split(b"\n", 1)[0].decode()
    meta = first.removeprefix(MARK) if first.startswith(MARK) else None
    return _trace(source, "gpusim-csv", list(rows.frame.columns), columns, meta, rows.lines, "line")


def mismatch_parquet(source: Source) -> str:
    return "" if source.is_parquet else "it does not begin with PAR1"


def read_parquet(source: Source) -> Trace:
    """A table as ``write`` leaves it, or any Parquet file with the needed columns."""
    try:
        table = pq.read_table(pa.BufferReader(source.data), page_checksum_verification=True)
        frame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        source.faults.stop(f"damaged Parquet file ({str(error).splitlines()[0][:150]}); fetch or convert it again")
    missing = [name for name in NEEDED if name not in frame]
    if missing:
        source.faults.stop(f"columns {', '.join(missing)} are missing; found: {', '.join(map(str, frame.columns))}")
    lines = np.arange(1, len(frame) + 1)
    columns = {}
    for name in frame.columns.intersection(list(COLUMNS)):
        cells = frame[name]
        if name in CODED:
            columns[name] = cells.astype(object).where(cells.notna(), "").astype(str).to_numpy(dtype=object)
        elif cells.dtype.kind in ("iub" if name in ("job_id", "preemptible") else "iuf"):
            columns[name] = cells.to_numpy()
        else:
            source.faults.add(f"column '{name}' must hold {COLUMNS[name][0]}, found {cells.dtype}")
    meta = (table.schema.metadata or {}).get(METADATA)
    return _trace(source, "gpusim-parquet", [str(name) for name in frame.columns], columns, meta, lines, "row")


def _trace(
    source: Source,
    format: str,
    found: list[str],
    columns: dict[str, np.ndarray],
    meta: str | bytes | None,
    lines: np.ndarray,
    unit: str,
) -> Trace:
    """The trace of read columns; whatever the table cannot hold is a fault."""
    for name in found:
        near = did_you_mean(name, set(COLUMNS) - set(found))
        if name not in COLUMNS and near:
            source.faults.add(f"unknown column '{name}'{near}")
    _check(source.faults, columns, lines, unit)
    origin, notes = _read_metadata(source, meta)
    source.faults.check()
    if not len(lines):
        source.faults.stop("no jobs")
    names = {}
    for name in CODED:
        if name in columns:
            columns[name], names[name] = encode(columns[name])
    for what, count in source.notes.items():
        notes[what] = notes.get(what, 0) + count
    return Trace(JobTable.build(names, notes, **columns), origin, format)


def _check(faults: Faults, columns: dict[str, np.ndarray], lines: np.ndarray, unit: str) -> None:
    def refuse(name: str, must: str, bad: np.ndarray) -> None:
        faults.add_rows(f"column '{name}' must hold {must}", bad, lines, columns[name], unit=unit)

    most = np.iinfo("i4").max
    for name in NUMBERS:
        values = columns.get(name)
        if values is None or name == "preemptible":
            continue
        if name == "job_id":
            if values.dtype.kind != "i":
                faults.add("column 'job_id' must hold whole numbers")
            else:
                refuse(name, "each identity once", pd.Series(values).duplicated().to_numpy())
        elif name == "gpus":
            refuse(
                name,
                f"whole numbers from 1 to {most}",
                ~((values >= 1) & (values <= most) & (values == np.floor(values))),
            )
        elif name == "priority":
            refuse(name, f"whole numbers within +-{most}", ~((np.abs(values) <= most) & (values == np.floor(values))))
        else:
            greatest = LONGEST_S if name.endswith("_s") else GREATEST
            refuse(name, f"numbers from 0 to {greatest:g}", ~((values >= 0) & (values <= greatest)))


def _read_metadata(source: Source, text: str | bytes | None) -> tuple[datetime | None, dict[str, int]]:
    """Origin and notes; a table from elsewhere has none."""
    if text is None:
        return None, {}
    try:
        meta = json.loads(text)
        origin, notes = meta["origin"], {str(what): int(count) for what, count in meta["notes"].items()}
        return origin and parse_utc(origin), notes
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        source.faults.stop(f"damaged line of origin and notes ({MARK.strip('# ')}): {error!r}")


def write(trace: Trace, out: Path) -> None:
    """Write ``trace`` as CSV or Parquet by the ending of ``out``; a killed run leaves no half file there."""
    writer = WRITERS[out.suffix.lower()]
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    meta = json.dumps({"origin": trace.origin and trace.origin.isoformat(), "notes": trace.table.notes})
    try:
        writer(trace.table.to_frame(), meta, partial)
        partial.replace(out)
    except OSError as error:
        raise TraceError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def check_ending(out: Path) -> None:
    """``TraceError`` unless ``out`` ends in one of our own formats' endings."""
    if out.suffix.lower() not in WRITERS:
        raise TraceError(f"{out}: found ending {out.suffix!r}; give a name that ends in {' or '.join(WRITERS)}")


def _write_csv(frame: pd.DataFrame, meta: str, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{MARK}{meta}\n")
        frame.to_csv(file, index=False, lineterminator="\n")


def _write_parquet(frame: pd.DataFrame, meta: str, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata({METADATA: meta})
    pq.write_table(table, path, write_page_checksum=True)


WRITERS: dict[str, Callable[[pd.DataFrame, str, Path], None]] = {".csv": _write_csv, ".parquet": _write_parquet}
