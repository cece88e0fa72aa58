"""Cells of request traces: counts of tokens, seconds, whole numbers."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.rows import Rows

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
