"""An entry fitted to a user's own cluster: from a log of closed loops, with the interval that the log supports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.entry import Entry, ErrorRange
from gpusim.serving.fitting import MeasuredRuns, adjust, picked, stacked

NEEDED = ("batch", "prompt_tokens", "output_tokens", "token_s")
LEAST_ROWS = 3
INSIDE = 0.8


def calibrate(entry: Entry, log: pd.DataFrame) -> Entry:
    """The entry with factors on its times, and on its power if the log tells it, that explain the log best.

    Parameters
    ----------
    entry : Entry
        What is known without the log; of what the log does not tell, it stays.
    log : DataFrame
        A row per closed loop: batch, prompt_tokens, output_tokens, token_s [s] (mean time from token to token), and, if
        measured, power_w [W] of one GPU.

    Returns
    -------
    Entry
        Of basis "log". Its intervals are of the errors of each row by a fit to the others, as Student's t widens them.

    Raises
    ------
    ServingError
        If a column is missing, a number is not above 0, or there are fewer than ``LEAST_ROWS`` rows.
    """
    _check(log)
    runs = _runs(entry, log)
    whole = adjust(runs, entry.coefficients, entry.draws)
    made = replace(
        entry,
        coefficients=whole.of_times(entry.coefficients),
        draws=whole.of_power(entry.draws),
        basis="log",
        runs=len(log),
        source="a log of its own",
    )
    off_s, off_w = [], []
    for row in range(len(log)):
        others = adjust(picked(runs, np.arange(len(log)) != row), entry.coefficients, entry.draws)
        left = replace(made, coefficients=others.of_times(entry.coefficients), draws=others.of_power(entry.draws))
        load = picked(runs.load, row)
        off_s.append(np.log(runs.token_s[row] / left.token_time_s(load).value))
        off_w.append(np.log(runs.power_w[row] / left.power_w(load).value))
    power = _interval(np.array(off_w)) if np.isfinite(runs.power_w).sum() >= LEAST_ROWS else entry.power
    return replace(made, time=_interval(np.array(off_s)), power=power)


def _runs(entry: Entry, log: pd.DataFrame) -> MeasuredRuns:
    batch, prompt, output, token_s = (log[name].to_numpy(dtype=float) for name in NEEDED)
    load = stacked([entry.load(*row) for row in zip(batch, prompt, output, strict=True)])
    power_w = log["power_w"].to_numpy(dtype=float) if "power_w" in log else np.full(len(log), np.nan)
    return MeasuredRuns(stacked([entry.replica] * len(log)), load, token_s, power_w)


def _interval(off: np.ndarray) -> ErrorRange:
    """Middle of measured over predicted for one more row, from the errors of rows that were left out."""
    from scipy.special import stdtrit  # here: it takes long to load, and no run asks

    known = off[np.isfinite(off)]
    wide = stdtrit(len(known), (1.0 + INSIDE) / 2.0) * np.sqrt(np.mean(known**2))
    return ErrorRange(float(np.exp(-wide)), float(np.exp(wide)))


def _check(log: pd.DataFrame) -> None:
    if missing := [name for name in NEEDED if name not in log]:
        raise ServingError(f"log: no column {', '.join(missing)}; needed are {', '.join(NEEDED)}, power_w if measured")
    if len(log) < LEAST_ROWS:
        raise ServingError(f"log: {len(log)} rows; give {LEAST_ROWS} or more, of different batches")
    for name in NEEDED:
        wrong = ~(log[name].to_numpy(dtype=float) > 0.0)
        if wrong.any():
            row = wrong.argmax()
            raise ServingError(f"log: {name} is {log[name].iloc[row]} in row {row}; give numbers above 0")
