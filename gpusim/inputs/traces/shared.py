"""A trace that many runs share: read once, kept as one Arrow file, mapped into the memory of every process.

The columns of a mapped trace are views of the file: processes that replay the same trace hold it once between them.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa

from gpusim.errors import TraceError, reason
from gpusim.inputs.files import sha256_of
from gpusim.inputs.jobtable import COLUMNS, JobTable
from gpusim.inputs.traces.formats import open_trace
from gpusim.version import __version__

METADATA = b"gpusim jobs"


def share(path: str | Path, folder: str | Path, columns: dict[str, str] | None = None) -> Path:
    """Write the trace at ``path`` as an Arrow file into ``folder``, unless it is there already.

    The name of the file tells the content of ``path`` (of all its files, if it is a folder) and the version that read
    it: a changed trace becomes another file. A killed run leaves no half file under that name. ``columns``: as of
    ``open_trace``.

    Raises
    ------
    TraceError
        If the trace cannot be read or the file not be written.
    """
    path, folder = Path(path), Path(folder)
    out = folder / f"{_digest(path, columns or {})}.arrow"
    if out.exists():
        return out
    table = open_trace(path, columns).table
    partial = folder / f".{out.name}.partial-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(table, partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise TraceError(f"{out}: cannot be written: {reason(error)}") from None
    return out


def open_shared(file: str | Path) -> JobTable:
    """The job table of a file that ``share`` wrote; its columns are read-only views of the mapped file.

    Raises
    ------
    TraceError
        If the file is missing or not one of these.
    """
    try:
        batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        meta = json.loads(batch.schema.metadata[METADATA])
        columns = {
            name: batch.column(name).to_numpy(zero_copy_only=True).view(dtype)
            for name, (dtype, _default, _meaning) in COLUMNS.items()
        }
        return JobTable(columns, meta["names"], meta["notes"])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise TraceError(f"{file}: not a shared trace ({error}); remove it and share the trace again") from None


def _digest(path: Path, columns: dict[str, str]) -> str:
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    try:
        content = [__version__, *columns.items(), *((file.name, sha256_of(file)) for file in files)]
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        open_trace(path, columns)  # says what is wrong with it
        raise
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _write(table: JobTable, path: Path) -> None:
    # Arrow packs truths into bits, which no numpy array can look at: they are kept as bytes.
    columns = {name: column.view("u1") if column.dtype == bool else column for name, column in table.columns.items()}
    meta = json.dumps({"names": table.names, "notes": table.notes})
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns.values()], list(columns))
    batch = batch.replace_schema_metadata({METADATA: meta})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
