"""Mooncake's request traces (kvcache-ai/Mooncake): lines of JSON.

``timestamp`` in ms, ``input_length`` and ``output_length`` in tokens, ``hash_ids`` of the prompt's blocks, 512 each.
"""

from __future__ import annotations

import json

import numpy as np

from gpusim.inputs.requests.trace import MOST_TOKENS, Requests
from gpusim.inputs.traces.source import Source

BLOCK_TOKENS = 512
NUMBERS = ("timestamp", "input_length", "output_length")
SHOWN = 3  # lines of a fault


def mismatch(source: Source) -> str:
    """Why a file is not one of these; '' if it is."""
    return "" if source.data.lstrip().startswith(b"{") else "its lines are not JSON objects"


def read(source: Source) -> Requests:
    """The requests; lines out of order are sorted, equal times stay in the file's order."""
    records, lines = _records(source)
    numbers = [_numbers(source, records, lines, name) for name in NUMBERS]
    hashes = [record.get("hash_ids") for record in records]
    bad = [line for ids, line in zip(hashes, lines, strict=True) if not _are_ids(ids)]
    _tell(source, "'hash_ids' must be a list of whole numbers from 0", bad)
    source.faults.check()
    arrival_ms, prompt, output = numbers
    order = np.argsort(arrival_ms, kind="stable")
    source.note("rows not in order of time", np.count_nonzero(np.diff(arrival_ms) < 0.0))
    source.note("requests without output", np.count_nonzero(output == 0))
    return Requests(
        arrival_s=(arrival_ms[order] - arrival_ms[order[0]]) / 1e3,
        prompt_tokens=prompt[order].astype("i8"),
        output_tokens=output[order].astype("i8"),
        origin=None,
        notes=source.notes,
        hash_ids=[hashes[i] for i in order],
        block_tokens=BLOCK_TOKENS,
    )


def _records(source: Source) -> tuple[list[dict], list[int]]:
    records, lines, bad = [], [], []
    for line, text in enumerate(source.data.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            records.append(record)
            lines.append(line)
        else:
            bad.append(line)
    _tell(source, "each line must be a JSON object", bad)
    source.faults.check()
    return records, lines


def _numbers(source: Source, records: list[dict], lines: list[int], name: str) -> np.ndarray:
    values, bad = np.zeros(len(records)), []
    for i, (record, line) in enumerate(zip(records, lines, strict=True)):
        value = record.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS * 1e3:
            values[i] = value
        else:
            bad.append(line)
    _tell(source, f"'{name}' must be a number from 0", bad)
    return values


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _tell(source: Source, what: str, lines: list[int]) -> None:
    if lines:
        more = f" and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        source.faults.add(f"{what}: line {', '.join(map(str, lines[:SHOWN]))}{more}")
