"""The file of a finished run: its outcome as Parquet, under the key of the run and the digest of the content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

OUTCOME = ["kind", "name", "cause", "measure", "value"]
NAME = re.compile(r"(?P<key>[^.]+)\.(?P<digest>[0-9a-f]{16})\.parquet")


def to_bytes(key: str, outcome: pd.DataFrame) -> bytes:
    """The file of a finished run: its outcome, with its key in a column ``run``."""
    columns = {"run": pa.array([key] * len(outcome)).dictionary_encode()}
    for name in OUTCOME[:-1]:
        columns[name] = pa.array(outcome[name].astype(str).to_numpy(object)).dictionary_encode()
    columns["value"] = pa.array(outcome["value"].to_numpy(float), from_pandas=False)
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue().to_pybytes()


def digest(content: bytes) -> str:
    """Of a file's content, 16 hexadecimal digits: damage is found by it."""
    return hashlib.sha256(content).hexdigest()[:16]


def content_of(file: Path) -> bytes | None:
    """Content of a run's file; None if it is not what was written."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    return content if digest(content) == NAME.fullmatch(file.name)["digest"] else None
