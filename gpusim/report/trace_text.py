"""The description of a trace as plain text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gpusim.inputs.traces.description import Description
from gpusim.results.wording import duration, gpu_hours
from gpusim.units import DAY_S, number_of

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def trace_text(description: Description) -> str:
    """The figures of a trace in lines of at most 100 columns."""
    return "\n".join(_lines(description))


def _lines(d: Description) -> Iterator[str]:
    begins = f"{d.origin:%Y-%m-%d %H:%M:%S} UTC" if d.origin else "an unknown date"
    yield f"Format {d.format}: {number_of(d.jobs, 'job')}, {gpu_hours(d.gpu_hours)}"
    over = f"over {duration(d.span_days * DAY_S)}" if d.span_days > 0.0 else "at one time"
    yield f"Submitted {over}, from {begins}"
    yield ""
    yield f"{'':12}{'runtime [s]':>14}{'GPUs':>12}"
    for name, row in d.quantiles.dropna().iterrows():  # one job has no deviation
        yield f"  {name:10}{row['runtime_s']:14,.0f}{row['gpus']:12,.{2 if name in ('mean', 'std') else 0}f}"
    yield ""
    yield f"{'GPUs':>8}{'jobs':>12}{'of jobs':>10}{'of GPU-time':>14}"
    for gpus, row in d.sizes.sort_values("jobs", ascending=False).head(12).sort_index().iterrows():
        yield f"{gpus:8,}{row['jobs']:12,.0f}{row['job_share']:10.2%}{row['gpu_time_share']:14.2%}"
    if len(d.sizes) > 12:
        yield f"  and {number_of(len(d.sizes) - 12, 'rarer size')}"
    yield ""
    yield "Arrivals (CV of the gaps, Fano factor of the counts: 1 = Poisson, more = bursty)"
    figures = {"inter-arrival CV": d.interarrival_cv, **{f"Fano per {name}": value for name, value in d.fano.items()}}
    known = [f"{name} {value:,.2f}" for name, value in figures.items() if np.isfinite(value)]
    yield "  " + (", ".join(known) or "all at one time")
    clock = "of the day, UTC" if d.origin else "after the first submission, modulo 24"
    yield f"  % by hour {clock}:"
    for half in (0, 12):
        yield f"    {half:2}h " + "".join(f"{100 * share:7.2f}" for share in d.hourly[half : half + 12])
    names = WEEKDAYS if d.origin else [f"day {day}" for day in range(1, 8)]
    yield f"  % by {'weekday, UTC' if d.origin else 'day after the first submission, modulo 7'}:"
    yield "    " + "  ".join(f"{name} {100 * share:.2f}" for name, share in zip(names, d.weekly))
    yield ""
    yield "Final states: " + _list(d.final_states, 6)
    yield f"GPU-time by tenant ({len(d.tenants)}): " + _list(d.tenants, 4)
    yield "GPU-time held by the largest jobs: " + ", ".join(
        f"{share:.1%} by the top {part:.0%}" for part, share in d.top_shares.items()
    )
    yield ""
    yield "Irregularities in the file:" if d.notes else "No irregularities in the file."
    for what, count in d.notes.items():
        yield f"{count:10,}  {what[:88]}"


def _list(shares: pd.Series, most: int) -> str:
    shown = ", ".join(f"{str(name)[:14] or '(none)'} {share:.1%}" for name, share in shares.head(most).items())
    return shown + (", ..." if len(shares) > most else "")
