"""A log of requests that were served, as the closed loops that would have loaded a replica alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.units import number_of

TIMES = ("arrival_s", "first_token_s", "end_s")
COLUMNS = (*TIMES, "prompt_tokens", "output_tokens")
EACH = 60  # requests of a part of the log, about
MOST, LEAST = 24, 3  # parts


def check(log: pd.DataFrame) -> None:
    """One ``ServingError`` with the faults of a log: missing columns, else the first wrong row of each column."""
    if missing := [name for name in COLUMNS if name not in log]:
        found = ", ".join(str(name) for name in log.columns) or "none"
        raise ServingError(
            f"no column {', '.join(missing)}; found {found}; rename columns so that it has {', '.join(COLUMNS)}"
        )
    if len(log) < LEAST:
        found = number_of(len(log), "request")
        raise ServingError(f"{found}; give {LEAST} at the least, better {EACH * LEAST} or more")
    values = {name: pd.to_numeric(log[name], errors="coerce").to_numpy(float) for name in COLUMNS}
    faults = []
    for name, column in values.items():
        least = 1.0 if name.endswith("tokens") else -np.inf
        allowed = "a number from 1" if least == 1.0 else "a number of seconds"
        faults += _fault(log, ~(np.isfinite(column) & (column >= least)), name, allowed)
    for before, after in (TIMES[:2], TIMES[1:]):
        faults += _fault(log, values[after] < values[before], after, f"no earlier than {before}")
    if faults:
        raise ServingError("; ".join(faults))


def loops(log: pd.DataFrame, replicas: int = 1) -> pd.DataFrame:
    """Closed loops like the parts of a log: as many requests decoding at a time, as long contexts, as much prefill.

    While n requests decode and each gets a token every t seconds, n / t tokens come per second: t follows from how many
    tokens came, whoever had them. Each output token goes with as many prompt tokens as in the log.

    Parameters
    ----------
    log : DataFrame
        ``COLUMNS``, a row per request.
    replicas : int
        Among which the requests were spread evenly.

    Returns
    -------
    DataFrame
        A row for each part of the time of the log in which tokens came: batch, prompt_tokens, output_tokens, token_s.
    """
    check(log)
    arrival_s, first_s, end_s, prompts, outputs = (log[name].to_numpy(float) for name in COLUMNS)
    parts = int(np.clip(len(log) // EACH, LEAST, MOST))
    edges = np.quantile(first_s, np.linspace(0.0, 1.0, parts + 1))
    edges[-1] = max(edges[-1], np.median(end_s[first_s >= edges[-2]]))
    rate = np.divide(outputs - 1.0, end_s - first_s, out=np.zeros(len(log)), where=end_s > first_s)  # tokens/s
    rows = []
    for since, to in zip(edges[:-1], edges[1:], strict=True):
        inside = np.clip(np.minimum(end_s, to) - np.maximum(first_s, since), 0.0, None)
        came = rate * inside
        started = (first_s >= since) & (first_s < to)
        if to <= since or came.sum() <= 0.0 or not started.any():
            continue
        per_token = prompts[started].sum() / came.sum()
        passed = rate * (np.maximum(first_s, since) + 0.5 * inside - first_s)  # tokens before, in the mean
        context = (inside * (prompts + passed)).sum() / inside.sum()
        output = context / (per_token + 0.5)
        rows.append(
            {
                "batch": inside.sum() / (to - since) / replicas,
                "prompt_tokens": max(per_token * output, 1.0),
                "output_tokens": max(output, 1.0),
                "token_s": inside.sum() / came.sum(),
            }
        )
    if len(rows) < LEAST:
        raise ServingError(
            f"tokens came in only {number_of(len(rows), 'part')} of its time; give requests of which {LEAST * EACH} or"
            " more have several output tokens"
        )
    return pd.DataFrame(rows)


def _fault(log: pd.DataFrame, wrong: np.ndarray, name: str, allowed: str) -> list[str]:
    """What is wrong in a column, if anything is."""
    if not wrong.any():
        return []
    row, count = int(wrong.argmax()), int(wrong.sum())
    rows = f"row {row}" if count == 1 else f"row {row}, the first of {count:,}"
    return [f"{name} is {log[name].iloc[row]} in {rows}; it must be {allowed}"]
