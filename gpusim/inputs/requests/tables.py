"""Requests as tables: gpusim's own, BurstGPT's and Azure's."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pandas as pd

from gpusim.inputs.requests.trace import Requests, seconds, tokens, whole
from gpusim.inputs.traces.rows import MISSING, Rows, parse_times
from gpusim.inputs.traces.source import Source

# Requests as plain tables: gpusim's own, and BurstGPT's (HPMLL/BurstGPT).
#
# Own: ``arrival_s,prompt_tokens,output_tokens``, maybe ``adapter``, a name or nothing, and
# ``priority``, a whole number. BurstGPT: ``Timestamp`` in
# seconds, maybe written ``Timestamp(s)``, ``Request tokens``, ``Response tokens``; a response of 0 tokens is a request
# that failed.

OWN = ("arrival_s", "prompt_tokens", "output_tokens")
BURST_GPT = ("Request tokens", "Response tokens")
BURST_GPT_TIMES = ("Timestamp", "Timestamp(s)")


def mismatch_own(source: Source) -> str:
    """Why a file is not gpusim's own; '' if it is."""
    return "" if set(OWN[:2]) & set(source.header) else f"its header has no {', '.join(OWN)}"


def read_own(source: Source) -> Requests:
    """The requests of gpusim's own table."""
    return _read(source, *OWN, {"adapter": str, "priority": float})


def mismatch_burst_gpt(source: Source) -> str:
    """Why a file is not BurstGPT's; '' if it is."""
    return "" if BURST_GPT[0] in source.header else f"its header has no {', '.join(BURST_GPT)}"


def read_burst_gpt(source: Source) -> Requests:
    """The requests of BurstGPT."""
    time = next((name for name in BURST_GPT_TIMES if name in source.header), BURST_GPT_TIMES[0])
    return _read(source, time, *BURST_GPT)


def _read(source: Source, time: str, prompt: str, output: str, more: dict[str, type] | None = None) -> Requests:
    rows, more = Rows(source, {time: float, prompt: float, output: float}, more), more or {}
    arrival_s, prompts, outputs = seconds(rows, time), tokens(rows, prompt), tokens(rows, output)
    priority = whole(rows, "priority") if "priority" in more and "priority" in rows else None
    source.faults.check()
    source.note("rows not in order of time", np.count_nonzero(np.diff(arrival_s) < 0.0))
    source.note("requests without output", np.count_nonzero(outputs == 0))
    order = np.argsort(arrival_s, kind="stable")
    names = None
    if "adapter" in more and "adapter" in rows:
        texts = rows.text("adapter")[order]
        names = np.where(np.isin(texts, MISSING), None, texts.astype(object))
    return Requests(
        arrival_s=arrival_s[order] - arrival_s[order[0]],
        prompt_tokens=prompts[order].astype("i8"),
        output_tokens=outputs[order].astype("i8"),
        origin=None,
        notes=source.notes,
        adapter=names,
        priority=None if priority is None else priority[order].astype("i8"),
    )


# Azure's LLM inference traces (Azure/AzurePublicDataset, 2023 to 2025).
#
# ``TIMESTAMP,ContextTokens,GeneratedTokens``, and other columns that are not read.

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
