"""gpusim's own trace formats: the job table as CSV or as Parquet, with origin and notes.

CSV: a line ``# gpusim trace {...}`` with origin and notes as JSON, then the columns of ``jobtable.COLUMNS`` by name;
texts that a spreadsheet would take for formulas begin with an apostrophe, which is no part of them.
Parquet: the same columns, the same JSON in the schema's metadata. Only ``submit_s``, ``runtime_s`` and ``gpus`` are
needed, so that a table written by hand or by another program is read too; the others take their defaults.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gpusim.errors import TraceError, printable, reason
from gpusim.inputs.files import as_text, from_text
from gpusim.inputs.jobtable import CODED
from gpusim.inputs.traces.frames import NEEDED, add_misspelt, columns_of_frame, job_table, named
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source
from gpusim.inputs.traces.trace import Trace, elapsed
from gpusim.units import parse_utc

MARK = "# gpusim trace "
METADATA = b"gpusim trace"
TRUTHS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


def mismatch_csv(source: Source) -> str:
    return "it is a Parquet file" if source.is_parquet else source.lacks(*NEEDED)


def read_csv(source: Source, given: dict[str, str] | None = None) -> Trace:
    """A table as ``write`` leaves it, or any CSV with the needed columns, named as ours or as ``given`` says."""
    names = named(source.faults, source.header, given or {}, source.notes)
    kinds = {theirs: str if ours in CODED or ours == "preemptible" else float for ours, theirs in names.items()}
    first = source.data.split(b"\n", 1)[0].decode()
    meta = first.removeprefix(MARK) if first.startswith(MARK) else None
    rows = Rows(source, {names[ours]: kinds[names[ours]] for ours in NEEDED}, kinds)
    add_misspelt(source.faults, source.header, names)
    columns, since = {}, None
    for ours, theirs in names.items():
        if ours == "job_id":
            columns[ours] = rows.identity(theirs)
        elif ours == "preemptible":
            texts = rows.text(theirs)
            source.faults.add_rows(
                f"column '{theirs}' must hold True or False", ~np.isin(texts, list(TRUTHS)), rows.lines, texts
            )
            columns[ours] = np.array([TRUTHS.get(text, False) for text in texts])
        elif ours == "submit_s" and theirs != ours and rows.holds_times(theirs):
            rows.note_unzoned(theirs)
            columns[ours], since = elapsed(rows.time(theirs))
        elif ours in CODED:
            texts = rows.text(theirs)
            columns[ours] = texts if meta is None else np.array(from_text(texts), dtype=object)
        else:
            columns[ours] = rows.number(theirs)
    return _trace(source, "gpusim-csv", columns, meta, since, rows.lines, "line")


def mismatch_parquet(source: Source) -> str:
    return "" if source.is_parquet else "it does not begin with PAR1"


def read_parquet(source: Source, given: dict[str, str] | None = None) -> Trace:
    """As ``read_csv``, of a Parquet file."""
    try:
        table = pq.read_table(pa.BufferReader(source.data), page_checksum_verification=True)
        frame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        source.faults.stop(f"damaged Parquet file ({str(error).splitlines()[0][:150]}); fetch or convert it again")
    columns, since = columns_of_frame(source.faults, frame, given or {}, source.notes)
    meta = (table.schema.metadata or {}).get(METADATA)
    return _trace(source, "gpusim-parquet", columns, meta, since, np.arange(1, len(frame) + 1), "row")


def _trace(
    source: Source,
    format: str,
    columns: dict[str, np.ndarray],
    meta: str | bytes | None,
    since: datetime | None,
    lines: np.ndarray,
    unit: str,
) -> Trace:
    """The trace of read columns, with origin and notes of the file; ``since``: second 0, if submissions are times."""
    table = job_table(source.faults, source.notes, columns, lines, unit)
    origin, notes = _read_metadata(source, meta)
    if meta is None:
        source.note("rows with zero runtime kept", np.count_nonzero(table["runtime_s"] == 0))
    for what, count in source.notes.items():
        notes[what] = notes.get(what, 0) + count
    return Trace(replace(table, notes=notes), since or origin, format)


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
        raise TraceError(f"{out}: cannot be written: {reason(error)}") from None
    finally:
        partial.unlink(missing_ok=True)


def check_ending(out: Path) -> None:
    """``TraceError`` unless ``out`` ends in one of our own formats' endings."""
    if out.suffix.lower() not in WRITERS:
        raise TraceError(f"{out}: found ending {out.suffix!r}; give a name that ends in {' or '.join(WRITERS)}")


def _write_csv(frame: pd.DataFrame, meta: str, path: Path) -> None:
    for name in CODED:
        for text in frame[name].cat.categories:
            if set(text) & set("\n\r\0"):
                found = printable(text)[:60]
                raise TraceError(
                    f"{name} '{found}': a cell of gpusim's CSV holds one line of text; name a .parquet file"
                )
    meta = re.sub(r',(?! ")', r"\\u002c", meta)  # within texts: what a spreadsheet takes for a cell is none of theirs
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{MARK}{meta}\n")
        as_text(frame).to_csv(file, index=False, lineterminator="\n")


def _write_parquet(frame: pd.DataFrame, meta: str, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata({METADATA: meta})
    pq.write_table(table, path, write_page_checksum=True)


WRITERS: dict[str, Callable[[pd.DataFrame, str, Path], None]] = {".csv": _write_csv, ".parquet": _write_parquet}
