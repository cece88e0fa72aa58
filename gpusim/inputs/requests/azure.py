"""Azure's LLM inference traces (Azure/AzurePublicDataset, 2023 to 2025).

``TIMESTAMP,ContextTokens,GeneratedTokens``, and other columns that are not read.
"""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pandas as pd

from gpusim.inputs.requests.columns import tokens
from gpusim.inputs.requests.trace import Requests
from gpusim.inputs.traces.rows import Rows, parse_times
from gpusim.inputs.traces.source import Source

TIME, PROMPT, OUTPUT = "TIMESTAMP", "ContextTokens", "GeneratedTokens"


def mismatch(source: Source) -> str:
    """Why a file is not one of these; '' if it is."""
    return "" if {TIME, PROMPT} & set(source.header) else f"its header has no {TIME}, {PROMPT}"


def read(source: Source) -> Requests:
    """The requests; rows out of order are sorted, equal times stay in the file's order."""
    rows = Rows(source, {TIME: str, PROMPT: float, OUTPUT: float})
    rows.note_unzoned(TIME)
    moments = _moments(rows)
    prompt, output = tokens(rows, PROMPT), tokens(rows, OUTPUT)
    source.faults.check()
    source.note("rows not in order of time", np.count_nonzero(np.diff(moments) < np.timedelta64(0, "s")))
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
