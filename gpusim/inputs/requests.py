"""Traces of inference requests: when each came, how long its prompt and its output were.

Read is the form of Azure's LLM inference traces (Azure/AzurePublicDataset, 2023 to 2025):
``TIMESTAMP,ContextTokens,GeneratedTokens``, and other columns that are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError
from gpusim.inputs.traces.rows import Rows, parse_times
from gpusim.inputs.traces.source import Source

TIME, PROMPT, OUTPUT = "TIMESTAMP", "ContextTokens", "GeneratedTokens"
MOST_TOKENS = 1e9  # beyond any context there is


@dataclass(frozen=True)
class Requests:
    """Requests in order of arrival.

    Attributes
    ----------
    arrival_s : ndarray of float, shape (n,)
        [s] since the first request.
    prompt_tokens, output_tokens : ndarray of int64, shape (n,)
    origin : datetime
        Calendar time of the first request, taken as UTC where the file names no zone; microseconds, cut off.
    notes : dict of str to int
        Oddities survived: what -> how often.
    """

    arrival_s: np.ndarray
    prompt_tokens: np.ndarray
    output_tokens: np.ndarray
    origin: datetime
    notes: dict[str, int]

    def __len__(self) -> int:
        return len(self.arrival_s)


def read_requests(path: str | Path) -> Requests:
    """Read a request trace, plain or gzip-ed; rows out of order are sorted, equal times stay in the file's order.

    Raises
    ------
    TraceError
        With every fault of the file.
    """
    path = Path(path)
    if not path.exists():
        raise TraceError(f"{path}: no such file; a relative path counts from the working directory, {Path.cwd()}")
    source = Source(path)
    rows = Rows(source, {TIME: str, PROMPT: float, OUTPUT: float})
    rows.note_unzoned(TIME)
    moments = _moments(rows)
    prompt, output = _tokens(rows, PROMPT), _tokens(rows, OUTPUT)
    source.faults.check()
    source.note("rows not in order of time", np.count_nonzero(np.diff(moments) < np.timedelta64(0)))
    source.note("requests without output", np.count_nonzero(output == 0))
    order = np.argsort(moments, kind="stable")
    first = moments[order[0]]
    return Requests(
        arrival_s=(moments[order] - first) / np.timedelta64(1, "s"),
        prompt_tokens=prompt[order].astype("i8"),
        output_tokens=output[order].astype("i8"),
        origin=pd.Timestamp(first).to_pydatetime(warn=False).replace(tzinfo=UTC),
        notes=source.notes,
    )


def _moments(rows: Rows) -> np.ndarray:
    """Times to the nanosecond, datetime64[ns]: the publisher gives seven decimals."""
    texts = rows.text(TIME)
    coarse, bad = parse_times(texts)
    rows.faults.add_rows(
        f"column '{TIME}' must hold times like 2023-11-16 18:17:03.9799600",
        bad | np.isnat(coarse), rows.lines, texts,
    )  # fmt: skip
    rows.faults.check()
    return pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True).dt.tz_localize(None).to_numpy("datetime64[ns]")


def _tokens(rows: Rows, column: str) -> np.ndarray:
    values = rows.number(column)
    bad = ~((values >= 0) & (values <= MOST_TOKENS) & (values == np.floor(values)))
    rows.faults.add_rows(
        f"column '{column}' must hold whole numbers from 0 to {MOST_TOKENS:.0e}", bad, rows.lines, values
    )
    return values
