"""Requests to a language model: when each came, how long its prompt and its output were, what prompts share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import TraceError, reason
from gpusim.inputs.traces.rows import Rows


@dataclass(frozen=True)
class Requests:
    """Requests in order of arrival.

    Attributes
    ----------
    arrival_s : ndarray of float, shape (n,)
        [s] since the first request.
    prompt_tokens, output_tokens : ndarray of int64, shape (n,)
    origin : datetime or None
        Calendar time of the first request, taken as UTC where the file names no zone; microseconds, cut off. None if
        the file has no dates.
    notes : dict of str to int
        Oddities survived: what -> how often.
    hash_ids : list of list of int, optional
        Of each request, a number for each block of its prompt that stands for all up to the block's end; equal numbers,
        equal beginnings.
    block_tokens : int
        Tokens of such a block; 0 without.
    adapter : ndarray of object, shape (n,), optional
        Name of the adapter (LoRA) of each request; None if it has none.
    priority : ndarray of int64, shape (n,), optional
        The higher goes first.
    """

    arrival_s: np.ndarray
    prompt_tokens: np.ndarray
    output_tokens: np.ndarray
    origin: datetime | None
    notes: dict[str, int]
    hash_ids: list[list[int]] | None = None
    block_tokens: int = 0
    adapter: np.ndarray | None = None
    priority: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.arrival_s)

    def to_frame(self) -> pd.DataFrame:
        """As ``gpusim.replay`` takes them: those with a prompt and an output; columns arrival_s, prompt_tokens, ..."""
        columns = {name: getattr(self, name) for name in ("arrival_s", "prompt_tokens", "output_tokens")}
        frame = pd.DataFrame(columns)
        if self.hash_ids is not None:
            frame["hash_ids"] = self.hash_ids
        for name in ("adapter", "priority"):
            if getattr(self, name) is not None:
                frame[name] = getattr(self, name)
        return frame[(frame["prompt_tokens"] > 0) & (frame["output_tokens"] > 0)]


# Cells of request traces: counts of tokens, seconds, whole numbers.

MOST_TOKENS = 1e9  # beyond any context there is
MOST_WHOLE = 32_767


def tokens(rows: Rows, column: str) -> np.ndarray:
    """Whole numbers of tokens; faults of others."""
    values = rows.number(column)
    bad = ~((values >= 0) & (values <= MOST_TOKENS) & (values == np.floor(values)))
    rows.faults.add_rows(
        f"column '{column}' must hold whole numbers from 0 to {MOST_TOKENS:.0e}", bad, rows.lines, values
    )
    return values


def whole(rows: Rows, column: str) -> np.ndarray:
    """Whole numbers of two bytes; faults of others."""
    values = rows.number(column)
    bad = ~((np.abs(values) <= MOST_WHOLE) & (values == np.floor(values)))
    rows.faults.add_rows(
        f"column '{column}' must hold whole numbers from -{MOST_WHOLE} to {MOST_WHOLE}", bad, rows.lines, values
    )
    return values


def seconds(rows: Rows, column: str) -> np.ndarray:
    """Finite numbers of seconds; faults of others."""
    values = rows.number(column)
    rows.faults.add_rows(f"column '{column}' must hold seconds", ~np.isfinite(values), rows.lines, values)
    return values


# A log of requests that a deployment of a user's own has served.


def read_log(path: Path) -> pd.DataFrame:
    """Rows of a CSV or Parquet file, whatever its columns.

    Raises
    ------
    TraceError
        If the file cannot be read as one of these.
    """
    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except OSError as error:
        raise TraceError(f"{path}: {reason(error)}; give a CSV or Parquet file") from None
    except (ValueError, pd.errors.ParserError) as error:  # of pyarrow too
        first = str(error).splitlines()[0]
        raise TraceError(f"{path}: no table that can be read ({first}); give a CSV or Parquet file") from None
